"""How many connections bring data: what groups are for. Counted in this process, by who sent what over which connection."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

Address = tuple[str, int]


class DataConnections:
    """The connections over which batches, index pieces or carries came and that are open still; any thread may use it."""

    def __init__(self) -> None:
        self.requests = 0
        self.most = 0  # that were open at a time
        self.open_now: Callable[[], set[Address]] | None = None  # all connections of the server; set by it
        self._used: set[Address] = set()
        self._lock = threading.Lock()

    def used(self, environ: Mapping[str, Any]) -> None:
        """A request with data came; `environ` is its WSGI environment."""
        address = (str(environ.get("REMOTE_ADDR")), int(environ.get("REMOTE_PORT") or 0))
        with self._lock:
            self.requests += 1
            self._used.add(address)
            self.most = max(self.most, len(self._look()))

    @property
    def count(self) -> int:
        """How many are open now."""
        with self._lock:
            return len(self._look())

    def _look(self) -> set[Address]:
        if self.open_now is not None:
            self._used &= self.open_now()
        return self._used
