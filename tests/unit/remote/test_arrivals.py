"""What is new by numbers, and from where on somebody is told: against sets of numbers, in which nothing can be missed."""

import pytest
from gridecho_remote.rules.arrivals import OVERLAP_MS, Position, Run, new_of
from gridecho_remote.rules.errors import RemoteError
from hypothesis import given
from hypothesis import strategies as st

RUN = st.tuples(st.integers(1, 2), st.integers(0, 30), st.integers(0, 6)).map(
    lambda one: (one[0], one[1], one[1] + one[2])
)
NOW = 1_800_000_000_000


def numbers(runs: list[Run]) -> set[tuple[int, int]]:
    return {(epoch, seq) for epoch, first, last in runs for seq in range(first, last + 1)}


@given(st.lists(RUN), st.lists(RUN))
def test_what_is_new_is_what_no_known_run_covers(there: list[Run], known: list[Run]) -> None:
    found = list(new_of(there, known))
    assert {run for run, _ in found} <= set(there)
    for run, parts in found:
        assert numbers(parts) == numbers([run]) - numbers(known)
        assert len(numbers(parts)) == sum(last - first + 1 for _, first, last in parts) > 0
    assert numbers([part for _, parts in found for part in parts]) == numbers(there) - numbers(known)


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(RUN, max_size=4), st.integers(0, 200_000)), max_size=20))
def test_a_position_says_what_was_told_since_its_moment(told: list[tuple[int, list[Run], int]]) -> None:
    position, now_ms = Position(NOW, NOW), NOW
    expected: list[tuple[int, int, set[tuple[int, int]]]] = []
    for sensor_id, runs, later_ms in told:
        now_ms += later_ms
        position.told(sensor_id, runs, now_ms)
        position.looked(now_ms)
        expected.append((now_ms, sensor_id, numbers(runs)))
    assert position.since_ms == (now_ms - OVERLAP_MS if told else NOW)
    again = Position.read(str(position), now_ms)
    assert (str(again), again.since_ms) == (str(position), position.since_ms)
    for told_ms, sensor_id, what in expected:
        if told_ms >= position.since_ms:  # what was told before was stored before
            assert what <= numbers(again.runs(sensor_id))


def test_what_follows_is_one_run() -> None:
    position = Position(NOW, NOW)
    for n in range(1_000):
        position.told(7, [(1, n, n)], NOW + 1_000 * n)
    assert position.runs(7) == [(1, 0, 999)]
    assert len(str(position)) < 40


def test_what_is_in_pieces_is_bounded() -> None:
    position = Position(NOW, NOW)
    for n in range(1_000):
        position.told(7, [(1, 2 * n, 2 * n)], NOW)
    assert position.runs(7) == [(1, 2 * n, 2 * n) for n in range(936, 1_000)]


def test_no_position_lies_ahead_of_now() -> None:
    for text in (str(NOW + 5), f"{NOW + 5}-{NOW + 9}"):
        found = Position.read(text, NOW)
        assert (found.since_ms, found.begun_ms) == (NOW, NOW)


def test_a_position_says_when_it_was_begun() -> None:
    position = Position(NOW, NOW + 3)
    position.looked(NOW + 1_000_000)
    assert Position.read(str(position), NOW + 2_000_000).begun_ms == NOW + 3
    # Who comes with a moment only begins there.
    assert Position.read(str(NOW), NOW + 9).begun_ms == NOW


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-1",
        "1.5",
        "1_",
        "1_7",
        "1_7.1.2",
        "1_7.1.2.3.4",
        "9" * 16,
        "\u0661",
        "1\n",
        "1_7.1.2.3_",
        "1-",
        "-1_7.1.2.3",
        "1-2-3",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(RemoteError, match="query-after"):
        Position.read(text, NOW)
