"""Hearing the remote's call: one thread that waits there, so that what is wanted of this relay need not wait for a heartbeat."""

import threading

from gridecho_common.clock import MACHINE, Clock
from gridecho_common.retry import Backoff

from .heartbeat import Heartbeat
from .upstream import Upstream, UpstreamError

_LEAST_PAUSE_S = 0.25
_SOON_S = (
    1.0  # an answer that comes sooner and says nothing new is not one that waited: something between does not let it
)
_MOST_WAIT_S = 60.0


class Listener(threading.Thread):
    """Has a heartbeat follow at once where the remote has news. With a remote that does not call all works as well, later."""

    def __init__(self, upstream: Upstream, heartbeat: Heartbeat, clock: Clock = MACHINE) -> None:
        super().__init__(name="listening", daemon=True)
        self._upstream, self._heartbeat, self._clock = upstream, heartbeat, clock
        self._backoff = Backoff(1.0, _MOST_WAIT_S)
        self._stopping = clock.event()

    def stop(self) -> None:
        """Ends the thread after the question that is under way."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self.attempt())

    def attempt(self) -> float:
        """One question; how long to leave the remote alone after it."""
        seen, begun_s = self._heartbeat.news, self._clock.now_s()
        if not seen:
            return _SOON_S
        try:
            news = self._upstream.hear(seen)
        except UpstreamError as error:
            return max(self._backoff.next_s(), error.retry_after_s)
        self._backoff.reset()
        if news != seen:
            self._heartbeat.now()
        elif self._clock.now_s() - begun_s < _SOON_S:
            return _MOST_WAIT_S / 4
        return _LEAST_PAUSE_S
