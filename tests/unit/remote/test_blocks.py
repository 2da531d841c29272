"""Blocks: what is written is what is read, plain and compact, whole and by quantity; what is torn is said."""

import random

import numpy as np
import pytest
from gridecho.readings import MAX_VALUE, Reading, encode
from gridecho_remote.store import blocks
from gridecho_remote.store.blocks import Section, TornBlockError
from gridecho_remote.store.planes import Columns, packed, packed_table, read_table
from hypothesis import given
from hypothesis import strategies as st

T0 = 1_800_000_000
FIRST_SEQ = 4_294_967_000
COLUMNS = ("seqs", "counts", "ops", "relay_ids", "stored_ms", "times_s", "values")

masks = st.sampled_from([(0, 2), (2,), (0, 2, 4, 7), (42, 43)])


@st.composite
def runs(draw: st.DrawFn) -> list[list[Reading]]:
    data = []
    for _ in range(draw(st.integers(1, 30))):
        codes = draw(masks)
        number = st.one_of(st.integers(-300, 300), st.integers(-MAX_VALUE, MAX_VALUE))
        data.append(
            [
                Reading(draw(st.integers(T0, T0 + 90_000)), {code: draw(number) for code in codes})
                for _ in range(draw(st.sampled_from([1, 1, 3])))
            ]
        )
    return data


def block_of(data: list[list[Reading]], relay_id: int = 3) -> bytes:
    counts = np.array([len(readings) for readings in data])
    times = np.array([readings[0].time_s for readings in data])
    return blocks.plain(relay_id, T0 * 1000, np.ones(len(data), int), counts, times, [encode(one) for one in data])


def readings_of(sections: list[Section]) -> dict[tuple[int, int], tuple[int, dict[int, int]]]:
    """(seq, item): (time, values)."""
    found = {}
    for section in sections:
        seqs = np.repeat(section.seqs, section.counts).tolist()
        codes = blocks.codes_in(section.mask)
        rows = zip(
            seqs, section.places.items.tolist(), section.times_s.tolist(), section.values.T.tolist(), strict=True
        )
        for seq, item, time_s, row in rows:
            found[seq, item] = time_s, dict(zip(codes, row, strict=True))
    return found


def expected_of(data: list[list[Reading]], mask: int = -1) -> dict[tuple[int, int], tuple[int, dict[int, int]]]:
    found = {}
    for n, readings in enumerate(data):
        for item, reading in enumerate(readings):
            values = {code: value for code, value in reading.values.items() if mask >> code & 1}
            if values:
                found[FIRST_SEQ + n, item] = reading.time_s, values
    return found


@given(runs(), st.sampled_from([-1, 1, 4, 5, 0x80, 1 << 42]))
def test_a_block_gives_back_what_it_was_made_from(data: list[list[Reading]], mask: int) -> None:
    plain = block_of(data)
    sections = blocks.read(plain, FIRST_SEQ)
    compact = blocks.compact(sections, FIRST_SEQ)
    assert (blocks.is_compact(plain), blocks.is_compact(compact)) == (False, True)
    for block in (plain, compact):
        assert readings_of(blocks.read(block, FIRST_SEQ, mask)) == expected_of(data, mask)
        bodies = blocks.bodies_of(block, FIRST_SEQ)
        assert bodies == {
            FIRST_SEQ + n: (len(readings), readings[0].time_s, encode(readings)) for n, readings in enumerate(data)
        }
        some = range(FIRST_SEQ + 1, FIRST_SEQ + 3)
        assert blocks.bodies_of(block, FIRST_SEQ, some) == {seq: bodies[seq] for seq in some if seq in bodies}
    for one, other in zip(sections, blocks.read(compact, FIRST_SEQ), strict=True):
        for name in COLUMNS:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_blocks_that_follow_each_other_become_one_and_keep_who_brought_them_and_when() -> None:
    data = [[Reading(T0 + 60 * n, {2: n, **({0: n} if n % 7 == 0 else {})})] for n in range(40)]
    first, second = block_of(data[:25], 3), block_of(data[25:], 4)
    parts = [*blocks.read(second, 25), *blocks.read(first, 0)]
    whole = blocks.read(blocks.compact(blocks.joined(parts), 0), 0)
    assert sorted(section.mask for section in whole) == [4, 5]
    seqs = {seq for section in whole for seq in section.seqs.tolist()}
    brought = {(int(s), int(r)) for section in whole for s, r in zip(section.seqs, section.relay_ids, strict=True)}
    assert seqs == set(range(40))
    assert brought == {(n, 3 if n < 25 else 4) for n in range(40)}


