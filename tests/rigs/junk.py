"""A process that sends junk to a relay: python junk.py PORT RATE SECONDS SENSORS; prints what it sent and what it got."""

import random
import socket
import sys
import time

from tests.rigs.load import Sealer


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


def main(port: int, rate: int, seconds: float, sensors: int) -> None:
    chance = random.Random(6)
    by_kind = list(kinds(sensors, chance).values())
    datagrams = [chance.choice(chance.choice(by_kind)) for _ in range(20_000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sent, begun = 0, time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            for _ in range(int(passed * rate) - sent):
                sock.sendto(datagrams[sent % len(datagrams)], ("127.0.0.1", port))
                sent += 1
            time.sleep(0.001)
        sock.settimeout(1)
        got = 0
        try:
            while sock.recv(2048):
                got += 1
        except TimeoutError:
            pass
    print(sent, got)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
