"""What an uplink keeps account of: the relays that it knows, readings that wait, and datagrams on their way."""

from gridecho import frames
from gridecho.compat import const
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, STORE, DataHeader
from gridecho.readings import mask_of

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .spool import Batch


class Link:
    """One relay as this sensor sees it."""

    def __init__(self, root: bytes, sensor_id: int, key_id: int, relay_id: int) -> None:
        from gridecho.keys import link_key_down, link_key_up

        self.up = Cmac(link_key_up(root, sensor_id, key_id, relay_id))
        self.down = Cmac(link_key_down(root, sensor_id, key_id, relay_id))
        self.busy_until_us = 0
        self.silent = False  # since a round of probes went by without an answer of it


class Queued:
    """A reading that has no data id yet."""

    def __init__(self, number: "int | None", at_us: int, urgent: bool, values: "dict[int, int]") -> None:
        self.number = number
        self.at_us = at_us
        self.urgent = urgent
        self.values = values
        self.mask = mask_of(values)


class Queue:
    """What has no data id yet: at most `limit` readings, and the sensor's own state, which costs no reading its place."""

    def __init__(self, limit: int) -> None:
        self.readings: list[Queued] = []
        self._limit = limit
        self._state: Queued | None = None

    def count(self) -> int:
        """How many wait."""
        return len(self.readings) + (self._state is not None)

    def half_full(self) -> bool:
        """Whether it is time to find another place for some."""
        return len(self.readings) * 2 >= self._limit

    def add(self, queued: Queued) -> "Queued | None":
        """Takes a reading; gives the oldest if that had to go for it."""
        self.readings.append(queued)
        return self.readings.pop(0) if len(self.readings) > self._limit else None

    def tell(self, now_us: int, urgent: bool, values: "dict[int, int]") -> None:
        """Takes the sensor's own state; joined with what waits of it already."""
        if self._state is not None:
            urgent = urgent or self._state.urgent
            joined = dict(self._state.values)
            joined.update(values)
            values = joined
        self._state = Queued(None, now_us, urgent, values)

    def may_leave(self, live: bool, hold: bool) -> bool:
        """Whether something may leave: with `hold` only what is urgent, or wanted live, and the state."""
        if self._state is not None:
            return True
        if live or not hold:
            return bool(self.readings)
        return any(queued.urgent for queued in self.readings)

    def choose(self, live: bool, most: int) -> "list[Queued]":
        """What leaves next: urgent readings before the state before the others; of one kind up to `most`, in their order."""
        first = self._state
        for queued in self.readings:
            if queued.urgent or live:
                first = queued
                break
        if first is None:
            first = self.readings[0]
        if first is self._state:
            return [first]
        chosen = [q for q in self.readings if (live or q.urgent == first.urgent) and q.mask == first.mask]
        # A value takes a byte at least. Sealing tries what this leaves, so it bounds the memory for that too.
        return chosen[: min(most, frames.MAX_SEALED // (1 + len(first.values)))]

    def take(self, chosen: "list[Queued]") -> None:
        """These have a data id now."""
        if chosen[0] is self._state:
            self._state = None
        else:
            for queued in chosen:
                self.readings.remove(queued)


class Flight:
    """Readings with a data id, encoded, that wait for their ACK. Each send seals anew: the tag may be another by then."""

    def __init__(
        self,
        epoch: int,
        seq: int,
        urgent: bool,
        numbers: "list[int | None]",
        time_s: int,
        data: bytes,
        batch: "Batch | None",
    ) -> None:
        self.epoch = epoch
        self.seq = seq
        self.urgent = urgent
        self.numbers = numbers
        self.time_s = time_s
        self.data = data
        self.batch = batch  # where the readings lie on flash, if they do
        self.relay_id = 0
        self.asked: set[int] = set()  # every relay that it was sent to
        self.sends = 0
        self.once_only = True
        self.first_us = 0
        self.due_us = 0

    def seal(self, sensor_id: int, key_id: int, send: bool, siv: Siv) -> bytes:
        """The frame without link tag, tagged SEND or STORE."""
        op = SEND if send else STORE
        header = DataHeader(op, key_id, len(self.numbers), sensor_id, self.epoch, self.seq, self.time_s)
        return frames.seal(header, self.data, siv)
