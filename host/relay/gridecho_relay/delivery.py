"""Delivering batches and pieces of the index: whichever way they go, only what the remote signed for this relay counts."""

import logging
import zlib
from collections.abc import Callable
from typing import TypeVar

import urllib3
from gridecho import batch, relay_keys
from gridecho.crypto import Cmac
from gridecho.errors import FrameError, ProtocolError
from gridecho.groups import BATCH, DEFLATED_BATCH, PIECE, Handed, Turn, read_turn
from gridecho.holdings import KNOWN_BYTES, Known, Piece, read_known
from gridecho_common.clock import MACHINE, Clock

from .carrier import Carrier, CarrierBusyError
from .hand_over import CutOffError, HandOver, ProxyLostError
from .upstream import MOVED, Http, Upstream, UpstreamError, word_of
from .way import Way

log = logging.getLogger(__name__)

_LEAST_TO_DEFLATE = 2_048  # bytes; a few frames are one packet either way
_PAYS = 0.9  # of the length, at most, or the batch goes as it is
_NOT_FOR = 15  # batches that go as they are after one that did not get shorter
_MOST_TURNS = 3  # that are followed for one load
_FIRST_TURN_S = 3.0
_NEW_TURN_S = 1.0

_Found = TypeVar("_Found")


class Delivery:
    """One relay's data on their way to the remote. `send` and `tell` are for one thread, the rest for any."""

    def __init__(
        self,
        relay_id: int,
        secret: bytes,
        upstream: Upstream,
        carrier: Carrier,
        *,
        compress: bool = True,
        clock: Clock = MACHINE,
        http: Http = urllib3.PoolManager,
    ) -> None:
        """With `compress`, batches are deflated where that makes them shorter."""
        self.relay_id = relay_id
        self.batch_bytes = self.sent_bytes = 0  # of all batches, and what travelled for them
        self.by_group = self.direct = 0  # loads that the remote answered, by their way
        self.on_lost: Callable[[], None] = lambda: None  # the remote is to hear of it
        self._upstream = upstream
        self._carrier = carrier
        self._hand_over = HandOver(http, clock)
        self._clock = clock
        self._compress = compress
        self._as_is = 0  # so many batches are not tried now
        self._batch_mac = Cmac(relay_keys.batch_key(secret, relay_id))
        self._receipt_mac = Cmac(relay_keys.receipt_key(secret, relay_id))
        self._way = Way(relay_id, self._receipt_mac)
        self._turned = clock.condition()
        self._asked = False  # whether the remote was asked once whose turn it is

    def send(self, frames: list[bytes]) -> batch.Receipt:
        """The remote's receipt for these frames. Raises UpstreamError for anything else."""
        batch_id, body = batch.pack_batch(self.relay_id, frames, self._batch_mac)
        self.batch_bytes += len(body)
        deflated = self._deflated(body)
        load = (DEFLATED_BATCH, deflated) if deflated else (BATCH, body)
        self.sent_bytes += len(load[1])

        def read(answer: bytes) -> batch.Receipt:
            receipt = batch.read_receipt(answer[: batch.RECEIPT_BYTES], self._receipt_mac)
            if receipt.relay_id != self.relay_id or receipt.batch_id != batch_id:
                raise FrameError("receipt", "for something else")
            self._hear(answer[batch.RECEIPT_BYTES :])
            return receipt

        return self._deliver(load, read)

    def tell(self, piece: Piece) -> Known:
        """What the remote knows of this relay's holdings after a piece of the index. Raises UpstreamError."""

        def read(answer: bytes) -> Known:
            known = read_known(answer[:KNOWN_BYTES], self._receipt_mac)
            if known.relay_id != self.relay_id:
                raise FrameError("index", "an answer for another relay")
            self._hear(answer[KNOWN_BYTES:])
            return known

        return self._deliver((PIECE, piece.pack(self._batch_mac)), read)

    def hear(self, packed: bytes | None) -> None:
        """The turn that came with a heartbeat; None: the remote could not be asked. Raises ProtocolError if it is not genuine."""
        try:
            if packed:
                self._hear(packed)
        finally:
            with self._turned:
                self._asked = True
                self._turned.notify_all()

    @property
    def turn(self) -> Turn | None:
        """What the remote last said of this relay's group; None: nothing yet."""
        return self._way.turn

    @property
    def lost(self) -> str:
        """Why the proxy is held for lost; empty: it is not."""
        with self._turned:
            return self._way.lost(self._clock.now_s())

    @property
    def goes_by_group(self) -> bool:
        """Whether data go through a proxy now, this relay itself perhaps."""
        with self._turned:
            return self._way.through(self._clock.now_s()) is not None

    def appointed(self, handed: Handed) -> bool:
        """Whether the remote made this relay the proxy that what is handed over is for."""
        return self._way.appointed(handed)

    def close(self) -> None:
        """Closes the idle connections."""
        self._hand_over.close()

    def _deliver(self, load: tuple[int, bytes], read: Callable[[bytes], _Found]) -> _Found:
        with self._turned:
            self._turned.wait_for(lambda: self._asked, _FIRST_TURN_S)
        suspect: tuple[Turn, str] | None = None
        fruitless: Turn | None = None
        for _ in range(_MOST_TURNS):
            with self._turned:
                turn = self._way.through(self._clock.now_s())
            if turn is None:
                break
            try:
                status, wait_s, answer = self._by_group(turn, load)
                if status == 200:
                    found = self._genuine(turn, answer, read)
                    self.by_group += 1
                    self._way.brought()
                    self._upstream.took(word_of(load[0]))
                    return found
            except CutOffError as error:
                suspect = turn, error.why
                break
            except ProxyLostError as error:
                self._lose(turn, error.why)
                break
            if status == MOVED:
                if not self._newer_than(turn):
                    self._lose(turn, "it says that it is not the proxy")
                continue
            if self._way.is_proxy(turn):
                if status:
                    self._upstream.refuses(word_of(load[0]), f"HTTP {status}")
                raise UpstreamError("not delivered", status, wait_s)
            # What a proxy says without the remote's signature is a hint at most: the remote itself is asked.
            if status:
                fruitless = turn
            else:
                suspect = turn, "it does not reach the remote"
            break
        found = self._straight(load, read, suspect)
        if fruitless is not None:
            with self._turned:
                too_often = self._way.fruitless()
            if too_often:
                self._lose(fruitless, "it brings nothing")
        with self._turned:
            turn = self._way.through(self._clock.now_s())
        if turn is not None and not self._way.is_proxy(turn):
            self._upstream.release_data()  # the next load goes to the proxy
        return found

    def _by_group(self, turn: Turn, load: tuple[int, bytes]) -> tuple[int, int, bytes]:
        if not self._way.is_proxy(turn):
            answer = self._hand_over(turn, load)
            self._upstream.release_data()
            return answer
        try:
            waiting = self._carrier.submit(Handed(turn.group_id, turn.term, turn.appointment, load))
        except CarrierBusyError:
            raise UpstreamError("busy with what others brought", 503, 1) from None
        waiting.done.wait()
        return waiting.answer

    def _genuine(self, turn: Turn, answer: bytes, read: Callable[[bytes], _Found]) -> _Found:
        try:
            return read(answer)
        except ProtocolError:
            if self._way.is_proxy(turn):
                raise UpstreamError("no valid answer") from None
            raise ProxyLostError("what it answers is not from the remote") from None

    def _straight(
        self, load: tuple[int, bytes], read: Callable[[bytes], _Found], suspect: tuple[Turn, str] | None
    ) -> _Found:
        answer = self._upstream.deliver(load)
        if suspect:
            self._lose(*suspect)  # for the remote is there
        try:
            found = read(answer)
        except ProtocolError as error:
            # Whoever answered, it may have been taken: so this is no status of the remote's own.
            raise self._upstream.failed(f"no valid answer ({error})") from None
        self.direct += 1
        self._upstream.took(word_of(load[0]))
        return found

    def _hear(self, packed: bytes) -> None:
        if not packed:
            return
        turn = read_turn(packed, self._receipt_mac)
        with self._turned:
            new = self._way.take(turn)
            if new:
                self._turned.notify_all()
        if new and turn.group_id:
            self._carrier.begun(turn.group_id, turn.term)
        if new and not self._way.is_proxy(turn) and turn.proxy:
            self._upstream.release_data()  # of a term as proxy, perhaps: a group has one connection for data
        if new and turn.group_id:
            log.info("turn group=%d term=%d proxy=%d url=%s", turn.group_id, turn.term, turn.proxy, turn.url)

    def _newer_than(self, turn: Turn) -> bool:
        """Whether the remote, asked now, says that another turn has begun."""

        def newer() -> bool:
            now = self._way.turn
            return now is not None and (now.group_id, now.term) != (turn.group_id, turn.term)

        with self._turned:
            if newer():
                return True
        self.on_lost()
        with self._turned:
            return self._turned.wait_for(newer, _NEW_TURN_S)

    def _lose(self, turn: Turn, why: str) -> None:
        with self._turned:
            new = self._way.lose(turn, why, self._clock.now_s())
        if new:
            log.warning("proxy-lost group=%d term=%d proxy=%d why=%r", turn.group_id, turn.term, turn.proxy, why)
            self.on_lost()

    def _deflated(self, body: bytes) -> bytes | None:
        if not self._compress or len(body) < _LEAST_TO_DEFLATE:
            return None
        if self._as_is:
            self._as_is -= 1
            return None
        deflated = zlib.compress(body, 1)
        if len(deflated) > _PAYS * len(body):
            self._as_is = _NOT_FOR
            return None
        return deflated
