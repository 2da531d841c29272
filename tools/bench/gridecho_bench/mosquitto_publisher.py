"""Publishes readings to an MQTT broker as fast as it takes them, QoS 1. A process of its own.

The packets (MQTT 3.1.1) are made beforehand, so that all it does while the clock runs is to hand bytes to the kernel and to check
the PUBACKs. It prints `ready`, waits for a line, and prints an `Outcome` as JSON when the last PUBACK is there.
"""

import json
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass

from gridecho.registers import QUANTITIES

from .relay_traffic import EPOCH, reading_of

_WITHIN_S = 120.0
_CONNACK = b"\x20\x02\x00\x00"
_PUBACK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Spec:
    """`count` readings of `sensors` sensors over `connections`, at most `window` of them without a PUBACK."""

    port: int
    sensors: int
    count: int
    connections: int
    window: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """When the first packet left and the last PUBACK came (CLOCK_MONOTONIC, seconds), and how many of these came."""

    first_s: float
    last_s: float
    acknowledged: int


def payload_of(number: int, sensors: int) -> bytes:
    """Reading `number` as people send it: one JSON object, values under their OBIS codes."""
    sensor_id, seq, reading = reading_of(number, sensors)
    fields = {"sensor": sensor_id, "epoch": EPOCH, "seq": seq, "time": reading.time_s}
    values = {QUANTITIES[code][0]: value for code, value in reading.values.items()}
    return json.dumps(fields | values, separators=(",", ":")).encode()


def publish_packet(topic: bytes, packet_id: int, payload: bytes) -> bytes:
    """A PUBLISH with QoS 1 (MQTT 3.1.1, section 3.3)."""
    body = _string(topic) + packet_id.to_bytes(2, "big") + payload
    return b"\x32" + _length(len(body)) + body


def connect_packet(client_id: bytes) -> bytes:
    """A CONNECT with a clean session and without keep-alive (MQTT 3.1.1, section 3.1)."""
    body = _string(b"MQTT") + b"\x04\x02\x00\x00" + _string(client_id)
    return b"\x10" + _length(len(body)) + body


def _string(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _length(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


class Connection:
    """One connection's share of the readings: numbers first, first + step, ..."""

    def __init__(self, spec: Spec, first: int) -> None:
        self.window = max(1, spec.window // spec.connections)
        packets = []
        for i, number in enumerate(range(first, spec.count, spec.connections)):
            sensor_id = reading_of(number, spec.sensors)[0]
            payload = payload_of(number, spec.sensors)
            packets.append(publish_packet(b"meters/%d" % sensor_id, i % 65_535 + 1, payload))
        self.count = len(packets)
        self._ends = [0]  # where each packet ends
        for packet in packets:
            self._ends.append(self._ends[-1] + len(packet))
        self._bytes = memoryview(b"".join(packets))
        self._sent_bytes = 0
        self.acknowledged = 0
        self._rest = b""
        self.sock = socket.create_connection(("127.0.0.1", spec.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(connect_packet(b"bench-publisher-%d" % first))
        if self.sock.recv(4, socket.MSG_WAITALL) != _CONNACK:
            raise ConnectionError("the broker refused a publisher")
        self.sock.setblocking(False)

    def send(self) -> None:
        """Sends what the window has room for."""
        until = self._ends[min(self.count, self.acknowledged + self.window)]
        if until > self._sent_bytes:
            try:
                self._sent_bytes += self.sock.send(self._bytes[self._sent_bytes : until])
            except BlockingIOError:
                return

    @property
    def blocked(self) -> bool:
        """Whether the kernel took less than the window has room for."""
        return self._sent_bytes < self._ends[min(self.count, self.acknowledged + self.window)]

    def receive(self) -> None:
        """Checks PUBACKs; this broker gives them in order. Raises ConnectionError for anything else."""
        got = self.sock.recv(1 << 16)
        if not got:
            raise ConnectionError("the broker closed a publisher's connection")
        data = self._rest + got
        n = len(data) // _PUBACK_BYTES
        self._rest = data[_PUBACK_BYTES * n :]
        for i in range(n):
            packet_id = (self.acknowledged + i) % 65_535 + 1
            if data[_PUBACK_BYTES * i : _PUBACK_BYTES * (i + 1)] != b"\x40\x02" + packet_id.to_bytes(2, "big"):
                raise ConnectionError("a PUBACK for something else")
        self.acknowledged += n


def publish(connections: list[Connection], count: int) -> Outcome:
    """Runs until all are acknowledged."""
    first = last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
        while (acknowledged := sum(connection.acknowledged for connection in connections)) < count:
            if time.monotonic() > first + _WITHIN_S:
                break
            for key, events in selector.select(1.0):
                connection = key.data
                if events & selectors.EVENT_READ:
                    connection.receive()
                connection.send()
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.blocked else 0)
                if wanted != key.events:
                    selector.modify(connection.sock, wanted, connection)
            last = time.monotonic()
    return Outcome(first, last, acknowledged)


def main() -> None:
    """See the top of this file."""
    spec = Spec(**json.loads(sys.argv[1]))
    connections = [Connection(spec, first) for first in range(spec.connections)]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(publish(connections, spec.count))), flush=True)
    for connection in connections:
        connection.sock.close()


if __name__ == "__main__":
    main()
