"""Answers that are under way for long: as long as the other end has not taken all of one, it is looked again whether it is open.

What was revoked is cut off with all that waits to be sent, in this process and in the system, whoever reads it how slowly.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, cast

from flask import Flask, current_app, request

from ..rules.errors import RemoteError
from ..use.site import Site

log = logging.getLogger("gridecho.remote.running")

LINE = "gridecho.line"  # in a request's environment: the connection that it came over, where the server gives one
LOOK_S = 0.25  # what is revoked may go on for a second
MOST_OF_A_USER = 20
_NAME = "gridecho_remote.running"


class Line(Protocol):
    """A connection, to be used from any thread."""

    def hold(self) -> None:
        """Does not end by itself before the other end has taken all; to be undone by `release`."""

    def release(self) -> None:
        """May end again."""

    def is_over(self) -> bool:
        """Whether the other end has all that was given so far, or is gone."""

    def has_all(self) -> bool:
        """Whether the other end has all that was given so far; if it is gone: whether it had."""

    def cut_off(self) -> None:
        """Ends with what waits to be sent."""


@dataclass(slots=True)
class _Answer:
    line: Line
    user: int
    path: str
    is_open: Callable[[], bool]
    ended: Callable[[bool], None]
    made: bool = False  # nothing comes after what was given

    def is_made(self) -> None:
        self.made = True

    @property
    def is_over(self) -> bool:
        return self.made and self.line.is_over()


class Running:
    """Looks at what is under way in this process, by a thread that runs as long as there is anything."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers: list[_Answer] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        # Of many that end at once each is told of in turn, and nobody waits for that to be cut off.
        self._telling = ThreadPoolExecutor(1, "ended")

    def has_many(self, user: int) -> bool:
        """Whether so much is under way to a user that no more can be looked at."""
        with self._lock:
            return sum(one.user == user and not one.is_over for one in self._answers) >= MOST_OF_A_USER

    def watch(self, user: int, is_open: Callable[[], bool], ended: Callable[[bool], None]) -> Callable[[], None]:
        """The answer to this request goes on only as long as this is so; to be called: what is given back, when all is made.

        `ended` is called when it is over: whether the other end has all of what was made.
        """
        line: Line | None = request.environ.get(LINE)
        if line is None:
            return lambda: ended(True)
        answer = _Answer(line, user, request.path, is_open, ended)
        line.hold()
        with self._lock:
            self._answers.append(answer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="running", daemon=True)
                self._thread.start()
        return answer.is_made

    def stop(self) -> None:
        """Looks no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for one in self._taken_out(lambda _: True):
            self._telling.submit(_tell, one.ended, one.line.has_all())
        self._telling.shutdown()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            for over in self._taken_out(lambda one: one.is_over):
                over.line.release()
                self._telling.submit(_tell, over.ended, over.line.has_all())
            with self._lock:
                there = list(self._answers)
                if not there:
                    self._thread = None
                    return
            for one in there:
                if not self._is_open(one):
                    log.warning("cut-off path=%s user=%d", one.path, one.user)
                    one.line.cut_off()
            self._site.archive.give_back()

    def _is_open(self, answer: _Answer) -> bool:
        of_storage: tuple[type[Exception], ...] = (RemoteError, *self._site.archive.engine.errors)
        try:
            return answer.is_open()
        except of_storage as error:  # nobody can say so now
            log.error("cannot-look path=%s reason=%s", answer.path, type(error).__name__)
            return False

    def _taken_out(self, which: Callable[[_Answer], bool]) -> list[_Answer]:
        with self._lock:
            found = [one for one in self._answers if which(one)]
            self._answers = [one for one in self._answers if one not in found]
        return found


def _tell(ended: Callable[[bool], None], has_all: bool) -> None:
    try:
        ended(has_all)
    except Exception:  # the outermost of this thread
        log.exception("end-not-told")


def attach_running(app: Flask, site: Site) -> None:
    """Has `app` look at what it gives."""
    app.extensions[_NAME] = Running(site)


def running_of(app: Flask) -> Running:
    """What `app` looks with."""
    return cast(Running, app.extensions[_NAME])


def running() -> Running:
    """That of the application whose request this is."""
    return running_of(current_app)
