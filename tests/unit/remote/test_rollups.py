"""Rollups: against sums by hand, against plain loops, and that the order of merging does not matter. Days of the site's zone."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from gridecho.readings import MAX_VALUE
from gridecho_remote.rules.days import HOUR_S, days_of
from gridecho_remote.rules.rollups import HELD_S, STAT, energy, merged, merged_readings, of_readings
from hypothesis import given
from hypothesis import strategies as st

T0 = 1_800_000_000
series = st.lists(
    st.tuples(st.integers(0, 2 * HELD_S), st.one_of(st.integers(-5, 50), st.integers(-MAX_VALUE, MAX_VALUE))),
    min_size=1,
    max_size=40,
)


def stats_of(readings: list[tuple[int, int]]):
    return of_readings(np.array([t for t, _ in readings]), np.array([v for _, v in readings]))


def whole(readings: list[tuple[int, int]]):
    return merged(stats_of(readings), np.array([0]))[0]


def test_a_day_by_hand() -> None:
    stat = whole([(T0, 100), (T0 + 60, 103), (T0 + 120, 2), (T0 + 180, 4), (T0 + 180 + 2 * HELD_S, 5)])
    assert {name: stat[name].item() for name in STAT.names} == {
        "first_s": T0,
        "last_s": T0 + 180 + 2 * HELD_S,
        "least_s": T0 + 120,
        "greatest_s": T0 + 60,
        "first": 100,
        "last": 5,
        "least": 2,
        "greatest": 103,
        "count": 5,
        "covered_s": 180 + HELD_S,
        "resets": 1,
        "sum": 214.0,
        "rise": 6.0,  # 3 before the meter was changed, 2 and 1 after it
    }


@given(series)
def test_it_is_what_a_plain_loop_gives(some: list[tuple[int, int]]) -> None:
    time_s, readings = T0, []
    for step, value in some:
        time_s += step
        readings.append((time_s, value))
    stat = whole(readings)
    values = [value for _, value in readings]
    pairs = list(pairwise(readings))
    assert (stat["count"], stat["least"], stat["greatest"]) == (len(values), min(values), max(values))
    assert stat["least_s"] == min(t for t, v in readings if v == min(values))
    assert stat["greatest_s"] == min(t for t, v in readings if v == max(values))
    assert stat["covered_s"] == sum(min(b[0] - a[0], HELD_S) for a, b in pairs)
    assert stat["rise"] == pytest.approx(sum(max(0, b[1] - a[1]) for a, b in pairs))
    assert stat["resets"] == sum(b[1] < a[1] for a, b in pairs)
    assert stat["sum"] == pytest.approx(sum(values), abs=abs(max(values, key=abs)) * 1e-12)


@given(series, st.data())
def test_the_quick_way_for_readings_gives_the_same(some: list[tuple[int, int]], data: st.DataObject) -> None:
    times, values = T0 + np.cumsum([step for step, _ in some]), np.array([value for _, value in some], np.int64)
    cuts = data.draw(st.sets(st.integers(1, len(some)).filter(lambda n: n < len(some)))) if len(some) > 1 else set()
    starts = np.array([0, *sorted(cuts)])
    assert merged_readings(times, values, starts).tolist() == merged(of_readings(times, values), starts).tolist()


@given(series, st.data())
def test_merging_in_parts_gives_the_same(some: list[tuple[int, int]], data: st.DataObject) -> None:
    times = T0 + np.cumsum([step for step, _ in some])
    stats = of_readings(times, np.array([value % 1_000_000 for _, value in some]))
    cuts = data.draw(st.sets(st.integers(1, len(some)).filter(lambda n: n < len(some)))) if len(some) > 1 else set()
    starts = np.array([0, *sorted(cuts)])
    parts = merged(stats, starts)
    assert merged(parts, np.array([0])) == merged(stats, np.array([0]))
    assert energy(parts).sum() == merged(stats, np.array([0]))["rise"][0]


@pytest.mark.parametrize(
    ("zone", "when", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 7, 1), 24),
        ("Asia/Shanghai", date(2026, 10, 25), 24),
        ("Asia/Kolkata", date(2026, 1, 1), 24),
        ("America/Havana", date(2026, 3, 8), 23),  # the clock is put at midnight: the day begins at one
        ("Australia/Lord_Howe", date(2026, 4, 5), 25),  # 24.5 hours
    ],
)
def test_days_of_the_zone(zone: str, when: date, hours: int) -> None:
    days = days_of(zone)
    day = days.day_of(when)
    starts = days.hour_starts_s(day)
    assert (len(starts), days.date_of(day)) == (hours, when)
    for time_s in (*starts.tolist(), days.starts_s[day + 1].item() - 1):
        assert datetime.fromtimestamp(time_s, ZoneInfo(zone)).date() == when
        assert days.number([time_s]).tolist() == [day]
    assert datetime.fromtimestamp(starts[0].item() - 1, ZoneInfo(zone)).date() < when
    assert (np.diff(starts) == HOUR_S).all()


@pytest.mark.parametrize("zone", ["UTC", "America/Anchorage", "Pacific/Kiritimati"])
def test_every_time_of_32_bits_has_a_day(zone: str) -> None:
    days = days_of(zone)
    last = days.number([0, 1, (1 << 32) - 1])
    assert (last >= 0).all()
    assert (days.starts_s[last + 1] > np.array([0, 1, (1 << 32) - 1])).all()
