"""The holdings index: the remote's view of what this relay holds is right whenever nothing is under way, whatever got lost."""

from types import SimpleNamespace

import pytest
from gridecho import frames
from gridecho.holdings import Known
from gridecho_common.clock import Clock
from gridecho_relay.index import Teller
from gridecho_relay.upstream import UpstreamError

from tests.rigs.waiting import wait_for


def is_right(workshop, relay):
    """Whether the index names exactly the STORE frames that are here."""
    report = relay.report()
    return sorted(workshop.remote.index) == sorted(workshop.rows()) and not report["index_behind"]


def test_what_is_stored_is_told_with_its_times(workshop):
    sensors = [workshop.sensor(i) for i in (1, 2)]
    relay = workshop.relay()
    for _ in range(10):
        for sensor in sensors:
            sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    assert len(workshop.remote.index) == 20
    for data_id, time_s in workshop.remote.index.items():
        assert time_s == 1_700_000_000 + int.from_bytes(data_id[8:], "big")
    # Seconds and seqs go up together, so a sensor's ten are few runs; the next pieces tell what is new only.
    told = relay.report()["index_runs_told"]
    sensors[0].ask(sensors[0].data())
    wait_for(lambda: is_right(workshop, relay))
    assert relay.report()["index_runs_told"] == told + 1


