"""Making blocks few and small: those of four days that follow each other become one, by column.

A block of one day of minutes would leave a quarter of its pages empty, with either engine; PostgreSQL leaves as much empty with
two. But a block is as old as its last
reading, so where readings go for their age (retention.py), it is of one day. Else what is in blocks does not change, and this may
be done at any time, again, and by whom ever comes first. A datum that comes late makes a block of its own, and its day is loose
again until the next round.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from ..rules.days import Days
from ..rules.errors import DamagedError
from ..rules.levels import level_of, levels_in
from . import blocks, data, retention
from .database import Archive
from .engine import Connection
from .retention import FOR_EVER, Ages

_ROW = "epoch, first_seq, last_seq, first_s, last_s, mask, readings, stored_ms, content"
_READINGS = 6
_DAYS_AT_ONCE = 16  # a transaction
_MARKS_AT_ONCE = 1_000
_MANY = 32  # blocks of a day that is not over
_TOGETHER = 4  # days


Day = tuple[int, int]  # of a sensor: its id, the day's number


def settle(archive: Archive, days: Days, now_s: float, torn: set[Day] | None = None, ages: Ages = FOR_EVER) -> int:
    """Makes the blocks of days that are over compact, without what is past its age: how many days. `torn` as in `each`."""
    (today,) = days.number([int(now_s)]).tolist()
    together = 1 if ages else _TOGETHER

    def make_compact(loose: list[Day]) -> int:
        left, settled = loose, 0
        while left:
            with archive.writing() as connection:
                lock(connection, left)
                done: list[Day] = []
                for (_, number), some in groupby(left, lambda day: (day[0], day[1] // together)):
                    beside = range(number * together, min(today, (number + 1) * together))
                    done += _joined_days(connection, days, list(some), beside)
                gone = [day for day in done if retention.cut(connection, days, *day, today, ages)]
                connection.executemany("DELETE FROM loose WHERE sensor_id = ? AND day = ?", gone)
            left = [day for day in left if day not in done]
            settled += len(gone)
        return settled

    return each(marked(archive, "loose", today), make_compact, torn)


def each(marks: Iterator[list[Day]], see_to: Callable[[list[Day]], int], torn: set[Day] | None = None) -> int:
    """Sees to some days at a time; where a block is damaged, to each by itself: how many days that it is done with.

    What is in `torn` is left out, and what turns out to be damaged gets there: it stays as it is.
    """
    torn = set() if torn is None else torn
    settled = 0
    for some in marks:
        left = [[day for day in some if day not in torn]]
        while left:
            part = left.pop()
            if not part:
                continue
            try:
                settled += see_to(part)
            except DamagedError:
                if len(part) == 1:
                    torn.add(part[0])
                left += [[day] for day in part] if len(part) > 1 else []
    return settled


def lock(connection: Connection, some: list[Day]) -> None:
    """Locks the sensors of these days."""
    connection.lock("sensor", sorted({sensor_id for sensor_id, _ in some}))


def marked(archive: Archive, table: str, before_day: int = 1 << 30) -> Iterator[list[Day]]:
    """Some days at a time of a table that marks days, in order, until all were there once."""
    after = (0, -1)
    while True:
        rows = archive.connection().execute(
            f"SELECT sensor_id, day FROM {table} WHERE sensor_id >= ? AND (sensor_id, day) > (?, ?) AND day < ? "  # noqa: S608  # nosec B608  # names of ours, values are bound
            "ORDER BY sensor_id, day LIMIT ?",
            (after[0], *after, before_day, _MARKS_AT_ONCE),
        )
        found = rows.fetchall()
        for at in range(0, len(found), _DAYS_AT_ONCE):
            yield [(sensor_id, day) for sensor_id, day in found[at : at + _DAYS_AT_ONCE]]
        if len(found) < _MARKS_AT_ONCE:
            return
        after = found[-1]


def _joined_days(connection: Connection, days: Days, some: list[Day], beside: range) -> list[Day]:
    """`join` for a sensor's days with those beside them; if one is damaged, for each by itself: with which it is done."""
    sensor_id = some[0][0]
    try:
        return some if join(connection, days, sensor_id, beside) else []
    except DamagedError:
        if len(beside) == 1:
            raise
    return [(sensor_id, day) for _, day in some if join(connection, days, sensor_id, range(day, day + 1))]


