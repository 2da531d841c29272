"""The flash ring as the sensor holds it: its code comes into the heap with the first outage, or with what an earlier one left."""

import os

from gridecho.compat import const
from gridecho.readings import Reading, encode

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .backlog import Backlog
    from .config import Config
    from .uplink import Uplink

_BLOCK_BYTES = const(4096)  # what a file takes of flash, at least
_HEAD_BYTES = const(8)
_BESIDE_BYTES = const(15)  # of a record, around its values
_MOST_READINGS = const(4096)  # in a segment
_GUESS_BYTES = const(36)  # a record of four values, before a reading was taken


def segment_blocks(limit_bytes: int) -> int:
    """Blocks of flash that a segment of a ring of this size takes."""
    return max(1, min(4, limit_bytes // _BLOCK_BYTES // 16))


def room(limit_bytes: int, used_blocks: int, record_bytes: int) -> int:
    """How many records of this size fit into segments that are not begun yet; a block stays free for claims."""
    blocks = segment_blocks(limit_bytes)
    segments = max(0, limit_bytes // _BLOCK_BYTES - used_blocks - 1) // blocks
    return segments * min(_MOST_READINGS, (blocks * _BLOCK_BYTES - _HEAD_BYTES) // record_bytes)


class Ring:
    """Makes the backlog of an uplink when there is one, by the settings."""

    def __init__(self, uplink: "Uplink", config: "Config") -> None:
        self._uplink = uplink
        self._bytes = config.spool_bytes
        self._newest_first = config.spool_newest_first
        self._keep_oldest = config.spool_keep_oldest
        self._most = config.readings_per_datagram
        self._quantities = 0  # of the largest reading so far
        self._record_bytes = _GUESS_BYTES

    def measure(self, values: "dict[int, int]") -> None:
        """Learns from a reading how much of flash one takes."""
        if len(values) > self._quantities:
            self._quantities = len(values)
            self._record_bytes = _BESIDE_BYTES + len(encode([Reading(0, values)]))

    def room(self) -> int:
        """How many readings an empty ring holds for sure: a segment is left for what is on its way when an outage begins."""
        return room(self._bytes, segment_blocks(self._bytes), self._record_bytes)

    def found(self) -> "Backlog | None":
        """The backlog if flash holds readings; None if it holds none. Raises OSError if flash cannot be read."""
        return self.open() if "spool" in os.listdir() and os.listdir("spool") else None

    def open(self) -> "Backlog":
        """The backlog. Raises OSError if flash cannot be read."""
        from .backlog import Backlog
        from .spool import Spool

        spool = Spool(self._bytes, self._uplink.epoch, self._newest_first, record_bytes=self._record_bytes)
        return Backlog(self._uplink, spool, self._keep_oldest, self._most)
