"""Frames for another runtime, and from it: `exchange.py seal FILE COUNT SEED` writes, `exchange.py open FILE` reads and checks.

A line is: root key, relay id, digest of the content, datagram (hex). Runs on MicroPython and, for the other side, on CPython.
"""

import gc
import random
import sys
from hashlib import sha256

from gridecho import frames, intake
from gridecho.crypto import Cmac, Siv
from gridecho.frames import DATA, PROBE, Control, DataHeader
from gridecho.keys import link_key_down, link_key_up, siv_key
from gridecho.readings import Reading, decode, encode

# A heap of 128 KB is soon in pieces if it is left to fill up between collections; CPython has no such need.
tidy = gc.collect if sys.implementation.name == "micropython" else int

CONTROL_EVERY = 11  # each so-many-th line is a PROBE, ECHO, ACK or NACK, beside COUNT of DATA


def some_bytes(n):
    return bytes(random.getrandbits(8) for _ in range(n))


def some_bits(n):
    value = 0
    for _ in range(n):
        value = value << 1 | random.getrandbits(1)
    return value


def some_readings():
    """1 to 255 readings that fit into a datagram: steady ones with small steps, or a few of any size, also going back in time."""
    if random.getrandbits(1):
        count = random.randrange(1, 256)
        codes = random.randrange(1, 4)
        time_s, values = some_bits(31), [some_bits(40) for _ in range(codes)]
        readings = []
        for _ in range(count):
            readings.append(Reading(time_s, {5 * code: value for code, value in enumerate(values)}))
            time_s += random.randrange(60)
            for code in range(codes):
                values[code] += random.randrange(-60, 60)
            if len(readings) % 32 == 0:
                tidy()
        return readings
    codes = [code for code in range(56) if not random.getrandbits(3)] or [0]
    count = random.randrange(1, 2 + 1000 // (8 * len(codes)) // 4)
    return [
        Reading(some_bits(32), {code: random.choice((1, -1)) * some_bits(random.choice((4, 12, 53))) for code in codes})
        for _ in range(count)
    ]


def digest_of(fields, readings=()):
    """What both sides must agree on: every field and every value, as text."""
    digest = sha256(repr(fields).encode())
    for reading in readings:
        digest.update(repr((reading.time_s, sorted(reading.values.items()))).encode())
    return digest.digest()[:8].hex()


def data_fields(head):
    return [head.op, head.key_id, head.count, head.sensor_id, head.epoch, head.seq, head.time_s]


def control_fields(c):
    return [c.kind, c.status, c.key_id, c.retry_after_s, c.sensor_id, c.epoch, c.seq, c.utc_ms, c.relay_id]


def one_control(root, relay_id):
    """(digest, datagram) of a random PROBE, ECHO, ACK or NACK."""
    kind, sensor_id, key_id = random.randrange(2, 6), some_bits(32), some_bits(8)
    rest = (some_bits(8), sensor_id, some_bits(32), some_bits(32), some_bits(48), relay_id)
    control = Control(kind, some_bits(8), key_id, *rest)
    key = (link_key_up if kind == PROBE else link_key_down)(root, sensor_id, key_id, relay_id)
    return digest_of(control_fields(control)), control.pack(Cmac(key))


def one_data(root, relay_id):
    """(digest, datagram) of a random DATA."""
    readings, sensor_id, key_id = some_readings(), some_bits(32), some_bits(8)
    op, time_s = random.choice((1, 2)), readings[0].time_s
    head = DataHeader(op, key_id, len(readings), sensor_id, some_bits(32), some_bits(32), time_s)
    frame = frames.seal(head, encode(readings), Siv(siv_key(root, sensor_id, key_id)))
    return digest_of(data_fields(head), readings), frames.tag(
        frame, Cmac(link_key_up(root, sensor_id, key_id, relay_id))
    )


def seal(name, count, seed):
    """Writes `count` DATA frames and some control frames, each with a key, ids and content of its own."""
    random.seed(seed)
    with open(name, "w") as out:
        for i in range(count + count // CONTROL_EVERY):
            root, relay_id = some_bytes(32), some_bits(32)
            make = one_control if i % (CONTROL_EVERY + 1) == CONTROL_EVERY else one_data
            digest, datagram = make(root, relay_id)
            tidy()
            out.write("%s %d %s " % (root.hex(), relay_id, digest))
            out.write(datagram.hex())
            out.write("\n")


def open_one(line, make_cmac=Cmac, make_siv=Siv):
    """Opens a line's datagram; whether it is DATA. Raises if one bit of it is not what was sealed."""
    root, relay_id, digest, datagram = line.split()
    root, relay_id, datagram = bytes.fromhex(root), int(relay_id), bytes.fromhex(datagram)
    kind = frames.kind_of(datagram)
    sensor_id, key_id = intake.sender_of(datagram)
    key = (link_key_up if kind in (DATA, PROBE) else link_key_down)(root, sensor_id, key_id, relay_id)
    if kind == DATA:
        frame = frames.untag(datagram, make_cmac(key))
        head, encoded = intake.unseal(frame, make_siv(siv_key(root, sensor_id, key_id)))
        seen = digest_of(data_fields(head), decode(encoded, head.count, head.time_s))
    else:
        seen = digest_of(control_fields(frames.read_control(datagram, make_cmac(key))))
    if seen != digest:
        raise ValueError("another content than was sealed: " + line)
    return kind == DATA


def lines_of(name):
    """The file's lines. MicroPython's own reader makes a system call for every character."""
    rest = b""
    with open(name, "rb") as file:
        while True:
            end = rest.find(b"\n")
            if end >= 0:
                yield rest[:end].decode()
                rest = rest[end + 1 :]
                continue
            more = file.read(1024)
            if not more:
                return
            rest += more


def open_all(name):
    """Opens every line of the file; prints how many were DATA and how many control frames."""
    counts = [0, 0]
    for line in lines_of(name):
        counts[open_one(line)] += 1
        tidy()
    print("opened %d DATA, %d control" % (counts[True], counts[False]))


if __name__ == "__main__":
    if sys.argv[1] == "seal":
        seal(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        open_all(sys.argv[2])
