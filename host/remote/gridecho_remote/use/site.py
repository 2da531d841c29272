"""What every use case works on: one object a running remote."""

from collections.abc import Callable
from dataclasses import dataclass

from ..settings import RemoteSettings
from ..store.database import Archive
from .ingest import Ingest


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of one running remote; `clock` gives Unix seconds."""

    settings: RemoteSettings
    archive: Archive
    ingest: Ingest
    clock: Callable[[], float]

    def now_ms(self) -> int:
        """Its time in Unix milliseconds."""
        return int(self.clock() * 1000)
