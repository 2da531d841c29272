"""Asks the remote which sensors have an order waiting, and gets the orders they ask for. The UDP plane never waits for it."""

import logging
import threading
import time

from gridecho.errors import FrameError
from gridecho_common.retry import Backoff

from .shelf import Shelf
from .upstream import Upstream, UpstreamError

log = logging.getLogger(__name__)

_LEAST_PAUSE_S = 0.2  # between two rounds, however often sensors ask
_MOST_WAIT_S = 30.0


class OrderKeeper(threading.Thread):
    """Keeps the shelf up to date: every `every_s`, and at once when a sensor wants an order."""

    def __init__(self, shelf: Shelf, upstream: Upstream, every_s: float) -> None:
        super().__init__(name="orders", daemon=True)
        self.errors = 0
        self._shelf = shelf
        self._upstream = upstream
        self._every_s = every_s
        self._version = 0
        self._backoff = Backoff(every_s, max(every_s, _MOST_WAIT_S))
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        shelf.on_wanted = self._wanted.set

    def stop(self) -> None:
        """Ends the thread after the question that is under way."""
        self._stopping.set()
        self._wanted.set()

    def run(self) -> None:
        listed_s = -self._every_s
        while not self._stopping.is_set():
            self._wanted.clear()
            try:
                if time.monotonic() - listed_s >= self._every_s:
                    self._list()
                    listed_s = time.monotonic()
                self._get_wanted()
                self._backoff.reset()
                wait_s = max(0.0, listed_s + self._every_s - time.monotonic())
            except UpstreamError as error:
                self._stopping.wait(max(self._backoff.next_s(), error.retry_after_s))
                continue
            except Exception:  # the outermost loop of this thread: readings do not depend on it
                self.errors += 1
                log.exception("orders-error")
                self._stopping.wait(self._backoff.next_s())
                continue
            self._wanted.wait(wait_s)
            self._stopping.wait(_LEAST_PAUSE_S)

    def _list(self) -> None:
        found = self._upstream.fetch_orders(self._version)
        if found is not None:
            self._shelf.replace({(one.sensor_id, one.key_id): one.version for one in found.orders})
            self._version = found.version
            log.info("orders version=%d waiting=%d", found.version, len(found.orders))

    def _get_wanted(self) -> None:
        for sensor in self._shelf.wanted():
            sealed = self._upstream.fetch_order(sensor[0])
            if sealed is None:
                continue
            try:
                self._shelf.put(sensor, sealed)
            except FrameError as error:
                log.warning("order-refused sensor=%d what=%r", sensor[0], str(error))
