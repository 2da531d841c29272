"""Tidying in the background, a thread of the serving process. Several processes may do it at once."""

import logging
from datetime import date
from threading import Event, Thread

from gridecho_common.logs import Seldom

from ..rules.actor import OPERATOR
from ..rules.errors import StorageAwayError, StorageFullError
from ..use.audit import anchor, cut
from ..use.looks import settle
from ..use.site import Site
from ..use.tidying import tidy

log = logging.getLogger("gridecho.remote")


class Tidier(Thread):
    """Sees to what came every few seconds, and once a day notes where the audit ends, until `stop`.

    What fails is tried again; the data stay as they are.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(name="tidier", daemon=True)
        self._site = site
        self._every_s = site.settings.tidy_every_s
        self._stopping = Event()

    def run(self) -> None:
        """Until `stop`."""
        engine = self._site.archive.engine
        errors: tuple[type[Exception], ...] = (*engine.errors, StorageAwayError, StorageFullError)
        seldom = Seldom()
        anchored: date | None = None
        while not self._stopping.wait(self._every_s):
            try:
                before, anchored = anchored, anchor(self._site, anchored)
                if before != anchored:
                    cut(self._site, OPERATOR)
                settle(self._site)
                tidy(self._site, self._stopping.is_set)
            except errors as error:
                reason = type(engine.meaning(error)).__name__
                if seldom.now(reason):
                    log.warning("tidying-failed reason=%s; tried again every %g s", reason, self._every_s)
            except Exception:  # the outermost loop of this thread: the data stay as they are, and are as good to ask
                if seldom.now("error"):
                    log.exception("tidying-failed; tried again every %g s", self._every_s)
            finally:
                self._site.archive.give_back()

    def stop(self) -> None:
        """Ends it after what it is doing."""
        self._stopping.set()
        self.join()
