"""What a curve or a table of months is drawn from: stretches of one sensor or of many, from rollups as far as they reach.

A stretch that a rollup does not fill (the span begins within a day) is made from readings, so the answer is the same as if all
had been read.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from gridecho.quantities import ENERGY_IMPORT
from numpy.typing import NDArray

from ..rules.days import HOUR_S, QUARTER_S, Days
from ..rules.periods import END_S
from ..rules.regions import bounds
from ..rules.rollups import STAT, Stats, begins, energy, merged
from . import rollups
from .columns import Ints
from .database import Archive
from .engine import Connection

DAY_S = 86_400
_WITHIN_DAYS = {"quarter": (rollups.quarters_between, QUARTER_S), "hour": (rollups.hours_between, HOUR_S)}
UNITS = ("quarter", "hour", "day", "month")


@dataclass(frozen=True, slots=True)
class Energy:
    """What a register rose by in each period of one of UNITS, in the site's zone, that has readings, and its stats."""

    begins_s: Ints
    dates: list[date]  # of the day, or of the first of the month
    rise: list[float]
    stats: Stats


NO_ENERGY = Energy(np.zeros(0, np.int64), [], [], np.zeros(0, STAT))


def stretches(
    connection: Connection, days: Days, sensor_id: int, code: int, from_s: int, to_s: int, width_s: int
) -> Stats:
    """Stats of stretches of a span (`to_s` not included), each of about `width_s` seconds; where there are no readings, none.

    They are whole hours, or whole days of the site's if `width_s` is a day or more; where the span begins or ends within one, it is
    made from readings.
    """
    by_day = width_s >= DAY_S
    first_day, last_day = first_whole, last_whole = days.number([from_s, to_s - 1]).tolist()
    edges = []
    if days.starts_s[first_day] < from_s:
        edges.append((from_s, min(to_s, int(days.starts_s[first_day + 1]))))
        first_whole += 1
    if last_day >= first_whole and days.starts_s[last_day + 1] > to_s:
        edges.append((int(days.starts_s[last_day]), to_s))
        last_whole -= 1
    parts: list[Stats] = [np.zeros(0, STAT)]
    for begin_s, end_s in edges:
        found = rollups.of_span(connection, days, sensor_id, code, begin_s, end_s)
        if len(found):
            day_s = days.starts_s[days.number(begin_s)]
            parts.append(merged(found, begins((found["first_s"] - day_s) // (2 * DAY_S if by_day else HOUR_S))))
    if first_whole <= last_whole:
        if by_day:
            parts.append(rollups.days_between(connection, days, sensor_id, code, first_whole, last_whole)[1])
        else:
            parts += rollups.hours_between(connection, days, sensor_id, code, first_whole, last_whole)
    whole = np.concatenate(parts)
    whole = whole[np.argsort(whole["first_s"], kind="stable")]
    if by_day:
        places = (days.number(whole["first_s"]) - first_day) // -(-width_s // DAY_S)
    else:
        begin_s = from_s - (from_s - days.starts_s[first_day]) % HOUR_S
        places = (whole["first_s"] - begin_s) // (-(-width_s // HOUR_S) * HOUR_S)
    return merged(whole, begins(places))


def by_unit(
    archive: Archive,
    days: Days,
    sensor_id: int,
    code: int,
    first_day: int,
    last_day: int,
    unit: str,
    within: tuple[int, int] = (0, END_S),
    until_s: int = END_S,
) -> Energy:
    """What a register rose by in each period of a unit between two days, both included.

    Of quarters of an hour and hours, only those that begin `within` a span; where readings were deleted there are no quarters.
    The last one's rise is up to the next reading, if that is before `until_s`.
    """
    with archive.reading() as connection:
        after = rollups.after(connection, days, sensor_id, code, last_day)
        if unit in ("quarter", "hour"):
            between, step_s = _WITHIN_DAYS[unit]
            parts = list(between(connection, days, sensor_id, code, first_day, last_day))
            stats = np.concatenate([np.zeros(0, STAT), *parts])
            numbers = days.number(stats["first_s"])
            begins_s = stats["first_s"] - (stats["first_s"] - days.starts_s[numbers]) % step_s
            begin, end = np.searchsorted(begins_s, within).tolist()
            after = np.concatenate([stats[end:], after])[:1]
            numbers, stats, begins_s = numbers[begin:end], stats[begin:end], begins_s[begin:end]
        else:
            numbers, stats = rollups.days_between(connection, days, sensor_id, code, first_day, last_day)
            if unit == "month":
                dates = [days.date_of(number) for number in numbers.tolist()]
                starts = begins(np.array([when.year * 12 + when.month for when in dates], np.int64))
                stats = merged(stats, starts)
                numbers = np.array([days.day_of(dates[start].replace(day=1)) for start in starts.tolist()], np.int64)
            begins_s = days.starts_s[numbers]
    rise = energy(np.concatenate([stats, after[after["first_s"] < until_s]]))[: len(stats)]
    return Energy(begins_s, [days.date_of(number) for number in numbers.tolist()], rise.tolist(), stats)


def of_region(
    archive: Archive, days: Days, region: str, first_day: int, last_day: int, code: int = ENERGY_IMPORT
) -> dict[int, tuple[float, int]]:
    """What the registers of a region's sensors rose by, those of regions below it among them: by day, the sum and of how many."""
    with archive.reading() as connection:
        _, numbers, rise = rises_of_region(connection, days, region, first_day, last_day, code)
    sums, counts = np.bincount(numbers - first_day, rise), np.bincount(numbers - first_day)
    return {first_day + n: (float(sums[n]), int(counts[n])) for n in np.flatnonzero(counts).tolist()}


def rises_of_region(
    connection: Connection, days: Days, region: str, first_day: int, last_day: int, code: int, category: str = ""
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """(sensor ids, days, what the register rose by) of each day with readings of each sensor; "": of every region, or category."""
    sensor_ids, numbers, known = _days_of_region(connection, days, region, first_day, last_day, code, category)
    if not len(known):
        return sensor_ids, numbers, np.zeros(0)
    order = np.lexsort((numbers, sensor_ids))
    sensor_ids, numbers, known = sensor_ids[order], numbers[order], known[order]
    rise = energy(known)
    last = np.append(begins(sensor_ids)[1:], len(known)) - 1
    rise[last] = known["rise"][last]  # no step leads from one sensor to another
    wanted = numbers <= last_day
    return sensor_ids[wanted], numbers[wanted], rise[wanted]


def _days_of_region(
    connection: Connection, days: Days, region: str, first_day: int, last_day: int, code: int, category: str
) -> tuple[Ints, Ints, Stats]:
    """(sensor ids, days, stats) of the days between two, and for each sensor of the next one after."""
    of_region = "sensor.id >= 0"
    place: tuple[str, ...] = ()
    if region:
        of_region, place = "(sensor.region = ? OR sensor.region >= ? AND sensor.region < ?)", (region, *bounds(region))
    if category:
        of_region, place = of_region + " AND sensor.category = ?", (*place, category)
    rows = connection.execute(
        "SELECT kept.sensor_id, kept.day, kept.mask, kept.stats FROM sensor CROSS JOIN day_rollup AS kept "  # noqa: S608  # nosec B608  # names of ours, values are bound
        f"WHERE {of_region} AND kept.sensor_id = sensor.id AND kept.day >= ? AND kept.mask & ? != 0 AND kept.day <= coalesce("
        "(SELECT min(after.day) FROM day_rollup AS after WHERE after.sensor_id = sensor.id AND after.day > ? "
        "AND after.mask & ? != 0), ?)",
        (*place, first_day, 1 << code, last_day, 1 << code, last_day),
    ).fetchall()
    known = rollups.one_of_each(rows, code)
    stale = connection.execute(
        "SELECT stale.sensor_id, stale.day FROM sensor CROSS JOIN stale "  # noqa: S608  # nosec B608  # names of ours, values are bound
        f"WHERE {of_region} AND stale.sensor_id = sensor.id AND stale.day >= ? ORDER BY stale.sensor_id, stale.day",
        (*place, first_day),
    ).fetchall()
    ids, numbers = [row[0] for row in rows], [row[1] for row in rows]
    if stale:
        wrong = set(stale)
        right = [n for n, key in enumerate(zip(ids, numbers, strict=True)) if key not in wrong]
        ids, numbers, known = [ids[n] for n in right], [numbers[n] for n in right], known[right]
        ends = {sensor_id: day for sensor_id, day in zip(ids, numbers, strict=True) if day > last_day}
        for sensor_id, day in stale:
            if day > ends.get(sensor_id, day):
                continue
            _, stats = rollups.days_between(connection, days, sensor_id, code, day, day)
            known = np.concatenate([known, stats])
            ids += [sensor_id] * len(stats)
            numbers += [day] * len(stats)
            if len(stats) and day > last_day:
                ends[sensor_id] = day
    return np.array(ids, np.int64), np.array(numbers, np.int64), known
