"""Buffer, store and threshold as arithmetic: no frame is lost or counted twice, no limit is passed, a restart sees the same."""

import pytest
from gridecho.frames import SEND, STORE
from gridecho_relay.holding import Amount, Holding, Limits
from hypothesis import given
from hypothesis import strategies as st

LIMITS = Limits(store_bytes=1000, threshold_bytes=300, buffer_bytes=400, outbox_bytes=500)


def restored(limits, flush_to, rows):
    store, buffer, outbox = Amount(), Amount(), Amount()
    for frame_id, op, size, readings in rows:
        place = outbox if op == SEND else buffer if flush_to and frame_id > flush_to else store
        place.add(size, readings)
    return Holding.restore(limits, flush_to, store, buffer, outbox, max([row[0] for row in rows], default=0))


def state(holding):
    return holding.store, holding.buffer, holding.outbox, holding.flush_to


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from((STORE, SEND)), st.integers(1, 200), st.integers(1, 255)),
        st.tuples(st.just("forward"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("flush"), st.just(0), st.just(0)),
    ),
    max_size=80,
)


@given(
    actions=ACTIONS,
    limits=st.builds(
        Limits,
        store_bytes=st.integers(400, 1200),
        threshold_bytes=st.integers(1, 400),
        buffer_bytes=st.integers(1, 400),
        outbox_bytes=st.integers(1, 400),
    ),
)
def test_whatever_happens_the_sums_are_those_of_the_rows(actions, limits):
    holding = Holding(limits)
    rows = []
    last_id = 0
    for what, n, readings in actions:
        if what == "flush":
            holding.flush_all()
        elif what == "forward":
            due = [row for row in rows if row[1] == SEND][:n] or [row for row in rows if row[0] <= holding.flush_to][:n]
            if not due:
                continue
            gone = Amount()
            for row in due:
                gone.add(row[2], row[3])
                rows.remove(row)
            (holding.sent if due[0][1] == SEND else holding.flushed)(gone)
        else:
            before = state(holding.copy())
            frame_id = holding.admit(what, n, readings)
            if frame_id:
                assert frame_id > last_id
                last_id = frame_id
                rows.append((frame_id, what, n, readings))
            else:
                assert state(holding) == before
        assert state(restored(limits, holding.flush_to, rows)) == state(holding)
        assert holding.readings == sum(row[3] for row in rows)
        assert holding.buffer.bytes <= limits.buffer_bytes
        assert holding.outbox.bytes <= limits.outbox_bytes
        assert (
            holding.store.bytes <= limits.store_bytes + limits.buffer_bytes
        )  # an operator's flush takes the buffer in
        assert holding.flushing == (holding.flush_to > 0)
        assert holding.flushing or not holding.buffer.frames


def test_at_the_threshold_it_moves_and_one_byte_below_it_flushes():
    holding = Holding(LIMITS)
    assert holding.admit(STORE, 700 - 1, 1) == 0  # more than the buffer
    for size in (350, 350):
        assert holding.admit(STORE, size, 1)
    assert (holding.store.bytes, holding.flushing) == (700, False)
    assert holding.admit(STORE, 1, 1) == 3  # 300 bytes are free: it moves
    assert (holding.store.bytes, holding.buffer.bytes, holding.flushing) == (701, 0, False)
    assert holding.admit(STORE, 1, 1) == 4  # 299 are free: the store is flushed, this one waits
    assert (holding.store.frames, holding.buffer.frames, holding.flush_to) == (3, 1, 3)
    holding.flushed(Amount(2, 700, 2))
    assert (holding.store.frames, holding.buffer.frames, holding.flush_to) == (1, 1, 3)
    holding.flushed(Amount(1, 1, 1))
    assert (holding.store, holding.buffer, holding.flush_to) == (Amount(1, 1, 1), Amount(), 0)


