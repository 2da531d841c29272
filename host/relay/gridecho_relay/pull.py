"""The remote fetches what it wants: it asks with a request that proves itself, takes the batches, and signs for each.

Nothing is deleted but on the remote's receipt, and nothing is streamed that the index was not told of before: else a later
piece of the index could name it again (see index.py). What is streamed and not yet signed for is kept in bounded memory.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gridecho import batch, relay_keys
from gridecho.crypto import Cmac
from gridecho.errors import AuthError
from gridecho.holdings import Pull, read_pull

from .forward import Forwarder
from .index import Teller
from .ledger import Batch, Ledger
from .receipts import Receipts

log = logging.getLogger(__name__)

CLOCKS_APART_MS = 300_000  # of a request, at most: what was recorded longer ago is worth nothing
_MOST_IDS = 4_096
_MOST_AT_ONCE = 2
_TELL_WITHIN_S = 3.0
_SIGN_WITHIN_S = 60.0
_MOST_UNSIGNED_BYTES = 32 << 20


class PullBusyError(Exception):
    """As many requests are under way as this relay takes."""


@dataclass(frozen=True, slots=True)
class _Streamed:
    batch: Batch
    listing: int
    size: int
    until_s: float


class Pulls:
    """The requests of one remote to one relay; any thread may use it."""

    def __init__(
        self,
        relay_id: int,
        secret: bytes,
        ledger: Ledger,
        teller: Teller,
        forwarder: Forwarder,
        receipts: Receipts,
        batch_frames: int,
        goes_by_group: Callable[[], bool],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.served = self.receipts = 0
        self._relay_id = relay_id
        self._pull_mac = Cmac(relay_keys.pull_key(secret, relay_id))
        self._batch_mac = Cmac(relay_keys.batch_key(secret, relay_id))
        self._receipt_mac = Cmac(relay_keys.receipt_key(secret, relay_id))
        self._ledger = ledger
        self._teller = teller
        self._forwarder = forwarder
        self._receipts = receipts
        self._batch_frames = batch_frames
        self._goes_by_group = goes_by_group
        self._now_s = now_s
        # Ids of requests, and until when they are kept, in ms; also those from before a restart.
        self._ids: OrderedDict[int, int] = OrderedDict(ledger.asked())
        ledger.close()
        self._unsigned: OrderedDict[bytes, _Streamed] = OrderedDict()
        self._bytes = self._running = 0
        self._changed = threading.Condition()

    def open(self, body: bytes) -> Iterator[bytes] | None:
        """The stream that answers a request: each batch after its length as u32, and a length of 0 at the end.

        The caller calls `ended` when it is sent or broken off. None: the data of this relay go through the proxy of its group, and
        so do these.

        Raises FrameError or AuthError for what is no request of the remote to this relay now, PullBusyError, OperationalError.
        """
        request = read_pull(body, self._pull_mac)
        if request.relay_id != self._relay_id:
            raise AuthError("pull", "for another relay")
        now_ms = int(self._now_s() * 1000)
        if abs(now_ms - request.utc_ms) > CLOCKS_APART_MS:
            raise AuthError("pull", "made at another time")
        with self._changed:
            if request.pull_id in self._ids:
                raise AuthError("pull", "seen before")
            while self._ids and next(iter(self._ids.values())) < now_ms:
                self._ids.popitem(last=False)
            if self._running >= _MOST_AT_ONCE or len(self._ids) >= _MOST_IDS:
                raise PullBusyError
            until_ms = now_ms + 2 * CLOCKS_APART_MS  # from then on its own time refuses it
            try:
                self._ledger.note_asked(request.pull_id, until_ms, now_ms)
            finally:
                self._ledger.close()
            self._ids[request.pull_id] = until_ms
            by_group = self._goes_by_group()
            self._running += not by_group
        if by_group:
            self._forwarder.pull(request)
            return None
        return self._stream(request)

    def ended(self) -> None:
        """A stream that `open` gave is sent, or was broken off."""
        with self._changed:
            self._running -= 1

    def sign(self, body: bytes) -> bool:
        """Takes a receipt and deletes its batch; False if this relay waits for none with this id. Raises FrameError, AuthError."""
        receipt = batch.read_receipt(body, self._receipt_mac)
        if receipt.relay_id != self._relay_id:
            raise AuthError("receipt", "for another relay")
        with self._changed:
            self._forget()
            streamed = self._unsigned.get(receipt.batch_id)
        try:
            if streamed is None or not self._teller.delete_told(streamed.batch, streamed.listing):
                return False
        finally:
            self._ledger.close()
        with self._changed:
            if self._drop(receipt.batch_id):
                self._receipts.add(receipt, streamed.batch)
                self.receipts += 1
        return True

    def _stream(self, request: Pull) -> Iterator[bytes]:
        frames = 0
        try:
            self._forwarder.tell_now(_TELL_WITHIN_S)
            listing, last_id = self._teller.told
            for found in self._batches(request, last_id):
                batch_id, body = batch.pack_batch(self._relay_id, found.frames, self._batch_mac)
                if not self._keep(batch_id, found, listing, len(body)):
                    log.warning("pull-given-up id=%d frames=%d; no receipt came", request.pull_id, frames)
                    return
                frames += len(found.frames)
                yield len(body).to_bytes(4, "big") + body
            yield bytes(4)
            self.served += 1
            log.info("pulled id=%d frames=%d directly=yes", request.pull_id, frames)
        finally:
            self._ledger.close()

    def _batches(self, request: Pull, last_id: int) -> Iterator[Batch]:
        after_id = 0
        while (found := self._ledger.batch_of(request.wants, self._batch_frames, after_id)) is not None:
            after_id = found.ids[-1]
            if after_id > last_id:
                count = sum(row_id <= last_id for row_id in found.ids)
                found = Batch(found.table, found.ids[:count], found.frames[:count])
            if not found.ids:
                return
            yield found

    def _keep(self, batch_id: bytes, found: Batch, listing: int, size: int) -> bool:
        # False if what was streamed before is not signed for, so that there is no room for more.
        with self._changed:
            end_s = time.monotonic() + _SIGN_WITHIN_S
            while self._bytes and self._bytes + size > _MOST_UNSIGNED_BYTES:
                self._forget()
                if not self._changed.wait(1.0) and time.monotonic() > end_s:
                    return False
            self._drop(batch_id)
            self._unsigned[batch_id] = _Streamed(found, listing, size, time.monotonic() + _SIGN_WITHIN_S)
            self._bytes += size
        return True

    def _forget(self) -> None:
        now_s = time.monotonic()
        while self._unsigned and next(iter(self._unsigned.values())).until_s < now_s:
            self._drop(next(iter(self._unsigned)))

    def _drop(self, batch_id: bytes) -> bool:
        streamed = self._unsigned.pop(batch_id, None)
        if streamed is None:
            return False
        self._bytes -= streamed.size
        self._changed.notify_all()
        return True
