"""One sensor's readings in order of time: pages, streams, thinned curves, the newest. An undated reading is in none of them.

What a query costs follows from what it answers, not from what else is stored (levels.py). Nothing here knows of users:
`shared.py` applies their grants first.
"""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from gridecho.readings import Reading, decode

from ..rules.levels import levels_in, reach_s
from .database import Archive
from .models import Sensor

MAX_PAGE = 10_000  # readings in one answer
MAX_SCAN = 100_000  # datagrams read for one thinned answer
AHEAD_S = 60  # clocks differ a little; what lies further ahead of now comes from a wrong one
_CHUNK = 5_000
_STOP_STEPS = 3  # a restart that took so many usual steps cost readings

_FIELDS = "first_s, last_s, epoch, seq, mask, count, time_s, body, dated_s, step_s"
_FIRST, _LAST, _EPOCH, _SEQ, _MASK = range(5)
_ORDER = itemgetter(_FIRST, _EPOCH, _SEQ)

Row = tuple[Any, ...]


class Item(NamedTuple):
    """One reading: `item` is its place in its datagram, `values` maps quantity codes to integers as sent."""

    time_s: int
    epoch: int
    seq: int
    item: int
    values: dict[int, int]


Cursor = tuple[int, int, int, int]  # time_s, epoch, seq, item of the last reading that was given


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_s` (included) to `to_s` (not included) in generation time; of it what was stored since `stored_ms`."""

    from_s: int
    to_s: int
    stored_ms: int = 0


@dataclass(frozen=True, slots=True)
class Thinned:
    """Some of the readings of a span: all if `bucket_s` is 0, else at most two of each bucket of so many seconds.

    Nothing before `cut_s` was read, because the span holds more than MAX_SCAN datagrams (None: all was read). `breaks` are the
    stretches (after, before) in which readings are missing, as the numbering of the data tells.
    """

    items: list[Item]
    bucket_s: int
    cut_s: int | None
    breaks: list[tuple[int, int]]


NOTHING = Thinned([], 0, None, [])


def page(
    archive: Archive, sensor_id: int, mask: int, span: Span, limit: int, after: Cursor | None = None
) -> tuple[list[Item], Cursor | None]:
    """Up to `limit` readings with the quantities in `mask` by time, and where the next page begins (None: there is no more)."""
    span = replace(span, from_s=max(1, span.from_s, after[0] if after else 0))
    items: list[Item] = []
    waiting: list[Item] = []  # of data that were read; the next datum may have an earlier one yet
    with _rows(archive, sensor_id, mask, span) as rows:
        for row in rows:
            while waiting and waiting[0].time_s < row[_FIRST]:
                items.append(heapq.heappop(waiting))
            if len(items) > limit:
                return items[:limit], items[limit - 1][:4]
            for item in items_of(row, mask):
                if span.from_s <= item.time_s < span.to_s and (after is None or item[:4] > after):
                    heapq.heappush(waiting, item)
    waiting.sort()
    items += waiting
    return items[:limit], items[limit - 1][:4] if len(items) > limit else None


def stream(archive: Archive, sensor_id: int, mask: int, span: Span) -> Iterator[Item]:
    """All readings of a span by time, a chunk in memory at a time."""
    after: Cursor | None = None
    while True:
        items, after = page(archive, sensor_id, mask, span, _CHUNK, after)
        yield from items
        if after is None:
            return


def thinned(archive: Archive, sensor_id: int, code: int, span: Span, points: int) -> Thinned:
    """About `points` of the readings of one quantity: the least and the greatest of each stretch, so that no peak is lost."""
    mask = 1 << code
    span = replace(span, from_s=max(1, span.from_s))
    rows: list[Row] = []
    cut_s = None
    # The numbering is one for all quantities.
    numbers: dict[int, list[Row]] = {}  # by epoch
    with _rows(archive, sensor_id, -1, span, newest_first=True) as found:
        for n, row in enumerate(found):
            if n == MAX_SCAN:
                cut_s = row[_FIRST] + 1
                span = replace(span, from_s=max(span.from_s, cut_s))
                break
            numbers.setdefault(row[_EPOCH], []).append(row[:_MASK])
            if row[_MASK] & mask:
                rows.append(row)
    items = [item for row in rows for item in items_of(row, mask) if span.from_s <= item.time_s < span.to_s]
    items.sort()
    breaks = _breaks(numbers, _usual_step_s(items))
    if len(items) <= points:
        return Thinned(items, 0, cut_s, breaks)
    begin, end = items[0].time_s, items[-1].time_s
    width = max(1, -(-2 * (end - begin + 1) // points))
    kept: list[Item] = []
    least = greatest = items[0]
    bucket = 0
    for item in items:
        if (at := (item.time_s - begin) // width) != bucket:
            kept += _pair(least, greatest)
            bucket, least, greatest = at, item, item
        elif item.values[code] < least.values[code]:
            least = item
        elif item.values[code] > greatest.values[code]:
            greatest = item
    return Thinned(kept + _pair(least, greatest), width, cut_s, breaks)


def latest(archive: Archive, sensor_id: int, mask: int, now_s: float) -> Item | None:
    """The newest reading with one of the quantities in `mask` that does not lie ahead of now."""
    best: Item | None = None
    for level in _levels(archive, sensor_id) if mask else ():
        query = _select(level, "first_s <= :to_s", newest_first=True)
        values = {"sensor": sensor_id, "level": level, "mask": mask, "to_s": int(now_s) + AHEAD_S}
        with archive.reading() as connection, connection.stream(query, values) as rows:
            for row in rows:
                if best is not None and row[_FIRST] + reach_s(level) <= best.time_s:
                    break
                if best is not None and row[_LAST] <= best.time_s:
                    continue
                dated = (item for item in items_of(row, mask) if 0 < item.time_s <= values["to_s"])
                best = max((*dated, *((best,) if best else ())), default=None)
    return best


def ahead_until(archive: Archive, sensor_id: int, now_s: float) -> int | None:
    """Up to when readings lie ahead of now, because some clock was wrong; None: none do."""
    query = "SELECT max(last_s) FROM datum WHERE sensor_id = ? AND level = ? AND first_s > ?"
    least = int(now_s) + AHEAD_S
    found = [
        archive.connection().execute(query, (sensor_id, level, least - reach_s(level))).fetchone()[0]
        for level in _levels(archive, sensor_id)
    ]
    return max((last_s for last_s in found if last_s is not None and last_s > least), default=None)


def extent(archive: Archive, sensor_id: int, mask: int, now_s: float) -> tuple[int, int] | None:
    """The times of the first reading and of the newest one that does not lie ahead of now; None if there is none."""
    newest = latest(archive, sensor_id, mask, now_s)
    if newest is None:
        return None
    firsts = []
    for level in _levels(archive, sensor_id):
        values = {"sensor": sensor_id, "level": level, "mask": mask}
        rows = archive.connection().execute(_select(level, "TRUE") + " LIMIT 1", values)
        firsts += [row[_FIRST] for row in rows]
    return min(firsts), newest.time_s


def items_of(row: Row, mask: int) -> list[Item]:
    """The readings of a datum with the quantities in `mask`; one that has no time, and was given none, is at 0."""
    _, _, epoch, seq, has, count, time_s, body, dated_s, step_s = row
    readings = decode(bytes(body), count, time_s)
    if has & ~mask:
        readings = [Reading(r.time_s, {code: v for code, v in r.values.items() if mask >> code & 1}) for r in readings]
    items = [Item(reading.time_s, epoch, seq, i, reading.values) for i, reading in enumerate(readings)]
    if dated_s is not None:
        for i, item in enumerate(items):
            if not item.time_s:
                items[i] = item._replace(time_s=dated_s)
                dated_s += step_s
    return items


@contextmanager
def _rows(
    archive: Archive, sensor_id: int, mask: int, span: Span, newest_first: bool = False
) -> Iterator[Iterator[Row]]:
    """Data that may have readings in the span, by the first one's time."""
    where = "first_s > :before_s AND first_s < :to_s AND last_s >= :from_s AND stored_ms >= :stored_ms"
    with archive.reading() as connection, ExitStack() as stack:
        parts = []
        for level in _levels(archive, sensor_id):
            values = {
                "sensor": sensor_id,
                "level": level,
                "mask": mask,
                "before_s": span.from_s - reach_s(level),
                "from_s": span.from_s,
                "to_s": span.to_s,
                "stored_ms": span.stored_ms,
            }
            parts.append(stack.enter_context(connection.stream(_select(level, where, newest_first), values)))
        yield heapq.merge(*parts, key=_ORDER, reverse=newest_first)


def _select(level: int, where: str, newest_first: bool = False) -> str:
    order = ", ".join(f"{key}{' DESC' if newest_first else ''}" for key in ("first_s", "epoch", "seq"))
    return (
        f"SELECT {_FIELDS} FROM datum WHERE sensor_id = :sensor AND level = :level AND mask & :mask != 0 AND {where} "  # noqa: S608
        f"ORDER BY {order}"
    )


def _levels(archive: Archive, sensor_id: int) -> list[int]:
    mask: int | None = Sensor.select(Sensor.levels).where(Sensor.id == sensor_id).scalar(archive.db)
    return levels_in(mask or 0)


def _breaks(numbers: dict[int, list[Row]], usual_s: int) -> list[tuple[int, int]]:
    """(last time before, first time after) of each hole in the numbering, and of each stop of the sensor that cost readings."""
    breaks = []
    end_s: int | None = None
    for epoch in sorted(numbers):
        rows = sorted(numbers[epoch], key=itemgetter(_SEQ))
        first_s = min(row[_FIRST] for row in rows)
        if end_s is not None and first_s - end_s > _STOP_STEPS * usual_s:
            breaks.append((end_s, first_s))
        for before, after in pairwise(rows):
            if after[_SEQ] > before[_SEQ] + 1 and after[_FIRST] > before[_LAST]:
                breaks.append((before[_LAST], after[_FIRST]))
        end_s = max(row[_LAST] for row in rows)
    return breaks


def _usual_step_s(items: list[Item]) -> int:
    steps = sorted(b.time_s - a.time_s for a, b in pairwise(items))
    return max(1, steps[len(steps) // 2]) if steps else 1


def _pair(a: Item, b: Item) -> list[Item]:
    if a is b:
        return [a]
    return [a, b] if a.time_s <= b.time_s else [b, a]
