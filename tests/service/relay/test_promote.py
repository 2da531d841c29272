"""A datum that lies here as STORE and comes again tagged SEND: it goes to the remote at once, and no more than once."""

import random
import sqlite3

from gridecho import frames
from gridecho_relay.replay import Replay

from tests.rigs.waiting import HANG_S, wait_for


def ids(relay):
    return [(table, row[0]) for table in ("held", "outbox") for row in _rows(relay, f"SELECT id FROM {table}")]  # noqa: S608


def _rows(relay, query):
    connection = sqlite3.connect(relay.settings.data_dir / "relay.sqlite", timeout=HANG_S)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_held_datum_tagged_anew_is_forwarded_at_once_and_once(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(5):
        sensor.ask(sensor.data(count=2))
    assert sensor.ask(sensor.data(frames.SEND, count=2, seq=2)).kind == frames.ACK
    wait_for(lambda: relay.report()["forwarded"] == 1)
    wanted = sensor.data(seq=2)[4:16]
    assert dict(workshop.remote.arrived) == {wanted: 1}
    report = relay.report()
    assert (report["held_store"], report["outbox"], report["readings_held"], report["bytes_store"]) == (4, 0, 8, 4 * 56)
    # Again, either way: it is known.
    for op in (frames.SEND, frames.STORE):
        assert sensor.ask(sensor.data(op, count=2, seq=2)).kind == frames.ACK
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 1)
    assert len(workshop.remote.arrived) == 5
    assert set(workshop.remote.arrived.values()) == {1}
    assert ids(relay) == []


def test_it_is_so_after_a_restart_too_and_with_the_remote_away(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(3):
        sensor.ask(sensor.data())
    workshop.stop(relay)
    workshop.remote.go_away()
    relay = workshop.relay()
    for seq in (0, 2, 0):
        assert sensor.ask(sensor.data(frames.SEND, seq=seq)).kind == frames.ACK
    assert ids(relay) == [("held", 2), ("outbox", 4), ("outbox", 5)]
    workshop.stop(relay)
    relay = workshop.relay()
    assert (relay.report()["held_store"], relay.report()["outbox"]) == (1, 2)
    workshop.remote.start()
    wait_for(lambda: relay.report()["forwarded"] == 2)
    assert set(workshop.remote.arrived.values()) == {1}


def test_what_a_flush_takes_along_stays_in_it_and_what_waits_in_the_buffer_goes_first(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(3):
        sensor.ask(sensor.data())
    workshop.remote.behave = "fails"
    relay.flush()
    wait_for(lambda: relay.report()["flushing"])
    sensor.ask(sensor.data())
    sensor.ask(sensor.data())
    assert (relay.report()["held_store"], relay.report()["held_buffer"]) == (3, 2)
    for seq in (1, 4):
        assert sensor.ask(sensor.data(frames.SEND, seq=seq)).kind == frames.ACK
    report = relay.report()
    assert (report["held_store"], report["held_buffer"], report["outbox"]) == (3, 1, 1)
    workshop.remote.behave = "well"
    wait_for(lambda: relay.report()["flushes"] == 1)
    wait_for(lambda: relay.report()["forwarded"] == 4)
    assert set(workshop.remote.arrived.values()) == {1}
    assert ids(relay) == [("held", 4)]


def test_a_clone_does_not_drive_out_what_was_acknowledged(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.go_away()
    first = sensor.data(size=30)
    sensor.ask(first)
    sensor.ask(sensor.data(frames.SEND, size=99, seq=0))
    assert [bytes(row[0]) for row in _rows(relay, "SELECT frame FROM outbox")] == [first[:-8]]


def test_both_tags_in_one_group_or_in_turn_end_at_the_remote_once(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(batch_frames=3)
    chance = random.Random(5)
    for seq in [chance.randrange(30) for _ in range(200)]:
        sensor.send(sensor.data(chance.choice((frames.STORE, frames.SEND)), seq=seq))
    for _ in range(200):
        assert sensor.reply().kind == frames.ACK
    relay.flush()
    wait_for(lambda: not relay.report()["readings_held"])
    assert set(workshop.remote.arrived.values()) == {1}
    report = relay.report()
    assert report["forwarded"] == len(workshop.remote.arrived)
    assert report["bytes_store"] == report["bytes_buffer"] == report["bytes_outbox"] == 0


def test_a_set_of_data_ids_gives_up_what_is_discarded():
    chance = random.Random(1)
    kept, plain = Replay(), set()
    for _ in range(3000):
        data_id = bytes(8) + chance.randrange(200).to_bytes(4, "big")
        if chance.random() < 0.5:
            kept.add(data_id)
            plain.add(data_id)
        else:
            kept.discard(data_id)
            plain.discard(data_id)
        assert (data_id in kept) == (data_id in plain)
    assert {n for n in range(200) if bytes(8) + n.to_bytes(4, "big") in kept} == {
        int.from_bytes(i[8:], "big") for i in plain
    }