def test_what_is_sent_at_once_is_never_in_the_index(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    sensor.ask(sensor.data(frames.SEND))
    wait_for(lambda: relay.report()["forwarded"] == 1)
    stored = sensor.data()
    sensor.ask(stored)
    wait_for(lambda: workshop.remote.index)
    assert list(workshop.remote.index) == [stored[4:16]]
    assert sum(runs for *_, runs in workshop.remote.told) == 1


def test_a_flush_empties_the_index(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(batch_frames=3)
    for _ in range(20):
        sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    relay.flush()
    for _ in range(5):
        sensor.ask(sensor.data())
    wait_for(lambda: relay.report()["flushes"] == 1)
    wait_for(lambda: is_right(workshop, relay))


def test_a_restart_tells_all_anew(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(5):
        sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    first = workshop.remote.listing
    workshop.stop(relay)
    workshop.remote.index[b"stale entry!"] = 1
    relay = workshop.relay()
    wait_for(lambda: is_right(workshop, relay))
    assert workshop.remote.listing > first
    assert len(workshop.remote.index) == 5


def test_an_empty_relay_says_so_at_its_start(workshop):
    workshop.remote.index[b"stale entry!"] = 1
    workshop.remote.listing, workshop.remote.known_to = 5, 9
    workshop.relay()
    wait_for(lambda: workshop.remote.told)
    wait_for(lambda: workshop.remote.index == {})


def test_no_batch_goes_before_it_is_known_what_became_of_the_last_piece(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    wait_for(lambda: workshop.remote.told)
    workshop.remote.index_answers = "is lost"  # once: the remote takes it and its answer does not come
    sensor.ask(sensor.data())
    wait_for(lambda: workshop.remote.index)
    workshop.remote.in_order.clear()
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 1)
    asked = [what for what in workshop.remote.in_order if what in ("index", "batch")]
    assert asked[:2] == ["index", "batch"]
    assert workshop.remote.told[-1] == workshop.remote.told[-2]  # the same piece again
    wait_for(lambda: is_right(workshop, relay))
    assert workshop.remote.index == {}


def test_a_new_process_settles_the_index_before_its_first_batch(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    workshop.remote.go_away()
    sensor.ask(sensor.data(frames.SEND))
    workshop.stop(relay)
    workshop.remote.in_order.clear()
    workshop.remote.start()
    relay = workshop.relay()
    wait_for(lambda: relay.report()["forwarded"] == 1)
    assert workshop.remote.in_order.index("index") < workshop.remote.in_order.index("batch")


def test_a_remote_that_came_back_from_an_old_backup_is_told_all_again(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay()
    for _ in range(5):
        sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    workshop.remote.index.clear()
    workshop.remote.known_to = 2
    sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    assert len(workshop.remote.index) == 6
    # Also with a listing that is from the future.
    workshop.remote.listing += 1 << 50
    sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    assert len(workshop.remote.index) == 7


def test_a_piece_that_is_too_long_is_told_in_parts(workshop):
    sensors = [workshop.sensor(i) for i in range(1, 11)]
    workshop.remote.index_answers = "takes few runs"
    relay = workshop.relay(index_every_s=0.5)
    for sensor in sensors:
        sensor.ask(sensor.data())
    wait_for(lambda: is_right(workshop, relay))
    assert len(workshop.remote.index) == 10


def test_a_refused_index_keeps_no_reading_back(workshop):
    sensor = workshop.sensor()
    workshop.remote.index_answers = "is not there"
    relay = workshop.relay()
    sensor.ask(sensor.data(frames.SEND))
    sensor.ask(sensor.data())
    relay.flush()
    wait_for(lambda: relay.report()["forwarded"] == 2)
    assert len(workshop.remote.told) < 5


class FakeLedger:
    """Rows with ids 1 to `last`, one run each."""

    def __init__(self, last):
        self.holding = SimpleNamespace(next_id=last + 1)
        self.deleted = []
        self.listing = 0

    def next_listing(self, now_ms):
        self.listing = max(now_ms, self.listing + 1)
        return self.listing

    def listing_piece(self, after_id, most):
        last = min(self.holding.next_id - 1, after_id + most)
        runs = [(1, 1, i, 1, 0, 0) for i in range(after_id + 1, last + 1)]
        return (last, runs) if runs else None

    def delete(self, batch):
        self.deleted.append(batch)


class SetClock(Clock):
    """Stands still at `at_s`."""

    at_s = 0.0

    def now_s(self):
        return self.at_s

    def utc_ms(self):
        return 1_800_000_000_000 + round(1000 * self.at_s)


class FakeUpstream:
    relay_id = 7

    def __init__(self):
        self.answers = []
        self.pieces = []

    def tell(self, piece):
        self.pieces.append(piece)
        answer = self.answers.pop(0) if self.answers else Known(7, piece.listing, piece.end)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_long_listing_goes_in_short_pieces_without_pause():
    ledger, upstream, clock = FakeLedger(50_000), FakeUpstream(), SetClock()
    teller = Teller(ledger, upstream, 60, clock)
    while not teller.due_in_s():
        teller.tell()
    assert [(piece.start, piece.end) for piece in upstream.pieces] == [(0, 20_000), (20_000, 40_000), (40_000, 50_000)]
    assert teller.looked_to == 50_000
    ledger.holding.next_id += 5  # news wait for their time
    assert teller.due_in_s() == 60
    clock.at_s += 59.5
    assert teller.due_in_s() == 0.5
    teller.hurry()
    assert teller.due_in_s() == 0


def test_without_news_the_remote_is_asked_once_a_minute_whether_it_still_knows():
    ledger, upstream, clock = FakeLedger(3), FakeUpstream(), SetClock()
    teller = Teller(ledger, upstream, 2, clock)
    teller.tell()
    for _ in range(30):
        assert teller.due_in_s() == 2, "nobody says when there is news"
        clock.at_s += 2
        if clock.at_s < 60:
            teller.tell()
            assert len(upstream.pieces) == 1
    upstream.answers = [Known(7, 1, 0)]
    assert teller.due_in_s() == 0
    teller.tell()
    assert (upstream.pieces[-1].start, upstream.pieces[-1].end, upstream.pieces[-1].runs) == (3, 3, [])
    assert teller.due_in_s() == 0
    teller.tell()
    assert (upstream.pieces[-1].start, upstream.pieces[-1].end) == (0, 3)
    assert upstream.pieces[-1].listing > upstream.pieces[0].listing


def test_a_remote_that_never_agrees_is_not_asked_without_end():
    ledger, upstream, clock = FakeLedger(0), FakeUpstream(), SetClock()
    teller = Teller(ledger, upstream, 30, clock)
    upstream.answers = [Known(7, 1, 0)]
    teller.tell()
    assert not teller.in_doubt
    assert teller.due_in_s() == 30


@pytest.mark.parametrize(("status", "doubt"), [(0, True), (500, True), (502, True), (401, False), (404, False)])
def test_only_an_answer_of_the_remote_settles_a_piece(status, doubt):
    ledger, upstream = FakeLedger(3), FakeUpstream()
    teller = Teller(ledger, upstream, 30, SetClock())
    upstream.answers = [UpstreamError("no", status)]
    if doubt:
        with pytest.raises(UpstreamError):
            teller.tell()
        assert teller.in_doubt
        ledger.holding.next_id += 5
        teller.tell()
        assert upstream.pieces[0] is upstream.pieces[1]
    else:
        teller.tell()
        assert not teller.in_doubt
        assert teller.due_in_s() == 10


def test_what_was_told_under_another_listing_is_not_deleted():
    ledger, upstream = FakeLedger(3), FakeUpstream()
    teller = Teller(ledger, upstream, 30, SetClock())
    teller.tell()
    listing = teller.listing
    assert teller.delete_told("a batch", listing)
    upstream.answers = [Known(7, 1, 0)]
    teller.hurry()
    ledger.holding.next_id += 1
    teller.tell()
    assert not teller.delete_told("another", listing)
    assert ledger.deleted == ["a batch"]
