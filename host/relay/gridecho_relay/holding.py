"""Where a frame goes and when the store goes to the remote (method, S3a), as arithmetic on bytes: no file, no clock, no socket.

A STORE frame goes to the buffer. If the store has `threshold_bytes` free, and room for the buffer, the buffer moves in. If not, a
flush begins: all that the store holds goes to the remote and is deleted after the receipt, and the buffer waits until then.

Where space is short, each sensor has a share: it holds no more of the buffer, or of the outbox, than is still free there for the
others, or than its part would be if all sensors had one alike. So one that fills a relay leaves half of it to the rest.

Frames have ids that only grow, so buffer and store are one table: while a flush runs, the rows up to `flush_to` are the store.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gridecho import frames
from gridecho.frames import MAX_DATAGRAM


@dataclass(frozen=True, slots=True)
class Limits:
    """The sizes from relay.toml, in bytes of frames."""

    store_bytes: int
    threshold_bytes: int
    buffer_bytes: int
    outbox_bytes: int


@dataclass(slots=True)
class Amount:
    """What one place holds."""

    frames: int = 0
    bytes: int = 0
    readings: int = 0

    def add(self, size: int, readings: int) -> None:
        """Takes in one frame of `size` bytes."""
        self.frames += 1
        self.bytes += size
        self.readings += readings

    def take(self, other: "Amount") -> None:
        """Takes in all that `other` holds."""
        self.frames += other.frames
        self.bytes += other.bytes
        self.readings += other.readings

    def drop(self, other: "Amount") -> None:
        """Gives up what `other` holds."""
        self.frames -= other.frames
        self.bytes -= other.bytes
        self.readings -= other.readings

    def copy(self) -> "Amount":
        """The same, apart from this one."""
        return Amount(self.frames, self.bytes, self.readings)


Bytes = dict[bytes, int]  # by sensor id as in a frame


class Holding:
    """How much a relay holds and where. The caller makes each change together with a commit, on a `copy` if that may fail."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.store = Amount()
        self.buffer = Amount()
        self.outbox = Amount()
        self.in_buffer: Bytes = {}
        self.in_outbox: Bytes = {}
        self.sensors = 1  # that share the space
        self.next_id = 1
        self.flush_to = 0  # 0: no flush; else the id of the store's last frame

    @classmethod
    def restore(
        cls,
        limits: Limits,
        flush_to: int,
        store: Amount,
        buffer: Amount,
        outbox: Amount,
        last_id: int,
        in_buffer: Bytes | None = None,
        in_outbox: Bytes | None = None,
    ) -> "Holding":
        """The state after a restart: `store` has the rows up to `flush_to`, `buffer` those after it; no id is above `last_id`."""
        self = cls(limits)
        self.store, self.buffer, self.outbox = store, buffer, outbox
        self.in_buffer, self.in_outbox = in_buffer or {}, in_outbox or {}
        self.next_id = max(flush_to, last_id) + 1
        if flush_to and store.frames:
            self.flush_to = flush_to
        else:
            self._move()
        return self

    def copy(self) -> "Holding":
        """The same state, apart from this one."""
        other = Holding(self.limits)
        other.store, other.buffer, other.outbox = self.store.copy(), self.buffer.copy(), self.outbox.copy()
        other.in_buffer, other.in_outbox = self.in_buffer.copy(), self.in_outbox.copy()
        other.next_id, other.flush_to, other.sensors = self.next_id, self.flush_to, self.sensors
        return other

    @property
    def flushing(self) -> bool:
        """Whether the store is on its way to the remote."""
        return self.flush_to > 0

    @property
    def readings(self) -> int:
        """All the readings this relay holds."""
        return self.store.readings + self.buffer.readings + self.outbox.readings

    def has_room(self, op: int, size: int) -> bool:
        """Whether there is room for a new frame with operation tag `op`, whosever it is."""
        if op == frames.SEND:
            return self.outbox.bytes + size <= self.limits.outbox_bytes
        return self.buffer.bytes + size <= self.limits.buffer_bytes

    def admit(self, op: int, size: int, readings: int, sensor: bytes = b"") -> int:
        """The id for a new frame with operation tag `op` of this sensor (its id as in the frame; none has no share).

        0 if there is no room for it, or its sensor has its share: it is to be answered with NACK busy.
        """
        if not self.has_room(op, size):
            return 0
        if op == frames.SEND:
            if not self._shares(self.in_outbox, sensor, size, self.limits.outbox_bytes, self.outbox.bytes):
                return 0
            self.outbox.add(size, readings)
            return self._take_id()
        if not self._shares(self.in_buffer, sensor, size, self.limits.buffer_bytes, self.buffer.bytes):
            return 0
        self.buffer.add(size, readings)
        if not self.flushing:
            free = self.limits.store_bytes - self.store.bytes
            if free >= max(self.limits.threshold_bytes, self.buffer.bytes):
                self._move()
            else:
                self.flush_to = self.next_id - 1  # this frame is the first of the buffer
        return self._take_id()

    def easy(self) -> tuple[int, int]:
        """(bytes, next id): as many bytes of STORE frames as `admit` would take one after the other with ids in sequence and
        without a change between buffer, store and flush. For a driver with many frames, who tells of them by `admit_easy`.
        """
        if self.flushing:
            room = (
                self.limits.buffer_bytes // 2 - self.buffer.bytes
            )  # so far, every sensor leaves as much to the others
        else:
            # Each of them finds the threshold free, and room for itself.
            free = self.limits.store_bytes - self.store.bytes
            room = free - max(self.limits.threshold_bytes, MAX_DATAGRAM)
            if self.buffer.frames or self.limits.buffer_bytes < MAX_DATAGRAM:
                room = 0
        return max(0, room), self.next_id

    def admit_easy(self, rows: list[tuple[int, bytes]], next_id: int) -> None:
        """Admits the last of `rows`: those with ids from the present next one on, up to `next_id`."""
        new = next_id - self.next_id
        if new:
            place = self.buffer if self.flushing else self.store
            place.take(amount_of(frame for _, frame in rows[-new:]))
            if self.flushing:
                for sensor, size in by_sensor(frame for _, frame in rows[-new:]).items():
                    self.in_buffer[sensor] = self.in_buffer.get(sensor, 0) + size
            self.next_id = next_id

    def promote(self, size: int, readings: int, sensor: bytes = b"") -> int:
        """A frame of buffer or store that is not being flushed goes to the outbox, whatever is there: its new id."""
        gone = Amount(1, size, readings)
        (self.buffer if self.flushing else self.store).drop(gone)
        if self.flushing:
            _drop(self.in_buffer, {sensor: size})
        self.outbox.take(gone)
        self.in_outbox[sensor] = self.in_outbox.get(sensor, 0) + size
        return self._take_id()

    def flush_all(self) -> None:
        """An operator's wish: buffer and store go to the remote now, whatever their size."""
        self.store.take(self.buffer)
        self.buffer, self.in_buffer = Amount(), {}
        self.flush_to = self.next_id - 1 if self.store.frames else 0

    def sent(self, gone: Amount, whose: Mapping[bytes, int] | None = None) -> None:
        """`gone` of the outbox, `whose` it was in bytes, is at the remote and deleted here."""
        self.outbox.drop(gone)
        _drop(self.in_outbox, whose or {})

    def pulled(self, from_store: Amount, from_buffer: Amount, whose: Mapping[bytes, int] | None = None) -> None:
        """These are at the remote and deleted here, out of turn; `whose` those of the buffer were, in bytes."""
        self.buffer.drop(from_buffer)
        _drop(self.in_buffer, whose or {})
        self.flushed(from_store)

    def flushed(self, gone: Amount) -> None:
        """`gone` of the store is at the remote and deleted here; when that was all, the buffer moves in."""
        self.store.drop(gone)
        if self.flushing and not self.store.frames:
            self._move()

    def _move(self) -> None:
        self.store.take(self.buffer)
        self.buffer, self.in_buffer = Amount(), {}
        self.flush_to = 0

    def _shares(self, held: Bytes, sensor: bytes, size: int, limit: int, used: int) -> bool:
        """Whether a sensor stays within its share of a place with this frame, which counts then."""
        if not sensor:
            return True
        its = held.get(sensor, 0) + size
        if its > max(limit // self.sensors, limit - used - size):
            return False
        held[sensor] = its
        return True

    def _take_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1


def amount_of(some: Iterable[bytes]) -> Amount:
    """What these frames (without link tags) amount to; byte 3 of a frame is its number of readings."""
    amount = Amount()
    for frame in some:
        amount.add(len(frame), frame[3])
    return amount


def by_sensor(some: Iterable[bytes]) -> Bytes:
    """The bytes of these frames by their sensors."""
    whose: Bytes = {}
    for frame in some:
        sensor = frame[4:8]
        whose[sensor] = whose.get(sensor, 0) + len(frame)
    return whose


def _drop(held: Bytes, gone: Mapping[bytes, int]) -> None:
    for sensor, size in gone.items():
        left = held.get(sensor, 0) - size
        if left > 0:
            held[sensor] = left
        else:
            held.pop(sensor, None)
