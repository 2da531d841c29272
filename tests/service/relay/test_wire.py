"""The UDP plane on real sockets: who gets which answer, and who gets none."""

import random
import socket
import time

import pytest
from gridecho import frames
from gridecho.crypto import Cmac

from tests.rigs.waiting import wait_for


def test_a_probe_is_echoed_at_once_and_tells_the_time(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    probe = sensor.probe(number=99)
    before_ms = int(time.time() * 1000)
    echo = sensor.ask(probe)
    assert (echo.kind, echo.status, echo.sensor_id, echo.epoch, echo.seq) == (frames.ECHO, frames.OK, 1, 1, 99)
    assert echo.relay_id == 7
    assert before_ms <= echo.utc_ms <= time.time() * 1000
    assert len(probe) == frames.CONTROL_BYTES
    assert relay.report()["echoed"] == 1


def test_when_the_ack_arrives_the_row_is_on_disk(workshop):
    sensor = workshop.sensor()
    workshop.relay()
    for op in (frames.STORE, frames.STORE, frames.STORE):
        datagram = sensor.data(op)
        ack = sensor.ask(datagram)
        assert datagram[4:16] in workshop.rows()
        assert (ack.kind, ack.status, ack.relay_id) == (frames.ACK, frames.OK, 7)
        assert (ack.sensor_id, ack.epoch, ack.seq) == (1, 1, sensor.seq - 1)


def test_a_duplicate_is_acked_again_and_kept_once(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    datagram = sensor.data()
    assert [sensor.ask(datagram).kind for _ in range(3)] == [frames.ACK] * 3
    assert workshop.rows() == [datagram[4:16]]
    assert relay.report()["duplicates"] == 2


def test_duplicates_in_one_group_are_kept_once(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    datagrams = [sensor.data() for _ in range(50)]
    with_copies = datagrams * 4
    random.Random(1).shuffle(with_copies)
    for datagram in with_copies:
        sensor.send(datagram)
    assert {sensor.reply().kind for _ in with_copies} == {frames.ACK}
    assert sorted(workshop.rows()) == sorted(datagram[4:16] for datagram in datagrams)
    assert relay.report()["duplicates"] == 150


def test_an_unknown_sensor_gets_no_reply_until_the_remote_has_named_it(workshop):
    sensor, known = workshop.sensor(enrol=False), workshop.sensor(2)
    relay = workshop.relay(heartbeat_every_s=3600)
    sensor.send(sensor.data())
    assert sensor.hears_nothing(known)
    assert relay.report()["refused"]["unknown_sensor"] == 1
    workshop.remote.enrol(sensor)
    # The next call makes the relay ask, long before the hour is over.
    sensor.send(sensor.data())
    wait_for(lambda: relay.report()["sensors"] == 2)
    assert sensor.ask(sensor.data()).kind == frames.ACK


def test_unknown_sensors_do_not_make_the_relay_ask_again_and_again(workshop):
    stranger = workshop.sensor(enrol=False)
    relay = workshop.relay(heartbeat_every_s=3600)
    wait_for(lambda: workshop.remote.key_questions == 1)
    for _ in range(200):
        stranger.send(stranger.data())
    wait_for(lambda: relay.report()["refused"]["unknown_sensor"] == 200)
    # They make it send a heartbeat, and one more; with the answer it sees that nothing is new.
    wait_for(lambda: len(workshop.remote.beats) >= 2)
    beats = len(workshop.remote.beats)
    stranger.send(stranger.data())
    wait_for(lambda: len(workshop.remote.beats) > beats)
    workshop.stop(relay)
    assert workshop.remote.key_questions == 1


@pytest.mark.parametrize("kind", ["data", "probe"])
def test_every_flipped_bit_is_refused_in_silence(workshop, kind):
    sensor = workshop.sensor()
    relay = workshop.relay(heartbeat_every_s=3600)
    datagram = getattr(sensor, kind)()
    for bit in range(len(datagram) * 8):
        changed = bytearray(datagram)
        changed[bit // 8] ^= 1 << bit % 8
        sensor.send(bytes(changed))
    wait_for(lambda: sum(relay.report()["refused"].values()) == len(datagram) * 8)
    assert workshop.rows() == []
    assert sensor.hears_nothing()
    refused = relay.report()["refused"]
    assert refused["wrong_version"] == 4
    assert refused["unknown_sensor"] == 40  # 32 bits of the sensor's id, 8 of the key id
    assert refused["bad_tag"] > len(datagram) * 8 - 60
    assert len(workshop.rows()) == 1, "that of the datagram after them"


def test_junk_gets_no_reply_and_is_counted(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(heartbeat_every_s=3600)
    chance = random.Random(2)
    good = sensor.data()
    junk = [b"", b"\x11", good[:20], good + b"\0", bytes(1200), chance.randbytes(1201), chance.randbytes(9000)]
    junk += [frames.Control(kind, 0, 0, 0, 1, 1, 1, 0, 7).pack(sensor.up) for kind in (frames.ACK, frames.ECHO)]
    for op, count in ((0, 1), (3, 1), (1, 0)):  # authenticated, but no such frame
        header = bytes((0x11, op, 0, count)) + good[4:20]
        junk.append(frames.tag(header + good[20:-8], sensor.up))
    for datagram in junk:
        sensor.send(datagram)
    wait_for(lambda: sum(relay.report()["refused"].values()) == len(junk))
    assert sensor.hears_nothing()
    assert relay.report()["refused"]["junk"] >= 7
    assert sensor.ask(good).kind == frames.ACK


def test_a_sensor_cannot_speak_for_another(workshop):
    one, other = workshop.sensor(1), workshop.sensor(2)
    relay = workshop.relay()
    other.up = one.up
    other.send(other.data())
    wait_for(lambda: relay.report()["refused"]["bad_tag"] == 1)
    assert other.hears_nothing(one)


def test_no_reply_is_longer_than_its_request(workshop):
    sensor = workshop.sensor()
    workshop.relay()
    for datagram in (sensor.probe(), sensor.data(size=1), sensor.data(size=1156)):
        sensor.send(datagram)
        assert len(sensor.sock.recv(2048)) <= len(datagram)


def test_a_reply_is_for_its_own_sensor_only(workshop):
    sensor = workshop.sensor()
    workshop.relay()
    sensor.send(sensor.data())
    reply = sensor.sock.recv(2048)
    with pytest.raises(frames.AuthError):
        frames.read_control(reply, Cmac(bytes(16)))


def test_a_sender_that_is_gone_disturbs_nobody(workshop):
    sensor = workshop.sensor()
    workshop.relay()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.sendto(sensor.data(), sensor.relay)
    for _ in range(5):
        assert sensor.ask(sensor.data()).kind == frames.ACK
