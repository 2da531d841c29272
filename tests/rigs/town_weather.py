"""The demo's delays with bad weather on top: seeded loss, duplicates and reordering, and relays that come back at another port.

Run with seed, loss %, duplicates % and jitter in ms, each way; else as gridecho_demo.shim, and in addition
    {"forwarder": 0, "relay": ["127.0.0.1", 4690]}  ->  {"relay": [...]}
    {"weather": true}                               ->  {"carried": ..., "lost": ..., "doubled": ..., "overtaken": ...}
"""

import random
import socket
import sys
import time
from typing import Any

from gridecho_demo.shim import Shim


class Weather(Shim):
    """Datagrams as they come are the only input of its dice, so one order of arrival gives one outcome for a seed."""

    def __init__(self, seed: int, loss: float, duplicates: float, jitter_ms: float) -> None:
        super().__init__()
        self._dice = random.Random(seed)
        self._loss, self._duplicates, self._jitter_ms = loss / 100, duplicates / 100, jitter_ms
        self._latest: dict[tuple[socket.socket, Any], float] = {}
        self._seen = {"carried": 0, "lost": 0, "doubled": 0, "overtaken": 0}

    def later(self, delay_ms: float, sock: socket.socket, data: bytes, to: Any) -> None:
        """Sends `data` from `sock` in `delay_ms` or somewhat later, once, twice or never."""
        copies = 1 + (self._dice.random() < self._duplicates)
        self._seen["carried"] += 1
        self._seen["doubled"] += copies - 1
        for _ in range(copies):
            lost, jitter_ms = self._dice.random() < self._loss, self._dice.random() * self._jitter_ms
            if lost:
                self._seen["lost"] += 1
                continue
            at = time.monotonic() + (delay_ms + jitter_ms) / 1000
            self._seen["overtaken"] += at < self._latest.get((sock, to), at)
            self._latest[sock, to] = max(at, self._latest.get((sock, to), at))
            super().later(delay_ms + jitter_ms, sock, data, to)

    def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
        if "weather" in command:
            return self._seen
        if "relay" in command:
            host, port = command["relay"]
            self._forwarders[command["forwarder"]]._relay = (host, port)
            return {"relay": [host, port]}
        return super()._obey(command)


if __name__ == "__main__":
    Weather(int(sys.argv[1]), *map(float, sys.argv[2:5])).run()
