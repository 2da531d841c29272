"""The forwarder: a thread that takes what is due to the remote, in order, and deletes it after the receipt, and only then.

In each step: first a piece of the index of which it is not known whether it arrived (see index.py), then one batch (what is to
be sent at once, else what was asked for, else the store while it is flushed), then what is new for the index.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gridecho.holdings import Pull
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.retry import Backoff

from .delivery import Delivery
from .index import Teller
from .ledger import Batch, Ledger
from .receipts import Receipts
from .upstream import TOO_LARGE, UpstreamError

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.2
_MOST_WAIT_S = 10.0
_MOST_PULLS = 256  # that wait; the remote asks again for those beyond


@dataclass(slots=True)
class _Request:
    """A pull request that came with a heartbeat, and how many of its frames are at the remote."""

    pull: Pull
    frames: int = 0


class Forwarder(threading.Thread):
    """Sends the outbox, what is pulled, and the store while it is flushed. `wake` it when there is something new."""

    def __init__(
        self,
        ledger: Ledger,
        delivery: Delivery,
        teller: Teller,
        receipts: Receipts,
        batch_frames: int,
        clock: Clock = MACHINE,
    ) -> None:
        super().__init__(name="forwarder", daemon=True)
        self.errors = 0
        self.pulls_served = 0
        self.on_pulled: Callable[[], None] = lambda: None
        self._ledger = ledger
        self._delivery = delivery
        self._teller = teller
        self._receipts = receipts
        self._most = self._batch_frames = batch_frames
        self._backoff = Backoff(_FIRST_WAIT_S, _MOST_WAIT_S)
        self._clock = clock
        self._changed = clock.condition()
        self._due = True  # a restart may find rows
        self._stopping = False
        self._not_before = 0.0
        self._away = False
        self._pulls: dict[int, _Request] = {}
        self._pulled: dict[int, int] = {}

    def wake(self) -> None:
        """There is something to forward; while the remote is away this does not shorten the wait."""
        with self._changed:
            self._due = True
            self._changed.notify()

    def tell_now(self, within_s: float) -> None:
        """Tells the index what is held now, if that can be done within so many seconds."""
        self._teller.hurry()
        self.wake()
        self._teller.wait_until_told(within_s)

    def pull(self, request: Pull) -> None:
        """Sends what a request asks for; when that is done, `pulled` says so until it is `reported`."""
        with self._changed:
            known = request.pull_id in self._pulls or request.pull_id in self._pulled
            if known or len(self._pulls) + len(self._pulled) >= _MOST_PULLS:
                return
            self._pulls[request.pull_id] = _Request(request)
            self._due = True
            self._changed.notify()

    @property
    def pulls_waiting(self) -> int:
        """Requests that are not finished."""
        return len(self._pulls)

    def pulled(self) -> dict[int, int]:
        """The requests that are finished and that the remote has not been told of: frames sent, by pull id."""
        with self._changed:
            return dict(self._pulled)

    def reported(self, pull_ids: list[int]) -> None:
        """The remote was told that these are finished."""
        with self._changed:
            for pull_id in pull_ids:
                self._pulled.pop(pull_id, None)
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
                self.attempt()
        finally:
            self._ledger.close()

    def due_in_s(self) -> float:
        """How long until the next `attempt`, if nothing new comes before."""
        wait_s = self._not_before - self._clock.now_s()
        if wait_s > 0:
            return wait_s
        return 0.0 if self._due else self._teller.due_in_s()

    def attempt(self) -> None:
        """One step; what fails in it is tried again later."""
        with self._changed:
            self._due = False
            self._not_before = 0.0
        try:
            self._step()
        except UpstreamError as error:
            self._later(error)
        except Exception:  # the outermost one of this thread: what it is about stays on disk
            self.errors += 1
            log.exception("forward-error")
            self._later(UpstreamError("internal", status=500))

    def _step(self) -> None:
        if self._teller.in_doubt:
            self._teller.tell()
        request, batch = self._next_batch()
        if batch is not None:
            self._send(batch, request)
        if self._teller.due_in_s() <= 0:
            self._teller.tell()
            self._backoff.reset()

    def _next_batch(self) -> tuple[_Request | None, Batch | None]:
        while not self._ledger.holding.outbox.frames:
            with self._changed:
                request = next(iter(self._pulls.values()), None)
            if request is None:
                break
            batch = self._ledger.batch_of(request.pull.wants, self._most)
            if batch is not None:
                return request, batch
            self._finish(request)
        return None, self._ledger.next_batch(self._most)

    def _finish(self, request: _Request) -> None:
        pull_id = request.pull.pull_id
        log.info("pulled id=%d frames=%d", pull_id, request.frames)
        with self._changed:
            del self._pulls[pull_id]
            self._pulled[pull_id] = request.frames
            self.pulls_served += 1
        self.on_pulled()

    def _send(self, batch: Batch, request: _Request | None) -> None:
        self.wake()  # there may be more
        try:
            receipt = self._delivery.send(batch.frames)
        except UpstreamError as error:
            if error.status != TOO_LARGE or len(batch.frames) == 1:
                raise
            self._most = len(batch.frames) // 2
            return
        self._ledger.delete(batch)
        self._receipts.add(receipt, batch)
        if request is not None:
            request.frames += len(batch.frames)
        self._backoff.reset()
        self._most = min(self._batch_frames, self._most + self._most // 8 + 1)

    def _later(self, error: UpstreamError) -> None:
        wait_s = max(self._backoff.next_s(), error.retry_after_s)
        with self._changed:
            self._due = True
            self._away = not error.status
            self._not_before = self._clock.now_s() + wait_s

    def _wait(self) -> bool:
        with self._changed:
            while not self._stopping and (wait_s := self.due_in_s()) > 0:
                self._changed.wait(wait_s)
            return not self._stopping
