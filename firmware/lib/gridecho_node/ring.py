"""The flash ring as the sensor holds it: its code comes into the heap with the first outage, or with what an earlier one left."""

import os

from gridecho.compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .backlog import Backlog
    from .config import Config
    from .uplink import Uplink

_READING_BYTES = const(36)  # of four values


class Ring:
    """Makes the backlog of an uplink when there is one, by the settings."""

    def __init__(self, uplink: "Uplink", config: "Config") -> None:
        self.readings = config.spool_bytes // _READING_BYTES  # how many about fit an empty one
        self._uplink = uplink
        self._bytes = config.spool_bytes
        self._newest_first = config.spool_newest_first
        self._keep_oldest = config.spool_keep_oldest
        self._most = config.readings_per_datagram

    def found(self) -> "Backlog | None":
        """The backlog if flash holds readings; None if it holds none. Raises OSError if flash cannot be read."""
        return self.open() if "spool" in os.listdir() and os.listdir("spool") else None

    def open(self) -> "Backlog":
        """The backlog. Raises OSError if flash cannot be read."""
        from .backlog import Backlog
        from .spool import Spool

        spool = Spool(self._bytes, self._uplink.epoch, self._newest_first)
        return Backlog(self._uplink, spool, self._keep_oldest, self._most)
