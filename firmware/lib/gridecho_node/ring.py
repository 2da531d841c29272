"""The flash ring as the sensor holds it: its code comes into the heap with the first outage, or with what an earlier one left."""

import os

from gridecho.compat import const
from gridecho.readings import Reading, encode

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from gridecho.config import Config

    from .backlog import Backlog
    from .uplink import Uplink

_BLOCK_BYTES = const(4096)
_BESIDE_BYTES = const(15)  # of a record on flash, around its values


class Ring:
    """Makes the backlog of an uplink when there is one, by the settings."""

    def __init__(self, uplink: "Uplink", config: "Config") -> None:
        self._uplink = uplink
        self._bytes = config.spool_bytes
        self._newest_first = config.spool_newest_first
        self._keep_oldest = config.spool_keep_oldest
        self._most = config.readings_per_datagram
        self.readings = 0  # how many an empty ring holds for sure
        self._quantities = 0  # of the largest reading so far
        self._record_bytes = 0

    def measure(self, values: "dict[int, int]") -> None:
        """Learns from a reading how much of flash one takes."""
        if len(values) <= self._quantities:
            return
        self._quantities = len(values)
        self._record_bytes = _BESIDE_BYTES + len(encode([Reading(0, values)]))
        # As Spool.room says it; what is on its way when an outage begins takes a segment, and a block for its claims.
        blocks = self._bytes // _BLOCK_BYTES
        segment = max(1, min(4, blocks // 16))
        self.readings = (blocks - segment - 2) // segment * ((segment * _BLOCK_BYTES - 8) // self._record_bytes)

    def found(self) -> "Backlog | None":
        """The backlog if flash holds readings; None if it holds none. Raises OSError if flash cannot be read."""
        return self.open() if "spool" in os.listdir() and os.listdir("spool") else None

    def open(self) -> "Backlog":
        """The backlog. Raises OSError if flash cannot be read."""
        from .backlog import Backlog
        from .spool import Spool

        spool = Spool(self._bytes, self._uplink.epoch, self._newest_first, record_bytes=self._record_bytes)
        return Backlog(self._uplink, spool, self._keep_oldest, self._most)
