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


class Queued:
    """A reading that has no data id yet."""

    __slots__ = ("at_us", "mask", "number", "urgent", "values")

    def __init__(self, number: "int | None", at_us: int, urgent: bool, values: "dict[int, int]") -> None:
        self.number = number
        self.at_us = at_us
        self.urgent = urgent
        self.values = values
        self.mask = mask_of(values)


class Flight:
    """Readings with a data id, encoded, that wait for their ACK. Each send seals anew: the tag may be another by then."""

    __slots__ = (
        "asked", "batch", "data", "due_us", "epoch", "first_us", "numbers",
        "once_only", "relay_id", "sends", "seq", "time_s", "urgent",
    )  # fmt: skip

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
