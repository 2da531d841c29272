"""Fetches an order from the target relay, piece by piece, onto flash, and ends its trial (docs/protocol.md, section 6.5)."""

from gridecho.compat import const
from gridecho.crypto import Siv
from gridecho.errors import ProtocolError
from gridecho.frames import HEADER, untag
from gridecho.keys import order_key
from gridecho.orders import HEAD_BYTES, PIECE_BYTES, Fetch, Order, open_piece, read_piece

from .files import read_file, read_key, replace_file
from .update import clear, confirm, decided, read_file_size, take, take_back, versions

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .compat import Wire
    from .traffic import Link
    from .uplink import Uplink

_FIRST_WAIT_US = const(1_000_000)
_MOST_WAIT_US = const(30_000_000)
_LARGEST = const(1068)  # a whole piece with its link tag
_TRIES = const(8)
_LEAVE_ALONE_US = const(600_000_000)
_BEHIND_US = const(10_000_000)  # a relay needs a while to hear that its order was taken
_UNASKED_US = const(1_000_000)


class Orders:
    """`turn` asks at quiet times, `receive` takes the answers. `trial_until_us`: what runs now is on trial until then."""

    def __init__(self, uplink: "Uplink", wire: "Wire", trial_until_us: "int | None" = None) -> None:
        self._uplink = uplink
        self._wire = wire
        wire.largest = _LARGEST
        self._trial_until_us = trial_until_us
        self._decided = trial_until_us is not None and decided()
        self._siv = Siv(order_key(read_key(), uplink.sensor_id, uplink.key_id))
        self._newest = max(versions())
        self.in_force: tuple[int, ...] = ()  # settings and firmware, when a trial ended well just now
        self._order: Order | None = None
        self._digest = b""
        self._pieces = 0  # so many of the content are on flash
        self._link: Link | None = None  # of the relay that was asked last
        self._due_us = 0
        self._tries = 0
        self._behind = 0  # heads running that were not new
        self._taking: Iterator[bool | None] | None = None
        if trial_until_us is None:
            self._resume()
        else:
            clear()  # the power may have gone before that: the order was taken, and not to be taken again

    def turn(self, now_us: int) -> bool:
        """Whether the board is to restart now. Raises OSError if flash fails; then nothing more is tried for a while."""
        try:
            return self._turn(now_us)
        except OSError:
            self._order = self._taking = None
            self._leave_alone(now_us)
            raise

    def _turn(self, now_us: int) -> bool:
        if self._trial_until_us is not None:
            return self._end_trial(now_us)
        order, route = self._order, self._uplink.route
        if order is not None and self._pieces == order.count():
            self._order, self._taking = None, take(order, self._digest)
        if self._taking is not None:
            return self._uplink.idle() and self._go_on(now_us, self._taking)
        if not self._uplink.order_waiting:
            # Not long after the next one is told of it is asked for, whatever was with the last.
            self._tries = self._behind = 0
            self._due_us = now_us + _UNASKED_US
            return False
        if route is None or now_us < self._due_us or not self._uplink.idle():
            return False
        if self._tries >= _TRIES:
            self._leave_alone(now_us)
            return False
        if order is None:
            fetch, held = Fetch(self._uplink.key_id, self._uplink.sensor_id, 0, 0), HEAD_BYTES
        else:
            index = self._pieces + 1
            fetch, held = Fetch(order.key_id, order.sensor_id, order.version, index), order.length(index)
        self._link = self._uplink.link(route[0])
        self._due_us = now_us + min(_MOST_WAIT_US, _FIRST_WAIT_US << self._tries)
        self._tries += 1
        self._wire.send(route[0], fetch.pack(self._link.up, held))
        return False

    def next_us(self) -> int:
        """When `turn` may have something to do again."""
        return self._due_us if self._trial_until_us is None else self._trial_until_us

    def _end_trial(self, now_us: int) -> bool:
        if self._uplink.acked or self._decided:
            self._trial_until_us = None
            confirm()
            self._newest = max(versions())
            self.in_force = versions()[:2]
            return False
        if now_us < (self._trial_until_us or 0):
            return False
        take_back()
        return True

    def receive(self, now_us: int, datagram: bytes) -> bool:
        """Takes a PIECE; False if it is not what was asked for. If flash fails, nothing more is tried for a while."""
        if self._link is None:
            return False
        try:
            frame = untag(datagram, self._link.down)
            order, index = read_piece(frame)
            if order.sensor_id != self._uplink.sensor_id or order.key_id != self._uplink.key_id:
                return False
            content = open_piece(frame, self._siv)
        except ProtocolError:
            return False
        if index and (self._order is None or order.version != self._order.version or index != self._pieces + 1):
            return False
        self._tries = 0
        self._due_us = now_us
        try:
            if index:
                self._keep(content)
            else:
                self._take_head(now_us, order, frame[:HEADER], content)
        except OSError:
            self._order = None
            self._leave_alone(now_us)
        return True

    def _take_head(self, now_us: int, order: Order, header: bytes, digest: bytes) -> None:
        if self._order is not None and order.version == self._order.version:
            return
        clear()
        self._order = None
        if order.version <= self._newest:
            self._due_us = now_us + min(_LEAVE_ALONE_US, _BEHIND_US << self._behind)
            self._behind = min(self._behind + 1, 6)
            return
        self._behind = 0
        replace_file("order.head", header + digest)
        self._order, self._digest, self._pieces = order, digest, 0

    def _keep(self, content: bytes) -> None:
        with open("order.part", "ab") as file:
            file.write(content)
        self._pieces += 1

    def _go_on(self, now_us: int, taking: "Iterator[bool | None]") -> bool:
        self._due_us = now_us
        restart = next(taking)
        if restart is None:
            return False
        self._taking = None
        if not restart:
            self._leave_alone(now_us)
        return restart

    def _leave_alone(self, now_us: int) -> None:
        self._tries = 0
        self._due_us = now_us + _LEAVE_ALONE_US

    def _resume(self) -> None:
        """Goes on with what an earlier boot fetched, if it is whole pieces of an order that is still to be taken."""
        head = read_file("order.head") or b""
        size = read_file_size("order.part") or 0
        try:
            order, _ = read_piece(head[:HEADER] + bytes(16 + HEAD_BYTES))
        except ProtocolError:
            clear()
            return
        last = size == order.size
        if len(head) != HEADER + HEAD_BYTES or order.version <= self._newest or (size % PIECE_BYTES and not last):
            clear()
            return
        self._order, self._digest = order, head[HEADER:]
        self._pieces = order.count() if last else size // PIECE_BYTES
