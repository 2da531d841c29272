"""Mutated datagrams of every kind at a relay as a process of its own: half of them prove themselves by a stolen sensor's key."""

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

from gridecho import frames, orders
from gridecho.errors import ProtocolError
from gridecho.frames import ACK, ECHO, FETCH, NACK, PIECE, PROBE, Control

from tests.rigs.hostile.sensor import HostileSensor
from tests.rigs.load import RELAY_ID, Sealer, root_of
from tests.rigs.processes import RelayProcess
from tests.rigs.waiting import HANG_S, wait_for
from tests.rigs.workshop import FakeRemote

NOW_S = 1_800_000_000
STOLEN, HONEST = 1, 2
# Full again and again: what is taken in, what is flushed and what is told busy.
SMALL = {"store_bytes": 200_000, "threshold_bytes": 50_000, "buffer_bytes": 100_000, "outbox_bytes": 50_000}
_AT_ONCE = 200  # datagrams, which a socket's buffer takes
_MOST_GROWTH_BYTES = 16 << 20


def controls(sensor: HostileSensor) -> list[bytes]:
    """A datagram of each kind beside DATA, those that only relays send among them."""
    said = (sensor.key_id, 0, sensor.sensor_id, 7, 1, 0, RELAY_ID)
    made = [Control(kind, 0, *said).pack(sensor.up) for kind in (PROBE, ECHO, ACK, NACK)]
    made += [
        orders.Fetch(sensor.key_id, sensor.sensor_id, 1, n).pack(sensor.up, held) for n, held in ((0, 32), (1, 500))
    ]
    made.append(frames.tag(bytes([frames.VERSION << 4 | PIECE, 0, sensor.key_id, 0]) + bytes(60), sensor.up))
    return made


def mutants(sensor: HostileSensor) -> Iterator[bytes]:
    """Datagrams without end, most with bytes changed, some of those with a tag that verifies."""
    data = sensor.mutants(NOW_S)
    others = itertools.cycle(controls(sensor))
    while True:
        yield from itertools.islice(data, 3)
        one = next(others)
        made = sensor.mutated(one)
        yield one if sensor.chance.random() < 0.1 else sensor.datagram(made) if sensor.chance.random() < 0.5 else made


def check_datagrams(folder: Path, count: int, seed: int) -> None:
    """What is not proven is not answered, and no answer is longer than what asked; no error, no growth; an honest one is served."""
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = FakeRemote(relay.secret)
    sensor = HostileSensor(STOLEN, root_of(STOLEN), RELAY_ID, key_id=0, seed=seed)
    honest = Sealer(HONEST)
    for one in (sensor, honest):
        remote.enrol(one)  # type: ignore[arg-type]
    remote.order(sensor, 1, bytes(400))  # type: ignore[arg-type]
    relay = RelayProcess(folder / "relay", remote.url, **SMALL)
    warm = answered = proven = 0
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as evil,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as good,
    ):
        for sock in (evil, good):
            sock.connect(("127.0.0.1", relay.port))
        good.settimeout(HANG_S)
        evil.setblocking(False)
        try:
            relay.start()
            wait_for(lambda: relay.report()["sensors"] == 2, "the relay's first keys")
            stream = mutants(sensor)
            for n in range(-(-count // _AT_ONCE)):
                asked = list(itertools.islice(stream, _AT_ONCE))
                for datagram in asked:
                    evil.send(datagram)
                # Behind all of them in the relay's socket.
                good.send(honest.datagram(frames.STORE, n))
                reply = good.recv(2048)
                assert reply[0] & 15 == ACK, (seed, n)
                longest = _proven(asked, sensor)
                proven += sum(map(len, longest.values()))
                for said in _waiting(evil):
                    frame = frames.untag(said, sensor.down)
                    lengths = longest.get(_asked_by(frame), [])
                    fitting = [one for one in lengths if one >= len(said)]
                    assert fitting, (seed, n, said.hex(), "answers nothing that was proven")
                    lengths.remove(min(fitting))
                    answered += 1
                if n == count // _AT_ONCE // 4:
                    warm = relay.rss_bytes()
            end = relay.rss_bytes()
            report = relay.report()
            assert report["errors"] == 0
            assert relay.is_alive()
        finally:
            relay.close()
            remote.go_away()
    refused = report["refused"]
    assert isinstance(refused, dict)
    assert all(refused.values()), f"not every reason was seen: {refused}"
    assert 0 < answered <= proven < count
    assert end - warm < _MOST_GROWTH_BYTES, f"the relay grew from {warm:,} to {end:,} bytes"
    relay.check_log()
    print(f"\n{count} mutants: {proven} proven, {answered} answered; memory {warm >> 20} -> {end >> 20} MiB; {refused}")


def _proven(asked: list[bytes], sensor: HostileSensor) -> dict[bytes, list[int]]:
    """The lengths of those datagrams whose tag verifies, by what an answer to them names."""
    found: dict[bytes, list[int]] = {}
    for datagram in asked:
        try:
            frame = frames.untag(datagram, sensor.up)
        except ProtocolError:
            continue
        found.setdefault(_asked_by(frame), []).append(len(datagram))
    return found


def _asked_by(frame: bytes) -> bytes:
    """What question and answer have in common: all pieces of orders may answer any that asks for one."""
    return b"" if frame[0] & 15 in (FETCH, PIECE) else frame[4:16]


def _waiting(sock: socket.socket) -> Iterator[bytes]:
    """What has come."""
    while True:
        try:
            yield sock.recv(2048)
        except BlockingIOError:
            return
