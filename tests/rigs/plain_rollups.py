"""Rollups once more, by plain loops over the readings that are stored: what the store's own are compared with."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, FIRST_STATE_CODE
from gridecho_remote.rules.days import Days
from gridecho_remote.rules.rollups import HELD_S, STAT
from gridecho_remote.store import rollups
from gridecho_remote.store.database import Archive

from tests.rigs import stored

Told = tuple[int, int, int, int, int]  # time, epoch, seq, item, value
Stat = tuple[Any, ...]  # the fields of STAT

REGISTERS = (ENERGY_IMPORT, ENERGY_EXPORT)


def stat_of(readings: list[Told], code: int) -> Stat:
    """What is known of a stretch; `readings` are in order, and one at least."""
    times_s, values = [one[0] for one in readings], [one[-1] for one in readings]
    least, greatest, covered_s, resets, rise = min(values), max(values), 0, 0, 0
    for before, one in pairwise(readings):
        covered_s += min(one[0] - before[0], HELD_S)
        resets += one[-1] < before[-1]
        rise += max(0, one[-1] - before[-1])
    if code not in REGISTERS:
        resets = rise = 0  # what power rose by says nothing, and is not kept
    by_name = {
        "first_s": times_s[0],
        "last_s": times_s[-1],
        "least_s": min(time_s for time_s, value in zip(times_s, values, strict=True) if value == least),
        "greatest_s": min(time_s for time_s, value in zip(times_s, values, strict=True) if value == greatest),
        "first": values[0],
        "last": values[-1],
        "least": least,
        "greatest": greatest,
        "count": len(values),
        "covered_s": covered_s,
        "resets": resets,
        "sum": float(sum(values)),
        "rise": float(rise),
    }
    return tuple(by_name[name] for name in STAT.names or ())


def check_rollups(archive: Archive, days: Days) -> int:
    """Every day and hour is what the readings give, and there is no other; no day may be stale. How many days of sensors.

    Days of which readings were cut are left out: of them no more is there than is told.
    """
    connection = archive.connection()
    assert connection.execute("SELECT count(*) FROM stale").fetchone() == (0,)
    by_key: dict[tuple[int, int], list[Told]] = {}
    for datum in stored.data(connection.execute(stored.BLOCKS).fetchall()):
        for item, reading in enumerate(datum.readings()):
            for code, value in reading.values.items():
                if code < FIRST_STATE_CODE and reading.time_s:
                    told = (reading.time_s, datum.epoch, datum.seq, item, value)
                    by_key.setdefault((datum.sensor_id, code), []).append(told)
    cut = set(connection.execute("SELECT sensor_id, day FROM day_rollup WHERE cut != 0").fetchall())
    assert not cut or connection.execute("SELECT max(cut) FROM block").fetchone() == (1,)
    all_days: set[tuple[int, int]] = set()
    for (sensor_id, code), readings in by_key.items():
        of_days: dict[int, list[Told]] = {}
        of_hours: dict[tuple[int, int], list[Told]] = {}
        for one in sorted(readings):
            when = datetime.fromtimestamp(one[0], days.zone).date()
            midnight = datetime.combine(when, datetime.min.time(), days.zone).timestamp()
            day = days.day_of(when)
            of_days.setdefault(day, []).append(one)
            of_hours.setdefault((day, int(one[0] - midnight) // 3_600), []).append(one)
        all_days |= {(sensor_id, day) for day in of_days}
        with archive.reading() as reading_now:
            span = sensor_id, code, min(of_days), max(of_days)
            numbers, stats = rollups.days_between(reading_now, days, *span)
            hours = [stat for part in rollups.hours_between(reading_now, days, *span) for stat in part.tolist()]
        assert dict(zip(numbers.tolist(), stats.tolist(), strict=True)) == {
            n: stat_of(of_days[n], code) for n in of_days
        }
        assert hours == [stat_of(of_hours[key], code) for key in sorted(of_hours)]
    for table in ("day_rollup", "hour_rollup"):
        there = connection.execute(f"SELECT sensor_id, day FROM {table} ORDER BY sensor_id, day").fetchall()  # noqa: S608
        assert [key for key in there if key not in cut] == sorted(all_days), table
    return len(all_days)
