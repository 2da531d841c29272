"""Rates and how long the free space lasts: arithmetic on times that are handed in."""

import math

import pytest
from gridecho_relay import shown
from gridecho_relay.holding import Holding, Limits
from gridecho_relay.latency import BOUNDS_S, Latency
from gridecho_relay.rates import Arrivals, Rate, hours_covered
from gridecho_relay.report import room_for_held


def test_a_steady_rate_is_right_from_the_start_on():
    rate = Rate(300, 0)
    for second in range(1, 3001):
        rate.add(50, second)
        if second in (20, 200, 3000):
            assert rate.per_s(second) == pytest.approx(50, rel=0.06)


def test_an_old_rate_is_forgotten():
    rate = Rate(10, 0)
    rate.add(1000, 1)
    assert rate.per_s(101) == pytest.approx(1000 * math.exp(-10) / (10 * (1 - math.exp(-10.1))))
    assert Rate(10, 5).per_s(5) == 0


def test_arrivals_follow_a_total_and_a_moment_of_less_counts_once():
    arrivals = Arrivals(60, 1000, 0)
    for second in range(1, 601):
        total = 1000 + 10 * second - (500 if second == 600 else 0)
        seen = arrivals.look(total, second)
    assert seen == pytest.approx(10, rel=0.05)
    assert arrivals.look(7010, 601) == pytest.approx(10, rel=0.05)


def test_the_hours_are_those_of_the_place_that_is_full_first():
    assert hours_covered([(3600, 1), (3600, 2), (0, 0)]) == 0.5
    assert hours_covered([(0, 5)]) == 0
    assert hours_covered([(1 << 30, 0), (5, 0.0)]) is None
    assert hours_covered([]) is None


def test_room_while_the_remote_is_away_is_up_to_the_threshold_and_the_buffer():
    holding = Holding(Limits(store_bytes=10_000, threshold_bytes=3_000, buffer_bytes=2_000, outbox_bytes=1_000))
    assert room_for_held(holding) == 9_000
    taken = 0
    while holding.admit(1, 500, 1):
        taken += 500
        assert abs(room_for_held(holding) - (9_000 - taken)) <= 500  # the frame that finds less than the threshold
    assert room_for_held(holding) == 0
    assert 9_000 <= taken <= 9_500


def test_latency_counts_by_bound_and_gives_quantiles():
    latency = Latency()
    assert latency.quantile_s(0.5) is None
    latency.add(0.0004, 98)
    latency.add(0.02)
    latency.add(99)
    assert latency.quantile_s(0.5) == BOUNDS_S[0]
    assert latency.quantile_s(0.99) == 0.02
    assert latency.quantile_s(1) == float("inf")
    assert latency.sum_s == pytest.approx(98 * 0.0004 + 0.02 + 99)


def test_figures_as_people_read_them():
    assert [shown.size(n) for n in (0, 1023, 1024, 5 << 30, 3 << 50)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
        "3072.0 TiB",
    ]
    assert [shown.span(s) for s in (0.4, 119, 120, 7199, 7200, 172_800)] == [
        "0 s",
        "119 s",
        "2 min",
        "119 min",
        "2 h",
        "2 d",
    ]
    assert [shown.hours(n) for n in (None, 0.5, 50, 9_000)] == ["unknown", "30 min", "2 d", "over a year"]
    assert (shown.count(1, "frame"), shown.count(2000, "frame")) == ("1 frame", "2,000 frames")
    assert shown.ago(0) == "none yet"
