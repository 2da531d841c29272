"""A process that floods a relay with junk, until it is told to stop; it counts what it sent, and what was answered."""

import random
import socket
import time
from multiprocessing import get_context

from tests.rigs.load import Sealer
from tests.rigs.waiting import HANG_S

_SPAWN = get_context("spawn")  # this process has threads


def kinds(sensors: int, chance: random.Random) -> dict[str, list[bytes]]:
    """Datagrams by what is wrong with them; none is one that a relay may answer."""
    real = [Sealer(sensor_id, 2).datagram(1, seq) for sensor_id in range(1, sensors + 1) for seq in range(5)]
    unknown = [Sealer(sensor_id).datagram(1, 0) for sensor_id in range(500_000, 500_200)]
    return {
        "random bytes": [chance.randbytes(chance.randint(1, 1_200)) for _ in range(500)],
        "another version": [bytes([0x20 | one[0] & 15]) + one[1:] for one in real],
        "unknown sensor": unknown,
        "bad tag": [one[:-1] + bytes([one[-1] ^ 1]) for one in real],
        "changed content": [one[:30] + bytes([one[30] ^ 1]) + one[31:] for one in real],
        "cut short": [one[: chance.randint(1, len(one) - 1)] for one in real],
        "a reply": [bytes([0x12]) + one[1:36] for one in real],
        "too long": [real[0] + chance.randbytes(1_200) for _ in range(20)],
    }


class Junk:
    """`rate` datagrams a second to a port of 127.0.0.1, from a process of its own."""

    def __init__(self, port: int, rate: int, sensors: int) -> None:
        self._sent = _SPAWN.Value("q", 0)
        self._got = _SPAWN.Value("q", 0)
        self._enough, self._look = _SPAWN.Event(), _SPAWN.Event()
        arguments = (port, rate, sensors, self._sent, self._got, self._enough, self._look)
        self._process = _SPAWN.Process(target=_send, args=arguments, daemon=True)

    def start(self) -> None:
        self._process.start()

    @property
    def sent(self) -> int:
        assert self._process.is_alive(), "the process that sends junk is gone"
        return int(self._sent.value)

    def stop(self) -> int:
        """Sends no more; how many it sent. The socket stays open for what may still come."""
        self._enough.set()
        sent = -1
        while sent != self._sent.value:  # the last one is counted after it was sent
            sent = self._sent.value
            time.sleep(0.05)
        return sent

    def answers(self) -> int:
        """How many datagrams came back; after something else was answered that the relay got after all the junk."""
        self._enough.set()
        self._look.set()
        self._process.join(HANG_S)
        assert self._process.exitcode == 0, "the process that sends junk failed"
        return int(self._got.value)

    def close(self) -> None:
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _send(port: int, rate: int, sensors: int, sent, got, enough, look) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(6)
    by_kind = list(kinds(sensors, chance).values())
    datagrams = [chance.choice(chance.choice(by_kind)) for _ in range(20_000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        begun, number = time.monotonic(), 0
        while not enough.is_set():
            for _ in range(min(rate // 50, int((time.monotonic() - begun) * rate) - number)):
                sock.sendto(datagrams[number % len(datagrams)], ("127.0.0.1", port))
                number += 1
            sent.value = number
            time.sleep(0.001)
        look.wait()
        sock.setblocking(False)
        try:
            while sock.recv(2048):
                got.value += 1
        except BlockingIOError:
            pass
