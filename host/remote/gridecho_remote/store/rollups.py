"""Rollups in the database: what is known of each sensor's hours and days without their readings.

What arrives marks its days as stale, in the same transaction. A stale day is made anew within a minute; whoever asks meanwhile
gets it from the readings. So an answer never depends on whether that was done yet.

Of a quantity of which readings were deleted (retention.py) a day keeps what is known; what comes late counts where it lies
beside that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np

from ..rules.days import HOUR_S, QUARTER_S, Days, days_of
from ..rules.errors import DamagedError
from ..rules.rollups import STAT, Stats, begins, merged, merged_each, of_readings
from ..rules.scopes import METERED
from ..rules.units import unit
from . import data
from .columns import Ints, codes_in
from .compaction import Day, each, join_if_many, lock, marked
from .database import Archive
from .engine import Connection
from .planes import packed_table, read_table
from .readings import Readings, readings_of

# In the order of STAT: numpy turns the one into the other by place, whatever the names.
_RECORD = np.dtype(
    [(name, "<u4" if name.endswith("_s") or name in ("count", "resets") else STAT[name]) for name in STAT.names or ()]
)
_NAMES = STAT.names or ()
_TIMES = ("first_s", "last_s", "least_s", "greatest_s")
_EXACT = float(1 << 62)
_AT_ONCE = 100_000  # readings
_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64))
_NO_STATS = np.zeros(0, STAT)


def settle(archive: Archive, days: Days, torn: set[Day] | None = None) -> int:
    """Makes the stale days anew: how many. Some days are one transaction. `torn` as in `compaction.each`."""
    return each(marked(archive, "stale"), lambda stale: _make_anew(archive, days, stale), torn)


def _make_anew(archive: Archive, days: Days, stale: list[Day]) -> int:
    with archive.writing() as connection:
        lock(connection, stale)
        # Another process may have been here.
        still = [day for day in stale if _is_stale(connection, day)]
        cut = {day: _cut_of(connection, day) for day in still}
        hours = _hours_of(connection, days, still)
        again = [day for day in still if not join_if_many(connection, days, *day)]
        for table in ("day_rollup", "hour_rollup", "stale"):
            connection.executemany(f"DELETE FROM {table} WHERE sensor_id = ? AND day = ?", still)  # noqa: S608  # nosec B608  # names of ours, values are bound
        _keep(connection, days, [(*day, cut[day], of_day) for day, of_day in zip(still, hours, strict=True) if of_day])
    if again:
        with archive.writing() as connection:
            lock(connection, again)
            for day in again:
                join_if_many(connection, days, *day)
    return len(stale)


def _keep(connection: Connection, days: Days, made: list[tuple[int, int, int, dict[int, Stats]]]) -> None:
    """Stores days as (sensor id, day, quantities that were cut, hours by quantity in order of code)."""
    if not made:
        return
    parts = [(day, code, stats) for _, day, _, hours in made for code, stats in hours.items()]
    sizes = [len(stats) for _, _, stats in parts]
    every = np.concatenate([stats for _, _, stats in parts])
    whole = merged(every, np.cumsum([0, *sizes[:-1]]))
    _only_registers_rise(whole, [code for _, code, _ in parts])
    records = whole.astype(_RECORD)
    columns, there = _columns(every, np.repeat(days.starts_s[[day for day, _, _ in parts]], sizes))
    of_days, of_hours = [], []
    part = at = 0
    for sensor_id, day, cut, hours in made:
        mask = sum(1 << code for code in hours)
        of_days.append((sensor_id, day, mask, cut, records[part : part + len(hours)].tobytes()))
        table = np.zeros((len(hours), len(_NAMES), len(days.hour_starts_s(day))), np.int64)
        for row, size in enumerate(sizes[part : part + len(hours)]):
            table[row][:, there[at : at + size]] = columns[:, at : at + size]
            at += size
        of_hours.append((sensor_id, day, mask.to_bytes(8, "little") + packed_table(table.reshape(-1, table.shape[2]))))
        part += len(hours)
    connection.insert("day_rollup", "sensor_id, day, mask, cut, stats", of_days)
    connection.insert("hour_rollup", "sensor_id, day, stats", of_hours)


def _hours(connection: Connection, days: Days, sensor_id: int, day: int, mask: int = METERED) -> dict[int, Stats]:
    return _hours_of(connection, days, [(sensor_id, day)], mask)[0]


def _hours_of(connection: Connection, days: Days, some: Sequence[Day], mask: int = METERED) -> list[dict[int, Stats]]:
    """The hours of each day by quantity, of the readings and of what is known of those that were cut; none without any."""
    known = [_known(connection, days, *day, mask) for day in some]
    spans = [days.starts_s[day : day + 2].tolist() for _, day in some]
    by_hour = _by_hour_of(
        connection,
        [
            (sensor_id, mask & ~_mask(there), *span, span[0])
            for (sensor_id, _), there, span in zip(some, known, spans, strict=True)
        ],
    )
    for hours, there, (sensor_id, _), span in zip(by_hour, known, some, spans, strict=True):
        found = _in_span(connection, sensor_id, _mask(there), *span) if there else {}
        for code, stats in there.items():
            hours[code] = _by_hour(_beside(stats, of_readings(*found[code])) if code in found else stats, span[0])
    return [{code: _only_registers_rise(stats, [code]) for code, stats in sorted(hours.items())} for hours in by_hour]


def _by_hour_of(
    connection: Connection, wanted: Iterable[tuple[int, int, int, int, int]], step_s: int = HOUR_S
) -> list[dict[int, Stats]]:
    """The hours, or other steps, of the readings of spans, by quantity; each as (sensor, quantities, from, to, begin of its day).

    Some of the readings are in memory at a time, and what is there is made into hours at once: one meter's day is little work.
    """
    hours: list[dict[int, Stats]] = []
    parts: list[tuple[Ints, Ints, Ints]] = []
    of: list[tuple[dict[int, Stats], int, int]] = []
    size = 0

    def make() -> None:
        for (by_code, code, day_s), stats in zip(of, merged_each(parts), strict=True):
            before = by_code.get(code)
            by_code[code] = stats if before is None else _by_hour(np.concatenate([before, stats]), day_s, step_s)
        parts.clear()
        of.clear()

    for sensor_id, mask, from_s, to_s, day_s in wanted:
        hours.append({})
        for found in _pieces(connection, sensor_id, mask, from_s, to_s):
            for code, (times_s, values) in _apart(found).items():
                parts.append((times_s, values, begins((times_s - day_s) // step_s)))
                of.append((hours[-1], code, day_s))
            size += len(found)
            if size > _AT_ONCE:
                make()
                size = 0
    make()
    return hours


def _pieces(connection: Connection, sensor_id: int, mask: int, from_s: int, to_s: int) -> Iterator[Readings]:
    """The readings of a span, some after the other. A sensor may make more of them than there is room for."""
    held: list[data.Held] = []
    size, enough = 0, _AT_ONCE
    for block in data.by_time(connection, data.Asked(sensor_id, mask, from_s, to_s)):
        # What lies before this block begins can be in no block that follows.
        if size > enough and block.first_s > from_s:
            yield readings_of(data.sections_of(held, mask), mask, from_s, block.first_s)
            from_s = block.first_s
            held = [one for one in held if one.last_s >= from_s]
            size = sum(one.readings for one in held)
            enough = max(_AT_ONCE, 2 * size)  # those that lie across are read again
        held.append(block)
        size += block.readings
    yield readings_of(data.sections_of(held, mask), mask, from_s, to_s)


def _by_hour(stats: Stats, day_s: int, step_s: int = HOUR_S) -> Stats:
    return merged(stats, begins((stats["first_s"] - day_s) // step_s))


def _known(connection: Connection, days: Days, sensor_id: int, day: int, mask: int) -> dict[int, Stats]:
    """The hours of a day, as they are kept, by quantity of which readings were cut."""
    row = connection.execute(
        "SELECT kept.mask & kept.cut & ?, hours.stats FROM day_rollup AS kept CROSS JOIN hour_rollup AS hours "
        "WHERE kept.sensor_id = ? AND kept.day = ? AND kept.cut != 0 "
        "AND hours.sensor_id = kept.sensor_id AND hours.day = kept.day",
        (mask, sensor_id, day),
    ).fetchone()
    return {code: _read_hours(bytes(row[1]), days, day, code) for code in codes_in(row[0])} if row else {}


def _beside(known: Stats, found: Stats) -> Stats:
    """Stretches in order of time: those that are known, and what was found and lies in none of them."""
    at = np.searchsorted(known["first_s"], found["last_s"], side="right") - 1
    apart = (at < 0) | (known["last_s"][at] < found["first_s"])
    both = np.concatenate([known, found[apart]])
    return both[np.argsort(both["first_s"], kind="stable")]


def of_span(connection: Connection, days: Days, sensor_id: int, code: int, from_s: int, to_s: int) -> Stats:
    """Stretches of a span within a day, each within an hour; of readings that were cut, the hours that lie in the span."""
    day = int(days.number(from_s))
    known = _known(connection, days, sensor_id, day, 1 << code).get(code)
    if known is None or not len(known):
        wanted = sensor_id, 1 << code, from_s, to_s, int(days.starts_s[day])
        return _by_hour_of(connection, [wanted])[0].get(code, _NO_STATS)
    found = of_readings(*_in_span(connection, sensor_id, 1 << code, from_s, to_s).get(code, _NONE))
    return _beside(known[(known["first_s"] >= from_s) & (known["last_s"] < to_s)], found)


def was_cut(connection: Connection, sensor_id: int, code: int, first_day: int, last_day: int) -> bool:
    """Whether readings of a quantity were deleted in any of these days."""
    query = "SELECT 1 FROM day_rollup WHERE sensor_id = ? AND day BETWEEN ? AND ? AND cut & ? != 0 LIMIT 1"
    return connection.execute(query, (sensor_id, first_day, last_day, 1 << code)).fetchone() is not None


def _only_registers_rise(stats: Stats, codes: Sequence[int]) -> Stats:
    """What power or voltage rose by says nothing, and takes room. `codes`: one for each of `stats`, or one for all."""
    registers = [unit(code) == "Wh" for code in codes]
    for name in ("rise", "resets"):
        stats[name] = np.where(registers, stats[name], 0)
    return stats


def _whole(code: int, hours: Stats) -> Stats:
    """The day of its hours."""
    return _only_registers_rise(merged(hours, np.zeros(1, np.int64)), [code])


def _in_span(connection: Connection, sensor_id: int, mask: int, from_s: int, to_s: int) -> dict[int, tuple[Ints, Ints]]:
    """(times, values) of the readings of a span, by quantity."""
    parts = data.sections_of(list(data.by_time(connection, data.Asked(sensor_id, mask, from_s, to_s))), mask)
    return _apart(readings_of(parts, mask, from_s, to_s))


def _apart(found: Readings) -> dict[int, tuple[Ints, Ints]]:
    """(times, values) by quantity."""
    there = zip(found.codes, found.values, found.has, strict=True)
    return {
        code: (found.times_s, values) if has.all() else (found.times_s[has], values[has])
        for code, values, has in there
        if has.any()
    }


def _columns(hours: Stats, days_s: Ints) -> tuple[Ints, Ints]:
    """(what is kept of hours, a row for each of `_NAMES`; which hour of its day each is), by when their days begin."""
    there = (hours["first_s"] - days_s) // HOUR_S
    starts_s = days_s + there * HOUR_S
    columns = np.empty((len(_NAMES), len(hours)), np.int64)
    for row, name in enumerate(_NAMES):
        column = hours[name]
        if name in _TIMES:
            column = column - starts_s
        elif column.dtype == np.float64:
            column = np.clip(np.rint(column), -_EXACT, _EXACT)
        columns[row] = column
    return columns, there


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
            stats = np.concatenate([stats, _whole(code, hours[code])])
    order = np.argsort(numbers, kind="stable")
    return np.array(numbers, np.int64)[order], stats[order]


def one_of_each(rows: Sequence[tuple[int, int, bytes]], code: int) -> Stats:
    """The stats of one quantity of days of (…, mask, stats)."""
    size = _RECORD.itemsize
    below = (1 << code) - 1
    masks = {row[-2] for row in rows}
    if len(masks) == 1:  # as mostly
        at, count = (masks.pop() & below).bit_count(), len(rows)
        records = np.frombuffer(b"".join([row[-1] for row in rows]), _RECORD)
        return records[at :: len(records) // count].astype(STAT)
    parts = []
    for *_, mask, stats in rows:
        at = (mask & below).bit_count() * size
        parts.append(stats[at : at + size])
    return np.frombuffer(b"".join(parts), _RECORD).astype(STAT)


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


def quarters_between(
    connection: Connection, days: Days, sensor_id: int, code: int, first_day: int, last_day: int
) -> Iterator[Stats]:
    """The quarters of an hour with readings of a quantity, day by day, in order, from the readings as far as they are kept."""
    starts_s = days.starts_s[first_day : last_day + 2].tolist()
    wanted = ((sensor_id, 1 << code, *span, span[0]) for span in pairwise(starts_s))
    for quarters in _by_hour_of(connection, wanted, QUARTER_S):
        if code in quarters:
            yield quarters[code]


def _mask(codes: Iterable[int]) -> int:
    return sum(1 << code for code in codes)


def _is_stale(connection: Connection, day: Day) -> bool:
    return bool(_stale(connection, *day, day[1]))


def _cut_of(connection: Connection, day: Day) -> int:
    """The quantities of which readings of a day were deleted."""
    row = connection.execute("SELECT cut FROM day_rollup WHERE sensor_id = ? AND day = ?", day).fetchone()
    return row[0] if row else 0


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
    """Sees to it that the days of rollups are those of the site's zone: if it is another one than before, all are made anew.

    Days of which readings were cut are put together from the hours that are kept: each goes where its first reading is.
    """
    before = archive.meta("rollup_zone")
    if before == days.name:
        return
    with archive.writing() as connection:
        moved = _moved(connection, days_of(before), days) if before else []
        _mark_all_stale(connection, days)
        _keep(connection, days, moved)
        archive.set_meta("rollup_zone", days.name)


def _mark_all_stale(connection: Connection, days: Days) -> None:
    every = connection.execute("SELECT id FROM sensor ORDER BY id").fetchall()
    connection.lock("sensor", [sensor_id for (sensor_id,) in every])
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
    data.mark(connection, sorted(marks))
    for table in ("day_rollup", "hour_rollup"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608  # names of ours, values are bound


def _moved(connection: Connection, before: Days, days: Days) -> list[tuple[int, int, int, dict[int, Stats]]]:
    """What `_keep` takes: the days of another zone into which readings fall that were cut."""
    moved = []
    for (sensor_id,) in connection.execute("SELECT DISTINCT sensor_id FROM day_rollup WHERE cut != 0").fetchall():
        cut: dict[int, int] = defaultdict(int)
        parts: dict[int, list[Stats]] = defaultdict(list)
        rows = connection.execute(
            "SELECT kept.day, kept.mask, kept.cut, hours.stats FROM day_rollup AS kept CROSS JOIN hour_rollup AS hours "
            "WHERE kept.sensor_id = ? AND hours.sensor_id = kept.sensor_id AND hours.day = kept.day ORDER BY kept.day",
            (sensor_id,),
        )
        for day, mask, gone, content in rows.fetchall():
            first, last = days.number(before.starts_s[day : day + 2] - [0, 1]).tolist()
            for number in range(first, last + 1) if gone else ():
                cut[number] |= gone
            for code in codes_in(mask):
                parts[code].append(_read_hours(bytes(content), before, day, code))
        by_day: dict[int, dict[int, Stats]] = defaultdict(dict)
        for code in sorted(parts):
            stats = np.concatenate(parts[code])
            numbers = days.number(stats["first_s"])
            for part in np.split(stats, begins(numbers)[1:]):
                day = int(days.number(part["first_s"][0]))
                by_day[day][code] = _by_hour(part, int(days.starts_s[day]))
        moved += [(sensor_id, day, cut[day], hours) for day, hours in by_day.items() if cut[day]]
    return moved