def test_undated_readings_get_the_times_they_were_given() -> None:
    data = [
        [Reading(0, {2: 1}), Reading(0, {2: 2})],
        [Reading(0, {2: 3}), Reading(T0, {2: 4}), Reading(0, {2: 5})],
        [Reading(T0 + 60, {2: 6})],
        [Reading(0, {2: 7})],
    ]
    counts, times = np.array([2, 3, 1, 1]), np.array([0, 0, T0 + 60, 0])
    dating = np.array([[100, 300, -1, -1], [50, 50, 0, 0]])
    came = blocks.plain(1, 0, np.ones(4, int), counts, times, [encode(one) for one in data])
    assert blocks.read(came, 0)[0].given_times_s().tolist() == [0, 0, 0, T0, 0, T0 + 60, 0]
    block = blocks.dated(blocks.dated(came, dating + 7), dating)
    [section] = [blocks.joined(blocks.read(block, 0))[0]]
    dated = blocks.read(block, 0)[0].given_times_s().tolist()
    assert dated == [100, 150, 300, T0, 350, T0 + 60, 0]
    assert section.times_s.tolist() == [0, 0, 0, T0, 0, T0 + 60, 0]


@given(st.lists(st.one_of(st.integers(-5, 5), st.integers(-(1 << 63), (1 << 63) - 1)), max_size=50))
def test_a_column_of_any_numbers(numbers: list[int]) -> None:
    head, planes = packed(np.array(numbers, np.int64))
    columns = Columns(head, b"x" + b"".join(planes), 1)
    assert columns.take(len(numbers), [True]).tolist() == [numbers]
    assert not columns.more()


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=6), st.randoms())
def test_of_columns_only_those_that_are_asked_for(
    length: int, some: list[tuple[int, bool]], rng: random.Random
) -> None:
    columns = np.array([[rng.randrange(1 << bits) for _ in range(length)] for bits, _ in some], np.int64)
    parts = [packed(column) for column in columns]
    found = Columns(b"".join(head for head, _ in parts), b"".join(plane for _, planes in parts for plane in planes), 0)
    wanted = [one for _, one in some]
    assert found.take(length, wanted).tolist() == columns[wanted].tolist()
    assert not found.more()


@given(
    st.integers(1, 6).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(-(1 << 62), (1 << 62) - 1), min_size=length, max_size=length), min_size=1, max_size=8
        )
    )
)
def test_a_table_of_any_rows(rows: list[list[int]]) -> None:
    assert read_table(packed_table(np.array(rows, np.int64))).tolist() == rows


def test_what_is_regular_costs_nothing_and_noise_its_bits() -> None:
    rng = np.random.default_rng(1)
    for numbers, most in (
        (np.full(1440, 77), 0),
        (T0 + 60 * np.arange(1440), 0),
        (230_000 + rng.integers(0, 256, 1440), 1500),
        (np.cumsum(rng.integers(0, 4, 1440)), 1440 // 2),
    ):
        assert sum(map(len, packed(numbers.astype(np.int64))[1])) <= most


def test_what_is_torn_is_said_and_never_read_as_something_else() -> None:
    data = [[Reading(T0 + 60 * n, {0: n * 17 % 91, 2: n})] for n in range(50)]
    plain = block_of(data)
    compact = blocks.compact(blocks.read(plain, 0), 0)
    for block in (plain, compact):
        for end in range(len(block)):
            with pytest.raises(TornBlockError):
                blocks.read(block[:end], 0)
        for bit in range(0, 8 * len(block), 7):
            changed = bytearray(block)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(TornBlockError):
                blocks.read(bytes(changed), 0)
