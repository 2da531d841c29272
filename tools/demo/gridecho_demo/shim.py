"""Delays between sensors and relays: a UDP forwarder for each relay with an added round-trip delay that can be changed.

A process of its own, because its delays must not wait for anything else. It is driven by lines of JSON on stdin and answers each
with one on stdout; when stdin ends, so does it:
    {"open": ["127.0.0.1", 4690], "delay_ms": 4}  ->  {"port": 41234}      a new forwarder, numbered from 0
    {"forwarder": 0, "delay_ms": 80}              ->  {"delay_ms": 80}
    {"counts": true}                              ->  {"counts": [{"data_bytes": ..., "data": ..., "all_bytes": ...}, ...]}
"""

import heapq
import json
import os
import selectors
import socket
import time
from collections import deque
from typing import Any

from gridecho.frames import DATA

_MOST_CLIENTS = 4096
_DRAIN = 64


class _Forwarder:
    """One relay's front: a socket that the sensors know, and one socket toward the relay for each sensor's address."""

    def __init__(self, shim: "Shim", relay: tuple[str, int], delay_ms: float) -> None:
        self.delay_ms = delay_ms
        self.counts = {"data": 0, "data_bytes": 0, "all_bytes": 0}
        self._shim = shim
        self._relay = relay
        self.front = _udp_socket()
        self.front.bind(("127.0.0.1", 0))
        self._toward: dict[Any, socket.socket] = {}
        shim.watch(self.front, self._from_sensors)

    def _from_sensors(self) -> None:
        for data, client in _drain(self.front):
            self.counts["all_bytes"] += len(data)
            if data and data[0] & 15 == DATA:
                self.counts["data"] += 1
                self.counts["data_bytes"] += len(data)
            toward = self._toward.get(client) or self._open_toward(client)
            self._shim.later(self.delay_ms / 2, toward, data, self._relay)

    def _open_toward(self, client: Any) -> socket.socket:
        if len(self._toward) >= _MOST_CLIENTS:
            oldest = next(iter(self._toward))
            self._shim.unwatch(self._toward.pop(oldest))
        toward = _udp_socket()
        toward.bind(("127.0.0.1", 0))
        self._toward[client] = toward

        def from_relay() -> None:
            for data, _ in _drain(toward):
                self.counts["all_bytes"] += len(data)
                self._shim.later(self.delay_ms / 2, self.front, data, client)

        self._shim.watch(toward, from_relay)
        return toward


class Shim:
    """The selector loop: what arrives is put into a heap by the time at which it goes on."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._heap: list[tuple[float, int, socket.socket, bytes, Any]] = []
        self._order = 0
        self._forwarders: list[_Forwarder] = []
        self._commands: deque[bytes] = deque()
        self._partial = b""

    def watch(self, sock: socket.socket, callback: Any) -> None:
        """Calls `callback` when the socket has something."""
        self._selector.register(sock, selectors.EVENT_READ, callback)

    def unwatch(self, sock: socket.socket) -> None:
        """Closes a socket that was watched."""
        self._selector.unregister(sock)
        sock.close()

    def later(self, delay_ms: float, sock: socket.socket, data: bytes, to: Any) -> None:
        """Sends `data` from `sock` in `delay_ms`."""
        self._order += 1
        heapq.heappush(self._heap, (time.monotonic() + delay_ms / 1000, self._order, sock, data, to))

    def run(self) -> None:
        """Forwards until stdin ends."""
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, None)
        while True:
            wait = max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None
            for key, _ in self._selector.select(wait):
                if key.data is not None:
                    key.data()
                elif not self._read_commands():
                    return
            now = time.monotonic()
            while self._heap and self._heap[0][0] <= now:
                _, _, sock, data, to = heapq.heappop(self._heap)
                try:
                    sock.sendto(data, to)
                except OSError:
                    continue  # the sensor or relay is gone: a loss, as on a real wire

    def _read_commands(self) -> bool:
        chunk = os.read(0, 65536)
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in lines:
            print(json.dumps(self._obey(json.loads(line))), flush=True)
        return bool(chunk)

    def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
        if "open" in command:
            host, port = command["open"]
            forwarder = _Forwarder(self, (host, port), command["delay_ms"])
            self._forwarders.append(forwarder)
            return {"port": forwarder.front.getsockname()[1]}
        if "forwarder" in command:
            self._forwarders[command["forwarder"]].delay_ms = command["delay_ms"]
            return {"delay_ms": command["delay_ms"]}
        return {"counts": [forwarder.counts for forwarder in self._forwarders]}


def _udp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


def _drain(sock: socket.socket) -> list[tuple[bytes, Any]]:
    drained: list[tuple[bytes, Any]] = []
    try:
        while len(drained) < _DRAIN:
            drained.append(sock.recvfrom(2048))
    except OSError:
        pass  # empty, or a closed port at the other side
    return drained


if __name__ == "__main__":
    Shim().run()
