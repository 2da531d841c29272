"""The holdings index against a plain set: pieces in and out of order, batches of either relay, new listings."""

import pytest
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import ANY, KNOWN_BYTES, Piece, read_known
from gridecho.readings import Reading
from gridecho_remote.store import holdings, queries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rigs.fleet import Fleet

T0 = 1_700_000_000
RUN = st.tuples(st.sampled_from((7, 8)), st.integers(1, 2), st.integers(0, 12), st.integers(1, 6), st.integers(0, 2))


def as_run(sensor_id, epoch, first, count, pace):
    step = (60, 60, 61)[pace] if count > 1 else 0
    return sensor_id, epoch, first, count, T0 + 60 * first, step


def data_of(runs):
    return {(s, e, first + i): t + i * step for s, e, first, n, t, step in runs for i in range(n)}


def index_of(fleet, relay_id):
    query = "SELECT sensor_id, epoch, first_seq, last_seq, first_s, step_s FROM holding WHERE relay_id = ?"
    rows = fleet.archive.connection().execute(query, (relay_id,)).fetchall()
    runs = [(s, e, first, last - first + 1, t, step) for s, e, first, last, t, step in rows]
    found = data_of(runs)
    assert sum(run[3] for run in runs) == len(found), "runs overlap"
    return found


def tell(fleet, relay_id, listing, start, end, runs):
    known = holdings.take_piece(fleet.archive, Piece(relay_id, listing, start, end, runs))
    return known.listing, known.end


