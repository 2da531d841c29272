"""From the relay to the remote: SEND at once, the store when it is nearly full, and nothing deleted without a receipt."""

import pytest
from gridecho import frames
from gridecho_relay import forward

from tests.rigs.waiting import wait_for

SMALL = {"store_bytes": 20_000, "threshold_bytes": 8_000, "buffer_bytes": 8_000, "outbox_bytes": 8_000}


def test_store_stays_here(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(10):
        sensor.ask(sensor.data(count=3))
    wait_for(lambda: len(workshop.remote.index) == 10)  # so the forwarder has looked at all of them
    beats = len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) >= beats + 2)
    workshop.stop(relay)
    report = relay.report()
    assert (report["held_store"], report["held_buffer"], report["outbox"], report["forwarded"]) == (10, 0, 0, 0)
    assert report["readings_held"] == 30
    assert report["bytes_store"] == 10 * 56
    assert workshop.remote.arrived == {}


def test_send_reaches_the_remote_at_once_and_not_with_a_timer(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(heartbeat_every_s=3600, index_every_s=3600)
    wait_for(lambda: workshop.remote.told)
    sensor.ask(sensor.data(frames.SEND))  # opens the connection
    wait_for(lambda: relay.report()["forwarded"] == 1)
    workshop.remote.in_order.clear()
    for n in range(20):
        sensor.ask(sensor.data(frames.SEND))
        wait_for(lambda n=n: relay.report()["forwarded"] == n + 2)
    assert workshop.remote.in_order == ["batch"] * 20
    assert workshop.rows() == []
    assert relay.report()["last_receipt_utc_ms"] > 0


def test_below_the_threshold_the_whole_store_goes_and_the_buffer_moves_in(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(**SMALL)
    workshop.remote.takes_batches.clear()
    # 12,000 bytes leave 8,000 free; the datum that finds less than that begins the flush.
    for _ in range(13):
        assert not relay.report()["flushing"]
        assert sensor.ask(sensor.data(size=964)).kind == frames.ACK  # 1,000 bytes a frame
    for held in range(3):
        assert sensor.ask(sensor.data(size=964)).kind == frames.ACK
        assert (relay.report()["flushing"], relay.report()["held_buffer"]) == (True, held + 1)
    workshop.remote.takes_batches.set()
    wait_for(lambda: relay.report()["flushes"] == 1)
    assert len(workshop.remote.arrived) == 13
    report = relay.report()
    assert (report["held_store"], report["held_buffer"]) == (3, 0)
    assert set(workshop.remote.arrived.values()) == {1}
    assert sorted(workshop.rows() + list(workshop.remote.arrived)) == sorted(seq_id(sensor, seq) for seq in range(16))


def seq_id(sensor, seq):
    return sensor.sensor_id.to_bytes(4, "big") + sensor.epoch.to_bytes(4, "big") + seq.to_bytes(4, "big")


def test_with_the_remote_away_the_buffer_fills_then_sensors_are_told_busy_and_nothing_is_lost(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(**SMALL, busy_retry_s=9)
    workshop.remote.go_away()
    acked = []
    while True:
        datagram = sensor.data(size=964)
        reply = sensor.ask(datagram)
        if reply.kind == frames.NACK:
            break
        acked.append(datagram[4:16])
        assert len(acked) < 30
    assert (reply.status, reply.retry_after_s) == (frames.BUSY, 9)
    assert len(acked) == 21  # 13 in the store, 8 in the buffer
    # The outbox has a limit of its own.
    sends = []
    while (reply := sensor.ask(send := sensor.data(frames.SEND, size=964))).kind == frames.ACK:
        sends.append(send[4:16])
    assert (reply.kind, reply.status, reply.retry_after_s) == (frames.NACK, frames.BUSY, 9)
    assert len(sends) == 8
    assert sorted(workshop.rows()) == sorted(acked + sends)
    report = relay.report()
    assert (report["held_store"], report["held_buffer"], report["outbox"], report["busy"]) == (13, 8, 8, 2)
    wait_for(lambda: not relay.report()["remote_reachable"])
    # What was told busy is not taken for a duplicate later.
    workshop.remote.start()
    wait_for(lambda: relay.report()["forwarded"] == 21)
    assert sensor.ask(datagram).kind == frames.ACK
    assert sensor.ask(send).kind == frames.ACK
    wait_for(lambda: relay.report()["forwarded"] == 22)
    report = relay.report()
    assert (report["held_store"], report["held_buffer"], report["outbox"]) == (9, 0, 0)
    assert report["remote_reachable"]
    assert sorted(workshop.rows() + list(workshop.remote.arrived)) == sorted(
        [*acked, *sends, datagram[4:16], send[4:16]]
    )
    assert set(workshop.remote.arrived.values()) == {1}


def test_one_sensor_that_fills_a_relay_has_its_share_and_the_others_are_acknowledged(workshop, caplog):
    greedy, modest = workshop.sensor(1), workshop.sensor(2)
    relay = workshop.relay(**SMALL)
    wait_for(lambda: relay.report()["sensors"] == 2)
    workshop.remote.go_away()
    for op in (frames.STORE, frames.SEND):
        sent = 0
        while greedy.ask(greedy.data(op, size=364)).kind == frames.ACK:
            sent += 1
            assert sent < 60
        for _ in range(10):
            assert modest.ask(modest.data(op, size=64)).kind == frames.ACK
            assert greedy.ask(greedy.data(op, size=364)).kind == frames.NACK, "it asks on and on"
    report = relay.report()
    assert (report["busy"], report["busy_by_share"]) == (22, 22)
    assert caplog.text.count("sensor-has-its-share sensor=1 ") == 1
    # The same after a start, from what is on the disk.
    workshop.stop(relay)
    relay = workshop.relay(**SMALL)
    for op in (frames.STORE, frames.SEND):
        assert greedy.ask(greedy.data(op, size=364)).kind == frames.NACK
        assert modest.ask(modest.data(op, size=64)).kind == frames.ACK
    workshop.remote.start()
    wait_for(lambda: relay.report()["forwarded"] > 40)
    for op in (frames.STORE, frames.SEND):
        wait_for(lambda op=op: greedy.ask(greedy.data(op, size=364)).kind == frames.ACK)
    assert relay._ledger.holding.in_outbox.keys() <= {b"\0\0\0\1", b"\0\0\0\2"}


@pytest.mark.parametrize(
    "behave",
    [
        "fails",
        "forges",
        "answers for another relay",
        "answers for another batch",
        "answers junk",
        "answers without end",
    ],
)
def test_without_a_valid_receipt_nothing_is_deleted(workshop, behave, monkeypatch):
    monkeypatch.setattr(forward, "_FIRST_WAIT_S", 0.02)
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.behave = behave
    datagram = sensor.data(frames.SEND)
    stored = sensor.data()
    assert sensor.ask(datagram).kind == sensor.ask(stored).kind == frames.ACK
    relay.flush()
    wait_for(lambda: relay.report()["flushing"])
    wait_for(lambda: workshop.remote.in_order.count("batch") >= 3)  # the first retry, too, is over
    assert sorted(workshop.rows()) == sorted([datagram[4:16], stored[4:16]])
    assert relay.report()["forwarded"] == 0
    workshop.remote.behave = "well"
    wait_for(lambda: relay.report()["forwarded"] == 2)
    assert workshop.rows() == []
    assert sorted(workshop.remote.arrived) == sorted([datagram[4:16], stored[4:16]])


def test_data_is_acked_while_a_slow_remote_holds_a_batch(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.takes_batches.clear()
    sensor.ask(sensor.data(frames.SEND))
    wait_for(lambda: "batch" in workshop.remote.waiting)
    for _ in range(20):
        assert sensor.ask(sensor.data()).kind == frames.ACK
    assert relay.report()["forwarded"] == 0
    workshop.remote.takes_batches.set()
    wait_for(lambda: relay.report()["forwarded"] == 1)


def test_a_batch_that_is_too_large_for_the_remote_is_halved(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.most_frames = 3
    for _ in range(10):
        sensor.ask(sensor.data())
    relay.flush()
    wait_for(lambda: relay.report()["forwarded"] == 10)
    assert set(workshop.remote.arrived.values()) == {1}
    assert workshop.rows() == []


def test_a_flush_takes_everything_and_what_comes_later_stays(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(batch_frames=7)
    for _ in range(40):
        sensor.ask(sensor.data())
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 1)
    assert (relay.report()["forwarded"], workshop.remote.batches) == (40, 6)
    later = sensor.data()
    sensor.ask(later)
    wait_for(lambda: list(workshop.remote.index) == [later[4:16]])  # the forwarder has seen it
    assert (relay.report()["held_store"], relay.report()["forwarded"]) == (1, 40)
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 2)
    relay.flush()  # with nothing to do it is done at once
    wait_for(lambda: relay.report()["flushes"] == 3)


def test_a_relay_that_the_remote_does_not_know_keeps_what_it_has(workshop, caplog):
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.secret = bytes(32)
    sensor.ask(sensor.data())
    wait_for(lambda: "enrol the relay there" in caplog.text)
    workshop.remote.version += 1
    refused = workshop.remote.beats_refused
    wait_for(lambda: workshop.remote.beats_refused >= refused + 2)
    assert relay.report()["sensors"] == 1
    assert len(workshop.rows()) == 1
