"""Rounds of work in the background, a thread of the serving process. Several processes may do them at once."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from gridecho_common.logs import Seldom

from ..rules.errors import StorageAwayError, StorageFullError
from ..use.site import Site

log = logging.getLogger("gridecho.remote")


class Rounds(Thread):
    """Does `one_round` every few seconds until `stop`. What fails is tried again."""

    def __init__(self, name: str, site: Site, every_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self._site = site
        self._every_s = every_s
        self._stopping = Event()

    def one_round(self, ends: Callable[[], bool]) -> None:
        """What is to be done, up to where it `ends`."""
        raise NotImplementedError

    def run(self) -> None:
        """Until `stop`."""
        engine = self._site.archive.engine
        errors: tuple[type[Exception], ...] = (*engine.errors, StorageAwayError, StorageFullError)
        seldom = Seldom()
        while not self._stopping.wait(self._every_s):
            try:
                self.one_round(self._stopping.is_set)
            except errors as error:
                reason = type(engine.meaning(error)).__name__
                if seldom.now(reason):
                    log.warning("%s-failed reason=%s; tried again every %g s", self.name, reason, self._every_s)
            except Exception:  # the outermost loop of this thread: the data stay as they are, and are as good to ask
                if seldom.now("error"):
                    log.exception("%s-failed; tried again every %g s", self.name, self._every_s)
            finally:
                self._site.archive.give_back()

    def stop(self) -> None:
        """Ends it after what it is doing."""
        self._stopping.set()
        self.join()
