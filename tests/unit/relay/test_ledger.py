"""The ledger as forwarder, pulls and index use it: nothing is counted twice, whoever comes first."""

import errno
import os
import sqlite3

import pytest
from gridecho import frames
from gridecho.holdings import ANY
from gridecho_relay.holding import Limits
from gridecho_relay.ingest import Group
from gridecho_relay.ledger import Ledger
from gridecho_relay.models import Held
from gridecho_relay.reserve import Reserve

LIMITS = Limits(1 << 20, 1 << 12, 1 << 20, 1 << 20)


def frame(sensor_id, seq, epoch=1, op=frames.STORE):
    head = bytes((0x11, op, 1, 1)) + b"".join(n.to_bytes(4, "big") for n in (sensor_id, epoch, seq, 1_000 + 60 * seq))
    return head + bytes(30)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "relay.sqlite", LIMITS)
    yield ledger
    ledger.close()


def put(ledger, *rows):
    with ledger.lock:
        group = Group(ledger.holding.copy())
        for one in rows:
            row_id = group.after.admit(one[1], len(one), one[3])
            (group.outbox if one[1] == frames.SEND else group.held).append((row_id, one))
            ledger.replay.add(one[4:16])
        assert ledger.insert(group)


def amounts(ledger):
    holding = ledger.holding
    return holding.store.frames, holding.buffer.frames, holding.outbox.frames


def again(ledger, tmp_path):
    ledger.close()
    return Ledger(tmp_path / "relay.sqlite", LIMITS)


def seqs(batch):
    return [int.from_bytes(one[12:16], "big") for one in batch.frames]


def test_what_is_wanted_is_found_by_time_and_by_data_id(ledger, tmp_path):
    put(ledger, *[frame(sensor, seq) for seq in range(50) for sensor in (1, 2, 3)])
    for other in (ledger, again(ledger, tmp_path)):
        by_time = other.batch_of([(2, 0, 0, ANY, 1_000 + 60 * 10, 1_000 + 60 * 12)], 100)
        assert (seqs(by_time), {one[4:8] for one in by_time.frames}) == ([10, 11, 12], {b"\0\0\0\2"})
        by_id = other.batch_of([(1, 1, 7, 8, 0, ANY), (3, 1, 49, 60, 0, ANY)], 100)
        assert seqs(by_id) == [7, 8, 49]
        assert seqs(other.batch_of([(1, 0, 0, ANY, 0, ANY)], 4)) == [0, 1, 2, 3]
        first = other.batch_of([(1, 0, 0, ANY, 0, ANY)], 30)
        assert seqs(other.batch_of([(1, 0, 0, ANY, 0, ANY)], 100, first.ids[-1])) == list(range(30, 50))
        assert other.batch_of([(1, 2, 0, ANY, 0, ANY)], 4) is None
        assert other.batch_of([(9, 0, 0, ANY, 0, ANY)], 4) is None
        other.close()


def test_a_pull_and_a_flush_of_the_same_rows_count_once(ledger, tmp_path):
    put(ledger, *[frame(1, seq) for seq in range(20)])
    ledger.flush_all()
    put(ledger, *[frame(2, seq) for seq in range(5)])
    assert amounts(ledger) == (20, 5, 0)
    flushed = ledger.next_batch(10)
    pulled = ledger.batch_of([(1, 0, 5, 14, 0, ANY), (2, 0, 3, 3, 0, ANY)], 100)
    assert ledger.delete(pulled) == 11
    assert amounts(ledger) == (10, 4, 0)
    assert ledger.delete(flushed) == 5
    assert ledger.delete(flushed) == 0
    assert (ledger.delete(pulled), ledger.forwarded) == (0, 16)
    assert amounts(ledger) == (5, 4, 0)
    assert ledger.delete(ledger.next_batch(100)) == 5
    assert (amounts(ledger), ledger.flushes, ledger.holding.flushing) == ((4, 0, 0), 1, False)
    other = again(ledger, tmp_path)
    assert amounts(other) == (4, 0, 0)
    assert all(frame(sensor, seq)[4:16] in other.replay for sensor, n in ((1, 20), (2, 5)) for seq in range(n))
    assert frame(2, 5)[4:16] not in other.replay
    other.close()


