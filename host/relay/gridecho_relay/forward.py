"""The forwarder: a thread that takes what is due to the remote and deletes it after the receipt, and only then."""

import logging
import threading
import time

from gridecho_common.retry import Backoff

from .ledger import Ledger
from .upstream import Upstream, UpstreamError

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.2
_MOST_WAIT_S = 10.0
_TOO_LARGE = 413


class Forwarder(threading.Thread):
    """Sends the outbox, and the store while it is flushed. `wake` it when either has something new."""

    def __init__(self, ledger: Ledger, upstream: Upstream, batch_frames: int) -> None:
        super().__init__(name="forwarder", daemon=True)
        self.errors = 0
        self.last_receipt_utc_ms = 0
        self._ledger = ledger
        self._upstream = upstream
        self._most = self._batch_frames = batch_frames
        self._backoff = Backoff(_FIRST_WAIT_S, _MOST_WAIT_S)
        self._changed = threading.Condition()
        self._due = True  # a restart may find rows
        self._stopping = False
        self._not_before = 0.0
        self._away = False

    def wake(self) -> None:
        """There is something to forward; while the remote is away this does not shorten the wait."""
        with self._changed:
            self._due = True
            self._changed.notify()

    def remote_answers(self) -> None:
        """The remote was just heard of: a wait because it did not answer ends now."""
        with self._changed:
            if self._away:
                self._away = False
                self._not_before = 0.0
                self._changed.notify()

    def stop(self) -> None:
        """Ends the thread after the exchange that is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        try:
            while self._wait():
                try:
                    self._forward()
                except UpstreamError as error:
                    self._later(error)
                except Exception:  # the outermost loop of this thread: what it is about stays on disk
                    self.errors += 1
                    log.exception("forward-error")
                    self._later(UpstreamError("internal", status=500))
        finally:
            self._ledger.close()

    def _forward(self) -> None:
        batch = self._ledger.next_batch(self._most)
        if batch is None:
            return
        try:
            self._upstream.send(batch.frames)
        except UpstreamError as error:
            if error.status != _TOO_LARGE or len(batch.frames) == 1:
                raise
            self._most = len(batch.frames) // 2
            self.wake()
            return
        self._ledger.delete(batch)
        self.last_receipt_utc_ms = time.time_ns() // 1_000_000
        self._backoff.reset()
        self._most = min(self._batch_frames, self._most + self._most // 8 + 1)
        self.wake()

    def _later(self, error: UpstreamError) -> None:
        wait_s = max(self._backoff.next_s(), error.retry_after_s)
        with self._changed:
            self._due = True
            self._away = not error.status
            self._not_before = time.monotonic() + wait_s

    def _wait(self) -> bool:
        with self._changed:
            while not self._stopping:
                wait_s = self._not_before - time.monotonic()
                if self._due and wait_s <= 0:
                    self._due = False
                    self._not_before = 0.0
                    return True
                self._changed.wait(wait_s if self._due else None)
        return False
