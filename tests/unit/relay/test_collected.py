"""Readings counted by the sampling periods of a term."""

from gridecho.groups import Turn
from gridecho_relay.collected import Collected

BEGAN_S = 1_800_000_000


def turn(term=1, period_s=10, began_s=BEGAN_S):
    return Turn(7, 0, 3, term, 8, began_s, period_s)


def at(seconds):
    return int(1000 * (BEGAN_S + seconds))


def test_bars_by_period_and_only_of_the_term():
    collected = Collected(run=5)
    for second, readings in ((-3, 100), (0, 1), (9.999, 2), (10, 4), (25, 8), (25.5, 16)):
        collected.add(readings, at(second))
    assert collected.bars(turn(), at(26)) == (2, [(0, 3), (1, 4), (2, 24)])
    assert collected.bars(turn(period_s=5), at(26)) == (5, [(0, 1), (1, 2), (2, 4), (5, 24)])
    assert collected.bars(turn(began_s=BEGAN_S + 20), at(26)) == (0, [(0, 24)]), "a term that was heard of late"


def test_a_period_is_whole_a_moment_after_its_end():
    collected = Collected(run=5)
    assert collected.bars(turn(), at(10)) == (0, [])
    assert collected.bars(turn(), at(10.05)) == (0, [])
    assert collected.bars(turn(), at(10.2)) == (1, [])
    assert collected.bars(turn(), at(-5)) == (0, []), "a clock that is behind"
    assert collected.bars(Turn(7, 0, 3), at(10)) == (0, []), "a group without a term"


def test_what_the_remote_knows_whole_is_not_told_again():
    collected = Collected(run=5)
    for second in range(30):
        collected.add(1, at(second))
    whole, bars = collected.bars(turn(), at(25))
    assert (whole, bars) == (2, [(0, 10), (1, 10), (2, 10)])
    collected.told(turn(), whole)
    assert collected.bars(turn(), at(31)) == (3, [(2, 10)]), "the last one was not whole then"
    assert collected.bars(turn(term=2, began_s=BEGAN_S + 20), at(31)) == (1, [(0, 10)])


def test_times_are_those_of_the_remote():
    collected = Collected(run=5)
    collected.ahead_ms = 4_000
    collected.add(1, at(12))
    assert collected.bars(turn(), at(24.2)) == (2, [(0, 1)])


def test_hours_without_the_remote_are_bounded():
    collected = Collected(run=5)
    for second in range(10_000):
        collected.add(1, at(second))
    _, bars = collected.bars(turn(period_s=1), at(10_000))
    assert len(bars) == 7_200
    assert len(collected._seconds) == 7_200