def join_if_many(connection: Connection, days: Days, sensor_id: int, day: int) -> bool:
    """The same for a day that is not over, if it has come to many blocks: who looks at it reads less then."""
    alone = range(day, day + 1)
    many = len(_blocks(connection, days, sensor_id, alone, "epoch")) > _MANY
    return not many or join(connection, days, sensor_id, alone)


def join(connection: Connection, days: Days, sensor_id: int, some: range) -> bool:
    """Makes the blocks that begin in some days compact, in a transaction that has the sensor locked.

    False: the sensor's row is told only that there will be such blocks; to be called again in the next transaction. The blocks
    may lie on another server, and are never there without being told of.
    """
    rows = _blocks(connection, days, sensor_id, some, _ROW)
    rows.sort(key=itemgetter(0, 1))
    gone, made, levels = [], [], 0
    for run in _runs(rows, len(some) * data.LONG_S):
        if len(run) == 1 and blocks.is_compact(run[0][-1]):
            continue
        made.append(_joined(sensor_id, run))
        levels |= 1 << made[-1][4]
        gone += [(sensor_id, row[0], row[1]) for row in run]
    if made and not set(levels_in(levels)).issubset(data.levels_of(connection, sensor_id)):
        connection.execute("UPDATE sensor SET levels = levels | ? WHERE id = ?", (levels, sensor_id))
        return False
    if made:
        connection.executemany("DELETE FROM block WHERE sensor_id = ? AND epoch = ? AND first_seq = ?", gone)
        data.insert(connection, made)
    return True


def _blocks(connection: Connection, days: Days, sensor_id: int, some: range, fields: str) -> list[tuple[Any, ...]]:
    """Of the blocks that begin in some days and may be joined."""
    begin_s, end_s = days.starts_s[[some.start, some.stop]].tolist()
    levels = ", ".join(map(str, data.levels_of(connection, sensor_id)))
    return connection.execute(
        f"SELECT {fields} FROM block WHERE sensor_id = ? AND level IN ({levels or -2}) AND first_s >= ? AND first_s < ? "  # noqa: S608  # nosec B608  # names of ours, values are bound
        "AND undated = 0 AND dated = 0 AND cut = 0",
        (sensor_id, begin_s, end_s),
    ).fetchall()


def _runs(rows: list[tuple[Any, ...]], long_s: int) -> list[list[tuple[Any, ...]]]:
    """The blocks that may become one: without a hole between them, none of them so long, and not too many readings."""
    runs: list[list[tuple[Any, ...]]] = []
    size = 0
    for row in rows:
        before = runs[-1][-1] if runs else None
        if before is not None and _fit(before, row, long_s) and size + row[_READINGS] <= data.MOST_READINGS:
            runs[-1].append(row)
            size += row[_READINGS]
        else:
            runs.append([row])
            size = row[_READINGS]
    return runs


def _fit(before: tuple[Any, ...], row: tuple[Any, ...], long_s: int) -> bool:
    (epoch, _, last_seq, first_s, last_s), (other_epoch, first_seq, _, other_s, other_last_s) = before[:5], row[:5]
    follows = (epoch, last_seq + 1) == (other_epoch, first_seq)
    return follows and max(last_s - first_s, other_last_s - other_s) < long_s


def _joined(sensor_id: int, run: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """One block in place of some, as `data.FIELDS` has it."""
    epoch, first_seq = run[0][:2]
    first_s, last_s = min(row[3] for row in run), max(row[4] for row in run)
    mask = 0
    for row in run:
        mask |= row[5]
    held = [data.Held._make((row[3], *row[:2], row[4], row[2], *row[5:], sensor_id)) for row in run]
    sections = [section for _, section in data.sections_of(held)]
    content = blocks.compact(blocks.joined(sections), first_seq)
    key = sensor_id, epoch, first_seq, run[-1][2], level_of(last_s - first_s), first_s, last_s
    return *key, mask, sum(row[6] for row in run), 0, 0, 0, max(row[7] for row in run), content