def test_a_pull_of_all_that_a_flush_takes_ends_the_flush(ledger):
    put(ledger, *[frame(1, seq) for seq in range(3)])
    ledger.flush_all()
    put(ledger, frame(2, 0))
    ledger.delete(ledger.batch_of([(1, 0, 0, ANY, 0, ANY)], 10))
    assert (amounts(ledger), ledger.holding.flushing, ledger.flushes) == ((1, 0, 0), False, 1)


def test_the_index_is_told_in_pieces_of_what_is_there(ledger, tmp_path):
    put(ledger, *[frame(sensor, seq) for seq in range(6) for sensor in (1, 2)], frame(1, 6, op=frames.SEND))
    assert ledger.listing_piece(0, 4) == (4, [(1, 1, 0, 2, 1000, 60), (2, 1, 0, 2, 1000, 60)])
    assert ledger.listing_piece(4, 1000) == (12, [(1, 1, 2, 4, 1120, 60), (2, 1, 2, 4, 1120, 60)])
    assert ledger.listing_piece(12, 1000) is None
    with ledger.lock:
        assert ledger.promote({frame(1, 3)[4:16]})
    assert ledger.listing_piece(4, 1000) == (
        12,
        [(1, 1, 2, 1, 1120, 0), (1, 1, 4, 2, 1240, 60), (2, 1, 2, 4, 1120, 60)],
    )
    assert ledger.next_listing(1000) == 1000
    other = again(ledger, tmp_path)
    assert other.listing_piece(0, 1000)[0] == 12
    assert [other.next_listing(ms) for ms in (900, 900, 5000)] == [1001, 1002, 5000]
    other.close()


def test_what_is_tagged_anew_is_found_in_old_rows_and_new_ones_and_looked_for_once(ledger):
    put(ledger, *[frame(1, seq) for seq in range(5)])
    ledger.listing_piece(0, 1000)
    put(ledger, *[frame(1, seq) for seq in range(5, 9)])
    with ledger.lock:
        assert ledger.promote({frame(1, seq)[4:16] for seq in (2, 7)})
        assert amounts(ledger) == (7, 0, 2)
        assert not ledger.promote({frame(1, 2)[4:16]})
        assert not ledger.promote({frame(1, 77)[4:16]})
        asked = []
        ledger._connection.set_trace_callback(asked.append)
        assert not ledger.promote({frame(1, 2)[4:16], frame(1, 77)[4:16]})
        assert asked == []


def test_the_disk_is_full_and_what_the_remote_has_is_still_deleted(ledger, tmp_path, monkeypatch):
    put(ledger, *[frame(1, seq) for seq in range(9)])
    whole = Ledger._delete
    tried = []

    def full_at_first(self, *rows):
        tried.append(self._reserve.whole)
        if self._reserve.whole:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return whole(self, *rows)

    monkeypatch.setattr(Ledger, "_delete", full_at_first)
    monkeypatch.setattr(Reserve, "restore", lambda self: None)
    assert ledger.delete(ledger.batch_of([(1, 0, 0, 3, 0, ANY)], 10)) == 4
    assert tried == [True, False]
    # Nothing new is taken in while deleting may need the room.
    with ledger.lock:
        group = Group(ledger.holding.copy())
        group.held.append((group.after.admit(frames.STORE, 50, 1), frame(1, 50)))
        assert not ledger.insert(group)
    assert ledger._connection.execute("SELECT count(*) FROM held").fetchone() == (5,)


def test_the_reserve_takes_real_room_and_gives_it_back(tmp_path, monkeypatch):
    reserve = Reserve(tmp_path / "relay.reserve", 1 << 20)
    file = tmp_path / "relay.reserve"
    assert (reserve.whole, file.stat().st_blocks * 512) == (True, 1 << 20)
    assert reserve.release()
    assert not reserve.release()
    assert file.stat().st_size == 0

    def no_room(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("gridecho_relay.reserve._LEAST_PAUSE_S", 0)
    reserve = Reserve(file, 1 << 20)
    assert reserve.release()
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", no_room)
        reserve.restore()
        assert not reserve.whole
    reserve.restore()
    assert (reserve.whole, file.stat().st_size) == (True, 1 << 20)


def test_a_batch_of_another_table_is_no_others(ledger):
    put(ledger, frame(1, 0, op=frames.SEND), frame(1, 1))
    batch = ledger.next_batch(10)
    assert (batch.table is not Held, seqs(batch)) == (True, [0])
    assert ledger.delete(batch) == 1
    assert amounts(ledger) == (1, 0, 0)