@pytest.fixture
def started(fleet: Fleet):
    return fleet


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.sampled_from((1, 2)), st.lists(RUN, max_size=4)),
        st.tuples(st.just("late"), st.sampled_from((1, 2)), st.lists(RUN, max_size=3)),
        st.tuples(st.just("anew"), st.sampled_from((1, 2)), st.lists(RUN, max_size=3)),
        st.tuples(st.just("batch"), st.sampled_from((1, 2)), st.lists(RUN, min_size=1, max_size=3)),
    ),
    max_size=14,
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_the_index_is_what_relays_told_less_what_arrived(started, steps):
    fleet = started
    with fleet.archive.writing() as connection:
        for table in ("holding", "relay_state", "block", "quarantine"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
    model = {1: {}, 2: {}}
    listings, ends = {1: 1, 2: 1}, {1: 0, 2: 0}
    for what, relay_id, made in steps:
        runs = [as_run(*one) for one in made]
        if what == "batch":
            frames = []
            for (sensor_id, epoch, seq), time_s in sorted(data_of(runs).items()):
                # Some do not open: they are in quarantine, and off the index too.
                root = bytes(32) if seq % 5 == 4 else None
                frames.append(fleet.frame(sensor_id, [Reading(time_s, {2: seq})], seq, epoch, root=root))
                model[relay_id].pop((sensor_id, epoch, seq), None)
            fleet.send(*frames, relay_id=relay_id)
        elif what == "late":
            # A piece that was taken already, and one of an older listing.
            before = listings[relay_id], ends[relay_id]
            if ends[relay_id]:
                assert tell(fleet, relay_id, listings[relay_id], ends[relay_id] - 1, ends[relay_id], runs) == before
                assert tell(fleet, relay_id, listings[relay_id] - 1, 0, 99, runs) == before
                assert tell(fleet, relay_id, listings[relay_id] + 1, 5, 99, runs) == before
        else:
            if what == "anew":
                listings[relay_id] += 1
                ends[relay_id] = 0
                model[relay_id] = {}
            end = ends[relay_id] + 2
            assert tell(fleet, relay_id, listings[relay_id], ends[relay_id], end, runs) == (listings[relay_id], end)
            ends[relay_id] = end
            for run in runs:
                model[relay_id].update(data_of([run]))
        for number in (1, 2):
            assert index_of(fleet, number) == model[number]


def test_what_goes_on_where_another_run_ended_is_one_run(fleet: Fleet):
    tell(fleet, 1, 9, 0, 3, [(7, 1, 0, 3, T0, 60)])
    tell(fleet, 1, 9, 3, 6, [(7, 1, 3, 3, T0 + 180, 60)])
    tell(fleet, 1, 9, 6, 7, [(7, 1, 6, 1, T0 + 360, 0)])
    tell(fleet, 1, 9, 7, 8, [(7, 1, 7, 1, T0 + 421, 0)])
    assert holdings.told(fleet.archive) == {1: holdings.Told(2, 8)}
    assert holdings.told(fleet.archive)[1].data == len(index_of(fleet, 1))


def test_a_span_finds_what_reaches_into_it(fleet: Fleet):
    # A datum of sensor 7 has 300 s: others of its length class have less than 512.
    fleet.send(fleet.frame(7, [Reading(T0 - 900, {2: 1}), Reading(T0 - 600, {2: 2})], 500))
    tell(fleet, 1, 9, 0, 10, [(7, 1, 0, 10, T0, 600)])
    tell(fleet, 2, 9, 0, 10, [(7, 1, 20, 1, T0 + 6000, 0), (8, 1, 0, 10, T0, 600)])
    wants = holdings.wants_in(fleet.archive, 7, T0 + 1250, T0 + 1260)
    assert wants == {1: [(7, 1, 0, 9, T0 + 1250 - 512, T0 + 1260)]}
    # One of decades, by a broken clock, does not make every later request ask for everything.
    fleet.send(fleet.frame(7, [Reading(1, {2: 1}), Reading(T0, {2: 2})], 501))
    assert holdings.wants_in(fleet.archive, 7, T0 + 1250, T0 + 1260)[1][0][4] == T0 + 1250 - 7 * 86_400
    assert set(holdings.wants_in(fleet.archive, 7, 0, ANY)) == {1, 2}
    assert holdings.wants_in(fleet.archive, 9, 0, ANY) == {}
    assert holdings.wants_of(fleet.archive, 7, 1, 5, 20) == {
        1: [(7, 1, 5, 20, 0, ANY)],
        2: [(7, 1, 5, 20, 0, ANY)],
    }
    assert holdings.holders(fleet.archive, 7, 1, 10, 19) == []


def test_what_one_relay_sent_the_other_still_holds(fleet: Fleet):
    for relay_id in (1, 2):
        tell(fleet, relay_id, 9, 0, 5, [(7, 1, 0, 5, T0, 60)])
    fleet.send(*[fleet.frame(7, [Reading(T0 + 60 * seq, {2: 1})], seq) for seq in range(5)], relay_id=2)
    assert (len(index_of(fleet, 1)), index_of(fleet, 2)) == (5, {})
    # It is known then, and gone from the other relay's index too.
    receipt = fleet.send(*[fleet.frame(7, [Reading(T0 + 60 * seq, {2: 1})], seq) for seq in (1, 2)], relay_id=1)
    assert (receipt.stored, receipt.known) == (0, 2)
    assert sorted(seq for _, _, seq in index_of(fleet, 1)) == [0, 3, 4]


def test_a_gap_says_which_relays_hold_it(fleet: Fleet):
    fleet.send(*[fleet.frame(7, [Reading(T0 + 60 * seq, {2: 1})], seq) for seq in (0, 4)])
    tell(fleet, 2, 9, 0, 5, [(7, 1, 2, 2, T0 + 120, 60)])
    gaps = [(gap.first_seq, gap.last_seq) for gap in queries.gaps(fleet.archive, 7)]
    assert gaps == [(1, 3)]
    assert holdings.holders(fleet.archive, 7, 1, 1, 3) == [2]


def test_pieces_over_http(fleet: Fleet):
    batch_mac = Cmac(relay_keys.batch_key(fleet.relays[1], 1))
    body = Piece(1, 5, 0, 3, [(7, 1, 0, 3, T0, 60)]).pack(batch_mac)
    answer = fleet.bring("index", body)
    assert answer.status_code == 200
    known = read_known(answer.data[:KNOWN_BYTES], Cmac(relay_keys.receipt_key(fleet.relays[1], 1)))
    assert (known.relay_id, known.listing, known.end) == (1, 5, 3)
    assert fleet.bring("index", body).data == answer.data
    changed = body[:-1] + bytes((body[-1] ^ 1,))
    assert fleet.bring("index", changed).status_code == 401
    assert fleet.bring("index", b"junk").status_code == 400
    stranger = Piece(9, 5, 0, 3, []).pack(batch_mac)
    assert fleet.bring("index", stranger).status_code == 401
    assert fleet.bring("index", bytes(3_000_000)).status_code == 413
