"""Rollups in the database: what is known of each sensor's hours and days without their readings.

What arrives marks its days as stale, in the same transaction. A stale day is made anew within a minute; whoever asks meanwhile
gets it from the readings. So an answer never depends on whether that was done yet.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from ..rules.access import METERED
from ..rules.days import HOUR_S, Days
from ..rules.errors import DamagedError
from ..rules.rollups import STAT, Stats, begins, merged, merged_readings, of_readings
from . import data
from .columns import Ints
from .compaction import Day, each, join_if_many, marked
from .database import Archive
from .engine import Connection
from .planes import packed_table, read_table
from .readings import readings_of

_KEPT = np.dtype(
    [(name, "<u4") for name in STAT.names or () if name.endswith("_s") or name in ("count", "resets")]
    + [(name, STAT[name]) for name in ("first", "last", "least", "greatest", "sum", "rise")]
)
_NAMES = STAT.names or ()
_TIMES = ("first_s", "last_s", "least_s", "greatest_s")
_EXACT = float(1 << 62)


def settle(archive: Archive, days: Days, torn: set[Day] | None = None) -> int:
    """Makes the stale days anew: how many. Some days of a sensor are one transaction. `torn` as in `compaction.each`."""
    return each(marked(archive, "stale"), lambda sensor_id, stale: _make_anew(archive, days, sensor_id, stale), torn)


def _make_anew(archive: Archive, days: Days, sensor_id: int, stale: list[int]) -> None:
    with archive.writing() as connection:
        connection.lock("sensor", [sensor_id])
        still = _stale(connection, sensor_id, stale[0], stale[-1])  # another process may have been here
        of_days, of_hours = [], []
        for day in sorted(still.intersection(stale)):
            hours = _hours(connection, days, sensor_id, day)
            if hours:
                mask = sum(1 << code for code in hours)
                whole = np.concatenate([merged(stats, np.zeros(1, np.int64)) for stats in hours.values()])
                of_days.append((sensor_id, day, mask, whole.astype(_KEPT).tobytes()))
                of_hours.append((sensor_id, day, _packed_hours(hours, days, day)))
            join_if_many(connection, days, sensor_id, day)
        keys = [(sensor_id, day) for day in still.intersection(stale)]
        for table in ("day_rollup", "hour_rollup", "stale"):
            connection.executemany(f"DELETE FROM {table} WHERE sensor_id = ? AND day = ?", keys)  # noqa: S608
        connection.insert("day_rollup", "sensor_id, day, mask, stats", of_days)
        connection.insert("hour_rollup", "sensor_id, day, stats", of_hours)


def _hours(connection: Connection, days: Days, sensor_id: int, day: int, mask: int = METERED) -> dict[int, Stats]:
    """The hours of a day by quantity, from the readings; an hour without any is left out."""
    begin_s, end_s = days.starts_s[day : day + 2].tolist()
    return {
        code: merged_readings(times_s, values, begins((times_s - begin_s) // HOUR_S))
        for code, (times_s, values) in _in_span(connection, sensor_id, mask, begin_s, end_s).items()
    }


def of_span(connection: Connection, sensor_id: int, mask: int, from_s: int, to_s: int) -> dict[int, Stats]:
    """Each reading of a span as a stretch of its own, by quantity."""
    found = _in_span(connection, sensor_id, mask, from_s, to_s)
    return {code: of_readings(times_s, values) for code, (times_s, values) in found.items()}


def _in_span(connection: Connection, sensor_id: int, mask: int, from_s: int, to_s: int) -> dict[int, tuple[Ints, Ints]]:
    """(times, values) of the readings of a span, by quantity."""
    parts = data.sections_of(list(data.by_time(connection, sensor_id, mask, from_s, to_s)), mask)
    found = readings_of(parts, mask).between(from_s, to_s)
    there = zip(found.codes, found.values, found.has, strict=True)
    return {
        code: (found.times_s, values) if has.all() else (found.times_s[has], values[has])
        for code, values, has in there
        if has.any()
    }


def _packed_hours(hours: dict[int, Stats], days: Days, day: int) -> bytes:
    """The hours of a day, all of it: an hour without readings has a count of 0."""
    starts_s = days.hour_starts_s(day)
    table = np.zeros((len(hours), len(_NAMES), len(starts_s)), np.int64)
    for row, stats in enumerate(hours.values()):
        there = (stats["first_s"] - starts_s[0]) // HOUR_S
        for n, name in enumerate(_NAMES):
            column = stats[name]
            if name in _TIMES:
                column = column - starts_s[there]
            elif column.dtype == np.float64:
                column = np.clip(np.rint(column), -_EXACT, _EXACT)
            table[row, n, there] = column
    mask = sum(1 << code for code in hours)
    return mask.to_bytes(8, "little") + packed_table(table.reshape(-1, len(starts_s)))


def _read_hours(content: bytes, days: Days, day: int, code: int) -> Stats:
    mask = int.from_bytes(content[:8], "little")
    if not mask >> code & 1:
        return np.zeros(0, STAT)
    starts_s = days.hour_starts_s(day)
    row = (mask & ((1 << code) - 1)).bit_count()
    table = read_table(content[8:]).reshape(-1, len(_NAMES), len(starts_s))[row]
    stats = np.zeros(len(starts_s), STAT)
    for name, column in zip(_NAMES, table, strict=True):
        stats[name] = column + starts_s if name in _TIMES else column
    return stats[stats["count"] > 0]


def days_between(
    connection: Connection, days: Days, sensor_id: int, code: int, first_day: int, last_day: int
) -> tuple[Ints, Stats]:
    """(numbers, stats) of the days with readings of a quantity, in order."""
    stale = _stale(connection, sensor_id, first_day, last_day)
    rows = connection.execute(
        "SELECT day, mask, stats FROM day_rollup WHERE sensor_id = ? AND day BETWEEN ? AND ? AND mask & ? != 0 ORDER BY day",
        (sensor_id, first_day, last_day, 1 << code),
    ).fetchall()
    if stale:
        rows = [row for row in rows if row[0] not in stale]
    numbers, stats = [row[0] for row in rows], one_of_each(rows, code)
    for day in sorted(stale):
        hours = _hours(connection, days, sensor_id, day, 1 << code)
        if hours:
            numbers.append(day)
            stats = np.concatenate([stats, merged(hours[code], np.zeros(1, np.int64))])
    order = np.argsort(numbers, kind="stable")
    return np.array(numbers, np.int64)[order], stats[order]


def one_of_each(rows: Sequence[tuple[int, int, bytes]], code: int) -> Stats:
    """The stats of one quantity of days of (…, mask, stats)."""
    size = _KEPT.itemsize
    below = (1 << code) - 1
    parts = []
    for *_, mask, stats in rows:
        at = (mask & below).bit_count() * size
        parts.append(stats[at : at + size])
    return np.frombuffer(b"".join(parts), _KEPT).astype(STAT)


def hours_between(
    connection: Connection, days: Days, sensor_id: int, code: int, first_day: int, last_day: int
) -> Iterator[Stats]:
    """The hours with readings of a quantity, day by day, in order."""
    stale = _stale(connection, sensor_id, first_day, last_day)
    rows = dict(
        connection.execute(
            "SELECT day, stats FROM hour_rollup WHERE sensor_id = ? AND day BETWEEN ? AND ?",
            (sensor_id, first_day, last_day),
        ).fetchall()
    )
    for day in sorted(stale.union(rows)):
        if day in stale:
            yield _hours(connection, days, sensor_id, day, 1 << code).get(code, np.zeros(0, STAT))
        else:
            yield _read_hours(bytes(rows[day]), days, day, code)


def _stale(connection: Connection, sensor_id: int, first_day: int, last_day: int) -> set[int]:
    found = connection.execute(
        "SELECT day FROM stale WHERE sensor_id = ? AND day BETWEEN ? AND ?", (sensor_id, first_day, last_day)
    )
    return {day for (day,) in found}


def after(connection: Connection, days: Days, sensor_id: int, code: int, day: int) -> Stats:
    """The next day with readings of a quantity after a day, as one stretch or none: a step leads from the day into it."""
    kept = connection.execute(
        "SELECT min(day) FROM day_rollup WHERE sensor_id = ? AND day > ? AND mask & ? != 0", (sensor_id, day, 1 << code)
    ).fetchone()[0]
    last = len(days.starts_s) if kept is None else kept
    for candidate in [*sorted(_stale(connection, sensor_id, day + 1, last - 1)), last]:
        _, stats = days_between(connection, days, sensor_id, code, candidate, candidate)
        if len(stats):
            return stats
    return np.zeros(0, STAT)


def use_zone(archive: Archive, days: Days) -> None:
    """Sees to it that the days of rollups are those of the site's zone: if it is another one than before, all are made anew."""
    if archive.meta("rollup_zone") == days.name:
        return
    with archive.writing() as connection:
        _mark_all_stale(connection, days)
        archive.set_meta("rollup_zone", days.name)


def _mark_all_stale(connection: Connection, days: Days) -> None:
    marks = set()
    query = "SELECT sensor_id, epoch, first_seq, first_s, last_s FROM block WHERE first_s > 0"
    for sensor_id, epoch, first_seq, first_s, last_s in connection.execute(query).fetchall():
        first, last = days.number([first_s, last_s]).tolist()
        marks |= {(sensor_id, first), (sensor_id, last)}
        if last - first > 1:  # a datum of a wrong clock; it need not have readings in all days between
            key = (sensor_id, epoch, first_seq)
            content = "SELECT content FROM block WHERE sensor_id = ? AND epoch = ? AND first_seq = ?"
            block = bytes(connection.execute(content, key).fetchone()[0])
            with suppress(DamagedError):  # so its first and last day say that it is
                for section in data.read(sensor_id, epoch, first_seq, first_s, block):
                    times_s = section.given_times_s()
                    marks |= {(sensor_id, day) for day in days.number(times_s[times_s > 0]).tolist()}
    for table in ("stale", "loose"):
        connection.insert(table, "sensor_id, day", sorted(marks))
    for table in ("day_rollup", "hour_rollup"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
