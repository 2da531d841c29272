"""What a relay counts for its group is told, whenever it comes and whatever it finds its clock to be."""

import random

from gridecho.groups import Turn
from gridecho_relay.collected import Collected

BEGAN_S = 1_800_000_000
TURN = Turn(7, 0, 3, 1, 8, BEGAN_S, 1)


def test_what_comes_after_a_period_was_told_whole_is_told_in_the_next() -> None:
    collected = Collected(run=5)
    at_ms = 1000 * BEGAN_S + 1_150
    assert collected.bars(TURN, at_ms) == (1, [])
    collected.told(TURN, 1)
    # A slow heartbeat made the relay believe that its clock is ahead by so much.
    collected.ahead_ms = 200
    collected.add(3, at_ms + 10)
    assert collected.bars(TURN, at_ms + 1_500) == (2, [(1, 3)])


def test_a_period_that_was_told_whole_stays_so() -> None:
    collected = Collected(run=5)
    assert collected.bars(TURN, 1000 * BEGAN_S + 2_150)[0] == 2
    collected.told(TURN, 2)
    collected.ahead_ms = 400
    collected.add(1, 1000 * BEGAN_S + 2_160)
    assert collected.bars(TURN, 1000 * BEGAN_S + 2_200) == (2, [(2, 1)])


def test_nothing_is_told_twice_or_left_out_by_a_clock_that_is_corrected_all_the_time() -> None:
    chance = random.Random(1)
    collected, remote, counted, told = Collected(run=5), {}, 0, 0
    for ms in range(1_000, 60_000, 50):
        readings = chance.randrange(5)
        collected.add(readings, 1000 * BEGAN_S + ms)
        counted += readings
        if ms % 200 == 0:
            whole, bars = collected.bars(TURN, 1000 * BEGAN_S + ms)
            assert whole >= told, "what was whole is so no more"
            assert all(remote[period] == readings for period, readings in bars if period < told)
            remote |= dict(bars)
            if chance.randrange(3):  # else the answer is lost
                collected.told(TURN, whole)
                told = whole
            collected.ahead_ms = chance.randrange(-400, 400)
    collected.ahead_ms = 0
    remote |= dict(collected.bars(TURN, 1000 * BEGAN_S + 70_000)[1])
    assert sum(remote.values()) == counted
