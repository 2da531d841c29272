"""Orders at a relay: told to their sensors, handed out in pieces no longer than what asked, only to who proves itself."""

import threading
from pathlib import Path

import pytest
from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.errors import FrameError
from gridecho.orders import CONFIG, Fetch, Order, open_piece, read_piece, seal_order
from gridecho_relay.shelf import Shelf

from tests.rigs.waiting import HANG_S, wait_for

PASSWORD = b"a Wi-Fi password of the house"
CONTENT = (b'{"wifi": {"password": "' + PASSWORD + b'"}}').ljust(2500, b" ")


def piece(sensor, fetch):
    """The verified PIECE that answers, without its link tag; it is never longer than what asked."""
    sensor.send(fetch)
    datagram = sensor.sock.recv(2048)
    assert len(datagram) <= len(fetch)
    return frames.untag(datagram, sensor.down)


def fetch(sensor, version=0, index=0, held=32):
    return Fetch(0, sensor.sensor_id, version, index).pack(sensor.up, held)


def sealed_by(sensor):
    return Siv(keys.order_key(sensor.root, sensor.sensor_id, 0))


@pytest.fixture
def sensor(workshop):
    sensor = workshop.sensor()
    workshop.remote.order(sensor, 5, CONTENT)
    relay = workshop.relay()
    wait_for(lambda: relay.report()["orders_waiting"] == 1)
    return sensor


def answer_to(sensor, fetch):
    """The verified PIECE that answers, without its link tag, or None: an echo to a later probe comes first."""
    sensor.send(fetch)
    sensor.send(sensor.probe())
    datagram = sensor.sock.recv(2048)
    if frames.kind_of(datagram) == frames.ECHO:
        return None
    assert len(datagram) <= len(fetch)
    assert sensor.reply().kind == frames.ECHO
    return frames.untag(datagram, sensor.down)


def head_of(sensor):
    """The first question makes the relay get the order; a later one is answered."""
    return wait_for(lambda: answer_to(sensor, fetch(sensor)), "the head of the order")


def test_the_flag_is_in_echo_and_ack_of_this_sensor_only(workshop, sensor):
    other = workshop.sensor(2)
    other.relay = sensor.relay
    assert sensor.ask(sensor.probe()).status == frames.OK | frames.ORDER_WAITING
    assert sensor.ask(sensor.data()).status == frames.OK | frames.ORDER_WAITING
    wait_for(lambda: workshop._relays[0][0].report()["sensors"] == 2)
    assert other.ask(other.probe()).status == frames.OK
    assert other.ask(other.data()).status == frames.OK


def test_the_flag_goes_when_nothing_waits(workshop, sensor):
    workshop.remote.sealed.clear()
    workshop.remote.orders_version += 1
    wait_for(lambda: sensor.ask(sensor.probe()).status == frames.OK)
    sensor.send(fetch(sensor))
    assert sensor.hears_nothing()


def test_an_order_piece_by_piece(workshop, sensor):
    head = head_of(sensor)
    order, index = read_piece(head)
    assert (order.kind, order.version, order.size, index) == (CONFIG, 5, len(CONTENT), 0)
    assert len(open_piece(head, sealed_by(sensor))) == 32
    content = b"".join(
        open_piece(piece(sensor, fetch(sensor, 5, i, order.length(i))), sealed_by(sensor))
        for i in range(1, order.count() + 1)
    )
    assert content == CONTENT
    assert workshop.remote.orders_given == 1  # once, whole
    workshop.remote.go_away()
    assert piece(sensor, fetch(sensor)) == head


def test_no_answer_is_longer_than_what_asked(sensor):
    head_of(sensor)
    sensor.send(fetch(sensor, 5, 1, 1000))
    assert sensor.hears_nothing()
    assert len(piece(sensor, fetch(sensor, 5, 1, 1024))) == 36 + 1024


def test_what_is_not_there_and_what_is_not_proven_gets_no_answer(workshop, sensor):
    head_of(sensor)
    for datagram in (fetch(sensor, 5, 4), Fetch(0, 1, 0, 0).pack(Cmac(bytes(16))), fetch(sensor)[:-1] + b"\x00"):
        sensor.send(datagram)
        assert sensor.hears_nothing()
    stranger = workshop.sensor(9, enrol=False)
    stranger.relay = sensor.relay
    stranger.send(fetch(stranger))
    assert stranger.hears_nothing(sensor)


def test_another_version_is_answered_with_the_head_of_what_waits(workshop, sensor):
    old = head_of(sensor)
    assert piece(sensor, fetch(sensor, 4, 2, 1024)) == old
    workshop.remote.order(sensor, 6, b"{}")

    def newer():
        found = answer_to(sensor, fetch(sensor, 5, 1, 1024))
        return found and read_piece(found)[0].version == 6

    wait_for(newer)


def test_the_remote_is_asked_seldom_and_cheaply(workshop, sensor):
    before, beats = workshop.remote.order_questions, len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) >= beats + 5)
    assert workshop.remote.order_questions == before  # the heartbeat says that nothing is new


def test_a_slow_remote_keeps_nobody_waiting(workshop, sensor, monkeypatch):
    given, asked, goes_on = workshop.remote.orders, threading.Event(), threading.Event()

    def slow(path, authorization):
        asked.set()
        goes_on.wait(HANG_S)
        return given(path, authorization)

    monkeypatch.setattr(workshop.remote, "orders", slow)
    assert answer_to(sensor, fetch(sensor)) is None
    assert asked.wait(HANG_S)
    for _ in range(20):
        assert sensor.ask(sensor.data()).kind == frames.ACK
    assert answer_to(sensor, fetch(sensor)) is None
    goes_on.set()
    head_of(sensor)


def test_a_relay_cannot_read_the_password(workshop, sensor):
    head_of(sensor)
    relay = workshop._relays[0][0]
    kept = b"".join(b"".join(pieces) for _, pieces in relay._shelf._sealed.values())
    assert len(kept) > len(CONTENT)
    assert PASSWORD not in kept
    for path in Path(workshop.folder).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD not in content
            assert kept[100:200] not in content, "orders are kept in memory only"


def sealed(sensor_id, version, size=1000):
    order = Order(CONFIG, 0, sensor_id, version, size)
    return b"".join(seal_order(order, bytes(size), Siv(bytes(32))))


def test_the_shelf_is_bounded_and_drops_what_was_asked_for_longest_ago():
    shelf = Shelf(most_bytes=3000)
    shelf.replace({(i, 0): 1 for i in range(1, 6)})
    for i in (1, 2):
        shelf.put((i, 0), sealed(i, 1))
    assert shelf.piece(Fetch(0, 1, 1, 1)) is not None
    shelf.put((3, 0), sealed(3, 1))
    assert shelf.piece(Fetch(0, 2, 1, 1)) is None
    assert shelf.wanted() == [(2, 0)]
    assert shelf.piece(Fetch(0, 1, 1, 1)) is not None
    assert shelf._bytes == 2 * len(sealed(1, 1))
    shelf.replace({(1, 0): 2})
    assert shelf._bytes == 0


def test_the_shelf_refuses_what_is_no_order_of_this_sensor():
    shelf = Shelf()
    shelf.replace({(1, 0): 1})
    for junk in (b"", b"junk", sealed(1, 1)[:-1], sealed(2, 1)):
        with pytest.raises(FrameError):
            shelf.put((1, 0), junk)
