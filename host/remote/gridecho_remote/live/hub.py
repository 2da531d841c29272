"""One thread tells all who look at sensors as their readings come: it looks for what is new, and writes to all their connections.

It looks whether the database has changed, and then once for all sensors together (use/streams.py), so it sees what this process
stored and what any other did. A stream holds a connection and no thread; what its reader has not taken in is bounded.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, cast

from flask import Flask, current_app

from ..rules.errors import RemoteError, StorageAwayError, StorageFullError
from ..use import streams
from ..use.site import Site
from ..use.streams import NOTED_S, OVERLAP_MS, Arrivals, Position, Readings, Viewer
from . import events
from .telling import Render, Said, said, text_of

log = logging.getLogger("gridecho.remote.live")

LOOK_S = 0.05
CHECK_S = 0.4  # so often it is looked whether who is told nothing may still be told
BEAT_S = 15.0
MOST_OF_A_USER = 20
MOST_WAITING_BYTES = 768 << 10  # that were told and are not taken in
_RENEWED_S = 8.0
_JOINING, _RENEWING, _NOTING = 50, 50, 10  # at one look
_NOTED_AHEAD_S = 600
_AFTER_ERROR_S = 1.0
_NAME = "gridecho_remote.live"


class Wire(Protocol):
    """A connection, to be used from any thread."""

    @property
    def is_open(self) -> bool:
        """Whether the other end is there, as far as is known."""

    @property
    def waiting_bytes(self) -> int:
        """What was put and is not taken by the other end."""

    def stream(self, begin: Callable[[], None]) -> None:
        """The answer that is made now goes on by `put`, once `begin` is called; it is, whatever becomes of the answer."""

    def put(self, data: bytes) -> None:
        """Sends more, without waiting."""

    def end_stream(self) -> None:
        """There is no more: it ends once all is taken."""


@dataclass(slots=True, eq=False)
class Stream:
    """Somebody who is told of sensors; `after`: from where on, if they were told before."""

    viewer: Viewer
    wire: Wire
    one: bool  # of one sensor, and in its form
    after: Position | None
    noted: tuple[int, int]
    position: Position | None = None  # None: they were told nothing yet
    renewed_s: float = 0.0
    is_over: bool = False
    beat_s: float = 0.0
    checked_s: float = 0.0


class Live:
    """All streams of this process."""

    def __init__(self, site: Site, render: Render) -> None:
        self._site, self._render = site, render
        self._arrivals = Arrivals(site)
        self._streams: list[Stream] = []
        self._new: deque[Stream] = deque()
        self._of: Counter[int] = Counter()
        self._to_renew: deque[Stream] = deque()  # those whose time comes first at the front
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._thread: threading.Thread | None = None
        self._ending = False

    def admit(self, user: int) -> RemoteError | None:
        """Counts one more stream of a user, which is to come by `begin`; or why there can be none."""
        with self._lock:
            if self._of[user] >= MOST_OF_A_USER:
                return RemoteError("live-yours", most=MOST_OF_A_USER)
            if self._of.total() >= self._site.settings.max_streams or self._ending:
                return RemoteError("live-all")
            self._of[user] += 1
        return None

    def leave(self, user: int) -> None:
        """One less."""
        with self._lock:
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]

    def begin(self, stream: Stream) -> None:
        """They are told from now on."""
        with self._lock:
            self._new.append(stream)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        self._came.set()

    def stop(self) -> None:
        """Ends all, who are told to come again."""
        with self._lock:
            self._ending = True
        self._came.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def count(self) -> int:
        """How many are told."""
        return len(self._streams)

    def _run(self) -> None:
        of_storage: tuple[type[Exception], ...] = (
            StorageAwayError,
            StorageFullError,
            *self._site.archive.engine.errors,
        )
        while not self._ending:
            self._came.wait(LOOK_S if self._streams else None)
            self._came.clear()
            try:
                self._turn()
            except of_storage as error:  # nobody can say now what there is, or who may be told
                if self._site.seldom.now("live-away"):
                    log.error("cannot-look reason=%s; tried again", type(error).__name__)
                self._after_error()
            except Exception:  # the outermost loop of this thread: who was told a part comes again
                log.exception("live-error")
                self._end(list(self._streams), RemoteError("failed"), again=True)
                self._after_error()
        self._take_in()
        self._end(list(self._streams), RemoteError("live-stopping"), again=True)
        self._site.archive.give_back()

    def _after_error(self) -> None:
        self._site.archive.give_back()
        self._arrivals.forget_version()
        for _ in range(int(_AFTER_ERROR_S / LOOK_S)):
            if not self._ending:
                time.sleep(LOOK_S)

    def _turn(self) -> None:
        self._take_in()
        self._forget(one for one in list(self._streams) if not one.wire.is_open)
        if not self._streams:
            self._arrivals = Arrivals(self._site)
            self._to_renew.clear()
            self._site.archive.give_back()
            return
        now_s = time.monotonic()
        joining = [one for one in self._streams if one.position is None][:_JOINING]
        unchecked = any(now_s >= one.checked_s + CHECK_S for one in self._streams)
        if joining or unchecked or self._arrivals.has_changed():
            self._look(joining, now_s)
        for one in self._streams:
            if now_s >= one.beat_s + BEAT_S:
                self._put(one, events.BEAT, now_s)
        self._renew(now_s)
        self._note_ahead()

    def _take_in(self) -> None:
        while self._new:
            self._streams.append(self._new.popleft())

    def _look(self, joining: list[Stream], now_s: float) -> None:
        sensor_ids = {sensor_id for one in self._streams for sensor_id in one.viewer.sensor_ids}
        made: list[tuple[Stream, Said]] = []
        with self._arrivals.look(sensor_ids) as moment:
            for one in [*joining, *(other for other in self._streams if other.position is not None)]:
                joins = one.position is None
                wanted = [each for each in one.viewer.sensor_ids if joins or each in moment.sensor_ids]
                if wanted or now_s >= one.checked_s + CHECK_S:
                    one.checked_s = now_s
                    made.append(
                        (one, said(moment, one.viewer, wanted, one.after if joins else one.position, joins=joins))
                    )
        rendered: dict[int, bytes] = {}

        def render(sensor_id: int, found: Readings) -> bytes:
            # The same object for all who see the same.
            if id(found) not in rendered:
                rendered[id(found)] = self._render(sensor_id, found)
            return rendered[id(found)]

        for one, what in made:
            if what.why is not None:
                self._end([one], what.why, again=False)
            else:
                self._tell(one, what, moment.now_ms, now_s, render)

    def _tell(self, one: Stream, what: Said, now_ms: int, now_s: float, render: Render) -> None:
        joins = one.position is None
        times_s = [int(time_s) for _, found in what.told for time_s in found.times_s[[0, -1]]]
        if times_s:
            one.noted = streams.note(self._site, one.viewer, one.noted, min(times_s), max(times_s) + 1)
        if one.position is None:
            one.position = one.after or Position(now_ms - OVERLAP_MS, now_ms)
            self._to_renew.appendleft(one)
        text = text_of(what, one.position, now_ms, one.one, render)
        if joins:
            text = text or events.place(str(one.position))
        if text:
            self._put(one, text, now_s)

    def _put(self, one: Stream, text: bytes, now_s: float) -> None:
        if one.wire.waiting_bytes + len(text) > MOST_WAITING_BYTES:
            self._end([one], RemoteError("live-slow"), again=True)
        else:
            one.wire.put(text)
            one.beat_s = now_s

    def _end(self, some: list[Stream], why: RemoteError, *, again: bool) -> None:
        for one in some:
            log.info("ended user=%d code=%s", one.viewer.actor.id, why.code)
            one.wire.put(events.end(why, again))
            one.wire.end_stream()
        self._forget(some)

    def _forget(self, some: Iterable[Stream]) -> None:
        gone = list(some)
        if gone:
            self._streams = [one for one in self._streams if one not in gone]
        for one in gone:
            one.is_over = True
            self.leave(one.viewer.actor.id)

    def _renew(self, now_s: float) -> None:
        """Says to relays that somebody looks still, for some of those whose time has come."""
        left = _RENEWING
        while left > 0 and self._to_renew and now_s >= self._to_renew[0].renewed_s + _RENEWED_S:
            one = self._to_renew.popleft()
            if one.is_over or one.position is None:
                continue
            one.renewed_s = now_s
            self._to_renew.append(one)
            left -= len(one.viewer.sensor_ids)
            streams.renew(self._site, one.viewer, one.position.begun_ms)

    def _note_ahead(self) -> None:
        """Notes the hour to come for some of those whose noted one is nearly over: not for all at once when it is."""
        now_s = int(self._site.clock())
        for one in [one for one in self._streams if one.noted[1] < now_s + _NOTED_AHEAD_S][:_NOTING]:
            one.noted = streams.note(self._site, one.viewer, one.noted, now_s, now_s + NOTED_S)


def attach_live(app: Flask, site: Site, render: Render) -> None:
    """Has `app` tell people of readings as they come; `render` makes a sensor's readings into JSON."""
    app.extensions[_NAME] = Live(site, render)


def live_of(app: Flask) -> Live:
    """Those whom `app` tells."""
    return cast(Live, app.extensions[_NAME])


def live() -> Live:
    """Those of the application whose request this is."""
    return live_of(current_app)
