"""The sensor's socket on loopback, and its counter over the wraps of a board's ticks."""

import errno
import random
import socket
import time
from collections.abc import Iterator

import pytest
from gridecho_node import compat
from gridecho_node.compat import Counter, Wire

from tests.rigs.waiting import HANG_S, wait_for

WRAP = 1 << 30
HANG_US = int(HANG_S * 1e6)


class Ticks:
    """A board's ticks_us and ticks_diff: 30 bits."""

    def __init__(self) -> None:
        self.us = 0

    def ticks_us(self) -> int:
        return self.us % WRAP

    def ticks_diff(self, end: int, start: int) -> int:
        return (end - start + WRAP // 2) % WRAP - WRAP // 2


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    ticks = Ticks()
    monkeypatch.setattr(compat, "ticks_us", ticks.ticks_us)
    monkeypatch.setattr(compat, "ticks_diff", ticks.ticks_diff)
    return ticks


@pytest.mark.parametrize("start_us", [0, 1, WRAP - 1, WRAP // 2, 123_456_789])
def test_the_counter_goes_on_over_every_wrap(ticks: Ticks, start_us: int) -> None:
    ticks.us = start_us
    counter = Counter()
    dice = random.Random(start_us)
    assert counter.now_us() == 0
    while ticks.us < start_us + 20 * WRAP:
        ticks.us += dice.choice((0, 1, 1000, 1_000_000, WRAP // 2 - 1))
        assert counter.now_us() == ticks.us - start_us


def test_the_counter_of_this_machine_is_in_microseconds() -> None:
    before_us = time.time_ns() // 1000
    counter = Counter()
    begun_us = time.time_ns() // 1000
    wait_for(lambda: counter.now_us() >= 20_000)
    ended_us = time.time_ns() // 1000
    counted_us = counter.now_us()
    after_us = time.time_ns() // 1000
    # The clock of the time of day may be made to run a little faster or slower.
    assert 0.99 * (ended_us - begun_us) - 1 <= counted_us <= 1.01 * (after_us - before_us) + 1


@pytest.fixture
def relay() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(HANG_S)
        yield udp


@pytest.fixture
def wire(relay: socket.socket) -> Iterator[Wire]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        closed_port = closed.getsockname()[1]
    wire = Wire([(1, "127.0.0.1", relay.getsockname()[1]), (2, "localhost", closed_port)])
    yield wire
    wire.close()


def test_there_and_back(wire: Wire, relay: socket.socket) -> None:
    assert wire.send(1, b"question")
    question, sensor = relay.recvfrom(100)
    assert question == b"question"
    relay.sendto(b"answer", sensor)
    relay.sendto(b"second", sensor)
    assert wire.receive(HANG_US) == b"answer"
    assert wire.receive(0) == b"second"
    assert wire.receive(0) is None


def test_waits_as_long_as_asked_and_no_longer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    waits_ms: list[int] = []

    class Nothing:
        def poll(self, wait_ms: int) -> list[object]:
            waits_ms.append(wait_ms)
            return []

    assert wire.receive(0) is wire.receive(1) is wire.receive(30_000) is None
    monkeypatch.setattr(wire, "_poll", Nothing())
    assert wire.receive(0) is wire.receive(1) is wire.receive(30_000) is None
    assert waits_ms == [0, 1, 30]


def test_a_closed_port_is_a_loss_like_any_other(wire: Wire, relay: socket.socket) -> None:
    for _ in range(3):
        wire.send(2, b"nobody there")
        assert wire.receive(20_000) is None
    assert wire.send(1, b"question") or wire.send(1, b"question")
    _, sensor = relay.recvfrom(100)
    relay.sendto(b"answer", sensor)
    wait_for(lambda: wire.receive(20_000) == b"answer")


def test_an_error_at_receiving_is_no_datagram(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        """A stack that reports a closed port at the next call, as some do."""

        def recvfrom(self, size: int) -> object:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(wire, "_poll", type("Poll", (), {"poll": lambda self, wait_ms: [1]})())
    with monkeypatch.context() as patch:
        patch.setattr(wire, "_socket", Refused())
        assert wire.receive(1000) is None


def test_a_datagram_that_is_too_long_for_a_reply_is_cut(wire: Wire, relay: socket.socket) -> None:
    wire.send(1, b"question")
    _, sensor = relay.recvfrom(100)
    relay.sendto(bytes(range(200)), sensor)
    relay.sendto(b"", sensor)
    relay.sendto(b"next", sensor)
    assert wire.receive(HANG_US) == bytes(range(64))
    assert wire.receive(HANG_US) == b""
    assert wire.receive(HANG_US) == b"next"


def test_what_the_stack_does_not_take_is_a_loss(
    wire: Wire, relay: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not wire.send(1, bytes(70_000))

    class Full:
        """A stack without memory, as an ESP32's is at times."""

        def sendto(self, datagram: bytes, address: object) -> int:
            raise OSError(errno.ENOMEM, "no memory")

    with monkeypatch.context() as patch:
        patch.setattr(wire, "_socket", Full())
        assert not wire.send(1, b"question")
    assert wire.send(1, b"question")
    assert relay.recv(100) == b"question"


def test_only_addresses_that_its_socket_can_send_to(monkeypatch: pytest.MonkeyPatch) -> None:
    # Many resolvers name ::1 first for localhost.
    asked = []
    getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: asked.append(args) or getaddrinfo(*args))
    wire = Wire([(1, "localhost", 9)])
    assert wire.send(1, b"x")
    assert asked[0][2] == socket.AF_INET
    wire.close()


def test_an_unknown_host_is_a_loss() -> None:
    wire = Wire([(1, "no such host.invalid", 9)])
    assert wire.unresolved() == [1]
    assert not wire.send(1, b"x")
    assert not wire.look_up(1)
    assert wire.unresolved() == [1]
    wire.close()


def test_a_name_is_looked_up_anew_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = iter([[[("127.0.0.1", 9)]], [[("127.0.0.1", 9)]], [[("127.0.0.2", 9)]]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: next(addresses))
    wire = Wire([(1, "relay.lan", 9)])
    assert [wire.look_up(1), wire.look_up(1), wire.look_up(2)] == [False, True, False]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: (_ for _ in ()).throw(OSError(-2)))
    assert not wire.look_up(1)
    assert wire.unresolved() == []  # the last address that was known
    wire.close()
