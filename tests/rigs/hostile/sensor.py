"""A sensor in wrong hands. Its root key is a real one, so a relay takes all that it sends; in it is no reading, or a lie."""

import random
import socket
import threading
import time
from collections.abc import Iterator

from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.quantities import (
    CONFIG_VERSION,
    FIRMWARE_VERSION,
    HEAP_FREE,
    LOST,
    ORDER_FAILED,
    POWER_IMPORT,
    ROUTE_RELAY,
    ROUTE_RTT,
)
from gridecho.readings import MAX_READINGS, MAX_VALUE, Reading, encode

from tests.rigs.waiting import HANG_S

TOP = (1 << 32) - 1
_HEADER = ">BBBBIIII"


class HostileSensor:
    """Makes frames (without link tag, as relays forward them) and datagrams (with it). Each frame has its own seq."""

    def __init__(
        self, sensor_id: int, root: bytes, relay_id: int = 1, key_id: int = 1, epoch: int = 1, seed: int = 0
    ) -> None:
        self.sensor_id, self.root, self.relay_id, self.key_id, self.epoch = sensor_id, root, relay_id, key_id, epoch
        self.up = Cmac(keys.link_key_up(root, sensor_id, key_id, relay_id))
        self.down = Cmac(keys.link_key_down(root, sensor_id, key_id, relay_id))
        self.chance = random.Random(seed)
        self._siv = Siv(keys.siv_key(root, sensor_id, key_id))
        self._wrong = Siv(self.chance.randbytes(32))
        self._seq = 0

    def datagram(self, frame: bytes) -> bytes:
        """The frame with its link tag: a relay takes it for this sensor's."""
        return frames.tag(frame, self.up)

    def head(self, count: int, time_s: int, seq: int | None = None, op: int = frames.STORE) -> bytes:
        """A true header. Without `seq`: of the next one."""
        if seq is None:
            seq = self._seq
            self._seq += 1
        return frames.DataHeader(op, self.key_id, count, self.sensor_id, self.epoch, seq, time_s).pack()

    def sealed(self, head: bytes, body: bytes) -> bytes:
        """Any body under any header, sealed as the remote opens it."""
        return head + self._siv.seal(body, head)

    def telling(self, values: dict[int, int], time_s: int, seq: int | None = None) -> bytes:
        """A frame that opens, and tells these values of quantities or states."""
        return self.sealed(self.head(1, time_s, seq), encode([Reading(time_s, values)]))

    def shut(self, time_s: int, bytes_long: int = 24) -> bytes:
        """A frame that does not open at the remote, though its header is right and its link tag verifies."""
        head = self.head(1, time_s)
        return head + self._wrong.seal(self.chance.randbytes(bytes_long), head)

    def long(self, time_s: int) -> bytes:
        """A frame of as many readings as there can be."""
        readings = [Reading(time_s + n, {POWER_IMPORT: n % 7}) for n in range(MAX_READINGS)]
        return self.sealed(self.head(len(readings), time_s), encode(readings))

    def lies(self, time_s: int) -> dict[str, bytes]:
        """Frames that verify at a relay, by what is wrong with them."""
        power = encode([Reading(time_s, {POWER_IMPORT: 1})])
        again = self._seq
        self._seq += 1
        ages = encode([Reading(1, {POWER_IMPORT: 1}), Reading(TOP, {POWER_IMPORT: 2})])
        random_body = self.chance.randbytes(self.chance.randint(1, 60))
        return {
            "does not open": self.shut(time_s),
            "no readings": self.sealed(self.head(1, time_s), random_body),
            "a tail": self.sealed(self.head(1, time_s), power + b"\x00"),
            "more readings than there are": self.sealed(self.head(200, time_s), power),
            "a value beyond 53 bits": self.sealed(self.head(1, time_s), b"\x04" + b"\xfe" * 7 + b"\x7f"),
            "the highest versions": self.telling(dict.fromkeys((CONFIG_VERSION, FIRMWARE_VERSION), TOP), time_s),
            "versions just below": self.telling({CONFIG_VERSION: TOP - 1, FIRMWARE_VERSION: TOP - 1}, time_s),
            "versions beyond all": self.telling({CONFIG_VERSION: MAX_VALUE, ORDER_FAILED: -MAX_VALUE}, time_s),
            "states below nothing": self.telling({LOST: -1, HEAP_FREE: -MAX_VALUE}, time_s),
            "a route to nobody": self.telling({ROUTE_RELAY: TOP, ROUTE_RTT: 0}, time_s),
            "a route beyond all": self.telling({ROUTE_RELAY: MAX_VALUE, ROUTE_RTT: -MAX_VALUE}, time_s),
            "far ahead": self.telling({POWER_IMPORT: 1}, TOP),
            "over ages": self.sealed(self.head(2, 1), ages),
            "the last seq": self.telling({POWER_IMPORT: 1}, time_s, TOP),
            "as long as can be": self.long(time_s),
            "one id": self.telling({POWER_IMPORT: 1}, time_s, again),
            "the same id with other content": self.telling({POWER_IMPORT: 2}, time_s, again),
        }

    def mutated(self, frame: bytes) -> bytes:
        """The frame with some of its bytes changed, cut or longer, within the lengths that a DATA frame can have."""
        made = bytearray(frame)
        for _ in range(self.chance.choice((1, 1, 2, 8))):
            made[self.chance.randrange(len(made))] = self.chance.choice((0, 0xFF, self.chance.randrange(256)))
        if self.chance.random() < 0.3:
            del made[self.chance.randrange(len(made)) :]
        if self.chance.random() < 0.2:
            made += self.chance.randbytes(self.chance.randrange(1, 200))
        least, most = frames.MIN_DATA - frames.TAG_BYTES, frames.MAX_DATAGRAM - frames.TAG_BYTES
        return bytes(made[:most]).ljust(least, b"\x00")

    def mutants(self, time_s: int) -> Iterator[bytes]:
        """Datagrams without end: lies and true ones, most with bytes changed; of those half have a link tag that verifies."""
        while True:
            for frame in (*self.lies(time_s).values(), self.telling({POWER_IMPORT: 5}, time_s)):
                made = frame if self.chance.random() < 0.1 else self.mutated(frame)
                if self.chance.random() < 0.5:
                    yield self.datagram(made)
                else:
                    yield self.mutated(self.datagram(made))


class Flood(threading.Thread):
    """Sends a hostile sensor's datagrams to a relay, `rate` a second (0: as fast as it can), until `stop`."""

    def __init__(self, datagrams: list[bytes], port: int, rate: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.sent = self.answers = 0
        self._datagrams, self._to, self._rate = datagrams, ("127.0.0.1", port), rate
        self._stopping = threading.Event()

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            begun = time.monotonic()
            while not self._stopping.is_set():
                due = 50 if not self._rate else int((time.monotonic() - begun) * self._rate) - self.sent
                for _ in range(min(due, 50)):
                    try:
                        sock.sendto(self._datagrams[self.sent % len(self._datagrams)], self._to)
                    except BlockingIOError:
                        break
                    self.sent += 1
                self._look(sock)
                time.sleep(0.001)

    def _look(self, sock: socket.socket) -> None:
        try:
            while sock.recv(2048):
                self.answers += 1
        except BlockingIOError:
            pass

    def stop(self) -> int:
        """How many it sent."""
        self._stopping.set()
        self.join(HANG_S)
        return self.sent