def test_a_frame_larger_than_what_is_free_flushes_although_the_threshold_is_met():
    holding = Holding(Limits(store_bytes=1000, threshold_bytes=10, buffer_bytes=400, outbox_bytes=1))
    for size in (400, 400):
        holding.admit(STORE, size, 1)
    assert holding.admit(STORE, 300, 1)
    assert (holding.store.bytes, holding.buffer.bytes, holding.flushing) == (800, 300, True)


@pytest.mark.parametrize(("op", "limit"), [(STORE, 400), (SEND, 500)])
def test_a_limit_may_be_reached_but_not_passed(op, limit):
    holding = Holding(LIMITS)
    holding.admit(STORE, 400, 1)
    holding.admit(STORE, 350, 1)
    holding.admit(STORE, 1, 1)
    assert holding.flushing
    left = limit - (1 if op == STORE else 0)
    assert holding.admit(op, left + 1, 1) == 0
    assert holding.admit(op, left, 1)
    assert holding.admit(op, 1, 1) == 0


def test_ids_go_on_after_a_flush_of_everything():
    assert restored(LIMITS, 41, []).next_id == 42
    assert restored(LIMITS, 41, [(50, STORE, 10, 1), (51, SEND, 10, 1)]).next_id == 52


GREEDY, MODEST = b"\0\0\0\1", b"\0\0\0\2"


def flushing(limits):
    holding = Holding(limits)
    holding.sensors = 10
    while not holding.flushing:
        holding.admit(STORE, 100, 1, GREEDY)
    return holding


@pytest.mark.parametrize(("op", "limit"), [(STORE, "buffer_bytes"), (SEND, "outbox_bytes")])
def test_a_sensor_that_fills_a_place_leaves_half_of_it_to_the_others(op, limit):
    limits = Limits(20_000, 4_000, 10_000, 10_000)
    holding = flushing(limits)
    while holding.admit(op, 100, 1, GREEDY):
        assert holding.has_room(op, 100)
    held = (holding.in_buffer if op == STORE else holding.in_outbox)[GREEDY]
    assert held == getattr(limits, limit) // 2
    assert holding.has_room(op, 100), "that is not why it was refused"
    for n in range(1, 50):
        assert holding.admit(op, 100, 1, MODEST if n < 25 else n.to_bytes(4, "big")), n
        assert not holding.admit(op, 100, 1, GREEDY)
    # When some of its own is gone it may come again.
    holding.sent(Amount(30, 3_000, 30), {GREEDY: 3_000})
    holding.pulled(Amount(), Amount(30, 3_000, 30), {GREEDY: 3_000})
    assert holding.admit(op, 100, 1, GREEDY)


def test_sensors_that_are_alike_fill_all_of_it_and_so_does_one_alone():
    for sensors in (1, 10):
        holding = flushing(Limits(20_000, 4_000, 10_000, 10_000))
        holding.sensors = sensors
        taken = sum(bool(holding.admit(SEND, 100, 1, (n % sensors).to_bytes(4, "big"))) for n in range(100))
        assert (taken, holding.outbox.bytes) == (100, 10_000)


@given(st.lists(st.tuples(st.sampled_from((STORE, SEND)), st.integers(1, 5), st.integers(1, 1_200)), max_size=200))
def test_who_holds_less_than_its_part_is_refused_only_where_nobody_has_room(asked):
    limits = Limits(20_000, 4_000, 10_000, 10_000)
    holding = Holding(limits)
    holding.sensors = 5
    for op, n, size in asked:
        sensor, before = n.to_bytes(4, "big"), holding.copy()
        if not holding.admit(op, size, 1, sensor) and holding.has_room(op, size):
            held = (holding.in_buffer if op == STORE else holding.in_outbox)[sensor]
            assert held + size > 2_000
        assert before.in_outbox.get(sensor, 0) <= holding.in_outbox.get(sensor, 0)
        assert sum(holding.in_outbox.values()) == holding.outbox.bytes
        assert sum(holding.in_buffer.values()) == holding.buffer.bytes
