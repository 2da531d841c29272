"""The delays between sensors and relays: a process of its own, driven over a pipe."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridecho_demo.child import Child

from tests.rigs.waiting import HANG_S, wait_for


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Child]:
    child = Child("delays", "gridecho_demo.shim", [], tmp_path / "delays.log", pipes=True)
    yield child
    child.stop()


def ask(shim: Child, command: dict[str, object]) -> dict[str, int]:
    shim.stdin.write(json.dumps(command) + "\n")
    shim.stdin.flush()
    answer: dict[str, int] = json.loads(shim.stdout.readline())
    return answer


def round_trip_ms(sensor: socket.socket, relay: socket.socket, port: int) -> float:
    begun = time.monotonic()
    sensor.sendto(b"\x11ping", ("127.0.0.1", port))
    data, client = relay.recvfrom(100)
    relay.sendto(data + b"!", client)
    assert sensor.recvfrom(100)[0] == b"\x11ping!"
    return (time.monotonic() - begun) * 1000


def test_it_adds_the_delay_both_ways_and_changes_it(shim: Child) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sensor,
    ):
        for sock in (relay, sensor):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(HANG_S)
        port = ask(shim, {"open": ["127.0.0.1", relay.getsockname()[1]], "delay_ms": 20})["port"]
        assert min(round_trip_ms(sensor, relay, port) for _ in range(3)) >= 20
        ask(shim, {"forwarder": 0, "delay_ms": 60})
        assert min(round_trip_ms(sensor, relay, port) for _ in range(3)) >= 60
        counts = ask(shim, {"counts": True})["counts"]
        assert counts == [{"data": 6, "data_bytes": 30, "all_bytes": 66}]


def test_it_ends_when_its_owner_does(shim: Child) -> None:
    shim.stdin.close()
    wait_for(lambda: shim.ended() is not None, "its end")
    assert shim.ended() == 0
