"""The election by itself: bars, the curve, its area, the choice. Expected values are worked out by hand or summed up."""

import random
from collections import Counter

import numpy as np
import pytest
from gridecho_remote.rules.election import choose, fitted, load_scores
from hypothesis import given
from hypothesis import strategies as st

BARS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)
CHANCE = random.Random(5)


def area(bars):
    return float(load_scores([bars])[0])


@pytest.mark.parametrize("height", [0, 1, 7, 5_000])
@pytest.mark.parametrize("periods", [1, 2, 3, 60])
def test_a_flat_histogram_is_count_times_periods(height, periods):
    assert area([height] * periods) == pytest.approx(height * periods, rel=0.01, abs=1e-9)


def test_hand_worked_curves():
    # One bar: level. Two bars 0 and 8: the middles are at 0.5 and 1.5, both ends level, so there the slope is 0 (a step of 0 beside
    # one of 8) and the cubic between is 8 (3u^2 - 2u^3): at u = 1/4 that is 8 (3/16 - 1/32) = 1.25, at u = 1/2 it is 4.
    assert fitted([[5]])(0.3) == pytest.approx(5)
    curve = fitted([[0, 8]])
    assert [float(curve(x)[0]) for x in (0, 0.5, 0.75, 1, 1.5, 2)] == pytest.approx([0, 0, 1.25, 4, 8, 8])
    # Three bars 0, 6, 8: in the middle the harmonic mean of the steps 6 and 2, 2 * 6 * 2 / 8 = 3; level at both ends.
    # Between the first two, at u = 1/2: (0 + 6) / 2 + (0 - 3) / 8 = 2.625; between the others: (6 + 8) / 2 + (3 - 0) / 8 = 7.375.
    curve = fitted([[0, 6, 8]])
    assert [float(curve(x)[0]) for x in (0.5, 1, 1.5, 2, 2.5)] == pytest.approx([0, 2.625, 6, 7.375, 8])
    # A peak: steps of 9 and -9, so level there, and nothing above it.
    curve = fitted([[0, 9, 0]])
    assert float(curve(1)[0]) == pytest.approx(4.5)
    assert max(float(curve(x / 100)[0]) for x in range(301)) == pytest.approx(9)
    assert area([0, 9, 0]) == pytest.approx(9)


@given(BARS)
def test_the_curve_keeps_within_its_neighbours_and_is_never_negative(bars):
    curve = fitted([bars])
    padded = [bars[0], *bars, bars[-1]]
    for i in range(len(padded) - 1):
        low, high = sorted(padded[i : i + 2])
        for share in (0, 0.2, 0.5, 0.9, 1):
            height = float(curve(i - 0.5 + share)[0])
            assert low - 1e-6 <= height <= high + 1e-6
            assert height >= -1e-9
    assert [float(curve(i + 0.5)[0]) for i in range(len(bars))] == pytest.approx(bars)


@given(BARS)
def test_the_score_is_the_area_under_the_curve(bars):
    curve = fitted([bars])
    fine = np.linspace(0, len(bars), 200 * len(bars) + 1)
    assert area(bars) == pytest.approx(float(np.trapezoid(curve(fine)[:, 0], fine)), rel=1e-3, abs=1e-3)
    assert area(bars) == pytest.approx(sum(bars), abs=1e-6)


@given(BARS, st.data())
def test_more_data_never_gives_a_lesser_score(bars, data):
    place = data.draw(st.integers(0, len(bars) - 1))
    more = [*bars[:place], bars[place] + data.draw(st.integers(1, 1_000)), *bars[place + 1 :]]
    assert area(more) > area(bars)


def test_scores_of_many_are_those_of_each():
    bars = np.random.default_rng(3).integers(0, 500, (450, 30))
    assert load_scores(bars) == pytest.approx([area(row) for row in bars])
    assert load_scores(np.zeros((0, 5))).shape == (0,)
    assert list(load_scores([[], [], []])) == [0, 0, 0]


@given(st.dictionaries(st.integers(1, 50), st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1), st.data())
def test_the_order_of_members_does_not_matter(bars, data):
    present = data.draw(st.sampled_from([None, *sorted(bars)]))
    served = set(data.draw(st.lists(st.sampled_from(sorted(bars)))))
    other_order = dict(reversed(bars.items()))
    for seed in range(3):
        one = choose(bars, served, present, random.Random(seed))
        assert one == choose(other_order, served, present, random.Random(seed))
    assert one is not None
    assert sum(bars[one.proxy]) == min(sum(bars[relay_id]) for relay_id in one.scores)
    assert one.scores == pytest.approx({relay_id: sum(bars[relay_id]) for relay_id in one.scores})


@given(st.integers(1, 12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_over_k_terms_each_of_k_serves_once_a_round(members, rounds, chance):
    present, number, served, turns = None, 1, set(), []
    for _ in range(rounds * members):
        bars = {relay_id: [chance.randrange(5) for _ in range(3)] for relay_id in range(1, members + 1)}
        choice = choose(bars, served, present, chance)
        if choice.new_round:
            number, served = number + 1, set()
        present = choice.proxy
        served.add(present)
        turns.append((number, present))
    # With nobody before it, the first choice begins round 1: afterwards every round has each member, once.
    assert turns == sorted(turns, key=lambda turn: turn[0])
    assert Counter(turns).most_common(1)[0][1] == 1
    assert {number for number, _ in turns} == set(range(1, rounds + 1))
    for number in range(1, rounds + 1):
        assert {proxy for its, proxy in turns if its == number} == set(range(1, members + 1))


def test_a_new_round_does_not_begin_with_the_last_proxy():
    bars = {1: [0], 2: [5], 3: [9]}
    choice = choose(bars, {1, 2, 3}, 1, CHANCE)
    assert (choice.proxy, choice.new_round) == (2, True)
    assert set(choice.scores) == {2, 3}


def test_a_tie_is_broken_at_random():
    bars = {relay_id: [3, 4] for relay_id in range(1, 5)} | {9: [3, 5]}
    chosen = Counter(choose(bars, set(), None, random.Random(seed)).proxy for seed in range(4_000))
    assert set(chosen) == {1, 2, 3, 4}
    # Each is expected 1,000 times, with a standard deviation of 27.
    assert all(850 < n < 1_150 for n in chosen.values())


def test_who_served_or_is_not_there_is_not_chosen():
    assert choose({1: [9], 2: [0]}, {2}, None, CHANCE).proxy == 1
    assert choose({1: [9], 2: [0]}, set(), 2, CHANCE).proxy == 1
    assert choose({}, {1}, 1, CHANCE) is None
    alone = choose({1: [4]}, {1}, 1, CHANCE)
    assert (alone.proxy, alone.new_round) == (1, True), "one member stays"
