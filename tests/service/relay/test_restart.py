"""What outlives a stop, a crash and the deletion of rows; and how a relay stops."""

import os
import random
import signal
import sqlite3
import threading

import pytest
from gridecho import frames
from gridecho_common.settings import SettingsError
from gridecho_relay import service
from gridecho_relay.service import Relay
from gridecho_relay.settings import load

from tests.rigs.waiting import HANG_S, wait_for


def test_rows_keys_and_replay_state_outlive_a_restart_without_remote(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    kept, gone = sensor.data(count=2), sensor.data(frames.SEND)
    sensor.ask(kept)
    sensor.ask(gone)
    wait_for(lambda: relay.report()["forwarded"] == 1)
    workshop.stop(relay)
    workshop.remote.go_away()
    relay = workshop.relay()
    report = relay.report()
    assert (report["held_store"], report["readings_held"], report["sensors"], report["outbox"]) == (1, 2, 1, 0)
    # Both are known: the one that is here, and the one whose row was deleted after the receipt.
    assert sensor.ask(kept).kind == sensor.ask(gone).kind == frames.ACK
    assert relay.report()["duplicates"] == 2
    assert workshop.rows() == [kept[4:16]]
    new = sensor.data()
    assert sensor.ask(new).kind == frames.ACK
    assert sorted(workshop.rows()) == sorted([kept[4:16], new[4:16]])


def test_a_flush_that_was_cut_short_goes_on_after_the_restart(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    sent = [sensor.data() for _ in range(5)]
    for datagram in sent[:4]:
        sensor.ask(datagram)
    workshop.remote.go_away()
    relay.flush()
    wait_for(lambda: relay.report()["flushing"])
    sensor.ask(sent[4])
    workshop.stop(relay)
    relay = workshop.relay()
    report = relay.report()
    assert (report["flushing"], report["held_store"], report["held_buffer"]) == (True, 4, 1)
    workshop.remote.start()
    wait_for(lambda: relay.report()["flushes"] == 1)
    assert sorted(workshop.remote.arrived) == [datagram[4:16] for datagram in sent[:4]]
    assert workshop.rows() == [sent[4][4:16]]
    report = relay.report()
    assert (report["flushing"], report["held_store"], report["held_buffer"]) == (False, 1, 0)


def test_ids_are_not_used_again_after_everything_was_deleted(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(3):
        sensor.ask(sensor.data())
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 1)
    sensor.ask(sensor.data())
    workshop.stop(relay)
    relay = workshop.relay()
    assert (relay.report()["held_store"], relay.report()["flushing"]) == (1, False)


def test_a_disk_that_is_full_is_busy_to_the_sensor_and_no_crash(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    first = sensor.data(size=1000)
    sensor.ask(first)
    workshop.remote.go_away()
    connections = relay._ledger._db
    # The limit is per connection, so it is set where the UDP thread commits.
    real = relay._ledger.insert

    def limited(decision):
        connections.connection().execute("PRAGMA max_page_count = 1")
        relay._ledger.insert = real
        return real(decision)

    relay._ledger.insert = limited
    replies, datagrams = [], []
    for _ in range(20):
        datagrams.append(sensor.data(size=1000))
        replies.append(sensor.ask(datagrams[-1]))
    refused = [d for d, reply in zip(datagrams, replies, strict=True) if reply.kind == frames.NACK]
    assert refused
    assert {reply.status for reply in replies if reply.kind == frames.NACK} == {frames.BUSY}
    acked = [d[4:16] for d in datagrams if d not in refused]
    assert sorted(workshop.rows()) == sorted([first[4:16], *acked])
    assert relay.report()["held_store"] == len(acked) + 1

    def roomy(decision):
        connections.connection().execute("PRAGMA max_page_count = 1000000")
        relay._ledger.insert = real
        return real(decision)

    relay._ledger.insert = roomy
    assert sensor.ask(refused[0]).kind == frames.ACK
    assert refused[0][4:16] in workshop.rows()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_everything_on_disk(workshop, number):
    sensor = workshop.sensor()
    process = workshop.process()
    acked = [sensor.data() for _ in range(10)]
    for datagram in acked:
        sensor.ask(datagram)
    os.kill(process.pid, number)
    assert process.wait(HANG_S) == 0
    assert sorted(workshop.rows()) == sorted(datagram[4:16] for datagram in acked)
    assert not (workshop.folder / "data" / "relay.json").exists()
    assert not (workshop.folder / "data" / "relay.sqlite-wal").exists()


def test_it_stops_while_the_remote_hangs(workshop, monkeypatch):
    monkeypatch.setattr(service, "_JOIN_S", 0.2)
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.takes_batches.clear()
    sensor.ask(sensor.data(frames.SEND))
    wait_for(lambda: "batch" in workshop.remote.waiting)
    workshop.stop(relay)
    assert "batch" in workshop.remote.waiting, "it did not wait for that"
    assert len(workshop.rows()) == 1


def test_kill_9_under_load_loses_nothing_that_was_acked(workshop):
    sensors = [workshop.sensor(n) for n in range(1, 5)]
    chance = random.Random(9)
    acked: list[bytes] = []
    for _ in range(4):
        process = workshop.process()
        ended = threading.Event()
        threads = [threading.Thread(target=sensor.keep_sending, args=(acked, ended)) for sensor in sensors]
        for thread in threads:
            thread.start()
        enough = len(acked) + chance.randrange(50, 500)
        wait_for(lambda enough=enough: len(acked) >= enough, every_s=0.001)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(HANG_S) == -signal.SIGKILL
        ended.set()
        for thread in threads:
            thread.join()
    found = workshop.rows()
    assert len(set(found)) == len(found)
    at_remote = set(workshop.remote.arrived)
    assert set(acked) <= set(found) | at_remote


def test_two_relays_cannot_share_a_data_dir(workshop):
    relay = workshop.relay()
    with pytest.raises(SettingsError, match="another relay") as raised:
        Relay(load(workshop.config()))
    assert raised.value.exit_code == 2
    workshop.stop(relay)
    workshop.relay()


def test_a_newer_database_is_refused_with_a_sentence(workshop):
    workshop.stop(workshop.relay())
    connection = sqlite3.connect(workshop.folder / "data" / "relay.sqlite")
    with connection:
        connection.execute("UPDATE note SET value = '99' WHERE name = 'schema'")
    connection.close()
    with pytest.raises(SettingsError, match="update gridecho"):
        Relay(load(workshop.config()))


def test_a_file_that_is_no_database_is_refused_with_a_sentence(workshop):
    (workshop.folder / "data").mkdir()
    (workshop.folder / "data" / "relay.sqlite").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(SettingsError, match="is not a database"):
        Relay(load(workshop.config()))
