"""One sensor's readings in order of time: pages, streams, thinned curves, the newest. An undated reading is in none of them.

What a query costs follows from what it answers, not from what else is stored (rules/levels.py). Nothing here knows of users:
`use/sensors.py` applies their grants first.
"""

from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from operator import itemgetter

import numpy as np

from ..rules.days import HOUR_S, QUARTER_S, Days
from ..rules.errors import DamagedError
from ..rules.imports import hole_s, usual_step_s
from ..rules.levels import reach_s
from ..rules.periods import END_S, Resolution, begin_of, end_of
from ..rules.rollups import Stats
from . import curves, data, rollups
from .columns import codes_in
from .data import Asked, Ends, Held
from .database import Archive
from .engine import Connection
from .readings import ALWAYS_MS, NO_EPOCH, Cursor, Item, Readings, readings_of

MAX_PAGE = 10_000  # readings in one answer
MAX_SCAN = 500_000  # readings read for one thinned answer
AHEAD_S = 60  # clocks differ a little; what lies further ahead of now comes from a wrong one
_CHUNK = 5_000
_STOP_STEPS = 3  # a restart that took so many usual steps cost readings


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_s` (included) to `to_s` (not included) in generation time; stored since `stored_ms` and up to `until_ms`."""

    from_s: int
    to_s: int
    stored_ms: int = 0
    until_ms: int = ALWAYS_MS


@dataclass(frozen=True, slots=True)
class Thinned:
    """Some of the readings of a span: all if `bucket_s` is 0, else at most two of each bucket of so many seconds.

    Nothing before `cut_s` was read, because the span holds more than MAX_SCAN readings (None: all was read). `breaks` are the
    stretches (after, before) in which readings are missing, as the numbering of the data tells.
    """

    items: list[Item]
    bucket_s: int
    cut_s: int | None
    breaks: list[tuple[int, int]]


NOTHING = Thinned([], 0, None, [])
EVER = Span(0, END_S)


def page(
    archive: Archive, sensor_id: int, mask: int, span: Span, limit: int, after: Cursor | None = None
) -> tuple[Readings, Cursor | None]:
    """Up to `limit` readings with the quantities in `mask` by time, and where the next page begins (None: there is no more)."""
    span = replace(span, from_s=max(1, span.from_s, after[0] if after else 0))
    held: list[Held] = []
    size, enough = 0.0, float(limit)
    with archive.reading() as connection:
        for block in data.by_time(connection, Asked(sensor_id, mask, span.from_s, span.to_s, span.stored_ms)):
            # What lies before this block begins can be in no block that follows.
            if size > enough:
                found = _readings(held, mask, span, after)
                if np.searchsorted(found.times_s, block.first_s) > limit:
                    break
                enough = 1.5 * size
            held.append(block)
            size += block.readings * _share(block, span)
    found = _readings(held, mask, span, after)
    more = found.key(limit - 1) if len(found) > limit else None
    return found.only(slice(limit)), more


def _share(block: Held, span: Span) -> float:
    """About how much of a block lies in a span: mostly the first one begins before it, the last one ends after it."""
    within_s = min(block.last_s + 1, span.to_s) - max(block.first_s, span.from_s)
    return within_s / (block.last_s + 1 - block.first_s)


def stream(archive: Archive, sensor_id: int, mask: int, span: Span) -> Iterator[Readings]:
    """All readings of a span by time, a chunk in memory at a time."""
    after: Cursor | None = None
    while True:
        found, after = page(archive, sensor_id, mask, span, _CHUNK, after)
        yield found
        if after is None:
            return


def _readings(held: list[Held], mask: int, span: Span, after: Cursor | None = None) -> Readings:
    """The readings of blocks that are in a span."""
    parts = data.sections_of(held, mask)
    if span.stored_ms or any(block.stored_ms > span.until_ms for block in held):
        since_ms, until_ms = span.stored_ms, span.until_ms
        parts = [(epoch, one.only((one.stored_ms >= since_ms) & (one.stored_ms <= until_ms))) for epoch, one in parts]
    found = readings_of(parts, mask, span.from_s, span.to_s)
    return found if after is None else found.between(span.from_s, span.to_s, after)


def latest(archive: Archive, sensor_id: int, mask: int, now_s: float, span: Span = EVER) -> Item | None:
    """The newest reading of a span with one of the quantities in `mask` that does not lie ahead of now."""
    if not mask:
        return None
    with archive.reading() as connection:
        return _latest(connection, sensor_id, mask, max(1, span.from_s), min(int(now_s) + AHEAD_S, span.to_s - 1))


def _latest(connection: Connection, sensor_id: int, mask: int, from_s: int, until_s: int) -> Item | None:
    levels, asked = data.levels_of(connection, sensor_id), Asked(sensor_id, mask, from_s, until_s + 1)
    best: Item | None = None
    for block in data.of_levels(connection, levels, asked, newest_first=True):
        best = _newest_in(block, mask, from_s, until_s)
        if best is not None:
            break
    else:
        return None
    # One that begins before it may reach further.
    for other in data.of_levels(connection, levels, asked._replace(from_s=best.time_s), newest_first=True):
        newest = _newest_in(other, mask, best.time_s, until_s) if other[:3] != block[:3] else None
        best = best if newest is None else max(best, newest)
    return best


def _newest_in(block: Held, mask: int, from_s: int, until_s: int) -> Item | None:
    found = _readings([block], mask, Span(from_s, until_s + 1))
    return next(found.only(slice(len(found) - 1, None)).rows()) if len(found) else None


def ahead_until(archive: Archive, sensor_id: int, now_s: float) -> int | None:
    """Up to when readings lie ahead of now, because some clock was wrong; None: none do."""
    least = int(now_s) + AHEAD_S
    with archive.reading() as connection:
        query = "SELECT max(last_s) FROM block WHERE sensor_id = ? AND level = ? AND first_s > ?"
        found = [
            connection.execute(query, (sensor_id, level, least - reach_s(level))).fetchone()[0]
            for level in data.levels_of(connection, sensor_id)
        ]
    return max((last_s for last_s in found if last_s is not None and last_s > least), default=None)


def extent(archive: Archive, sensor_id: int, mask: int, now_s: float, span: Span = EVER) -> tuple[int, int] | None:
    """The times of the first reading of a span and of the newest one that does not lie ahead of now; None if there is none."""
    newest = latest(archive, sensor_id, mask, now_s, span)
    if newest is None:
        return None
    first_s = newest.time_s
    with archive.reading() as connection:
        from_s = max(1, span.from_s)
        for block in data.by_time(connection, Asked(sensor_id, mask, from_s, first_s + 1)):
            # One that begins before the span may have the first reading, or a later one than the next block has.
            if block.first_s >= first_s:
                break
            found = _readings([block], mask, Span(from_s, first_s))
            if len(found):
                first_s = int(found.times_s[0])
    return first_s, newest.time_s


def reach(archive: Archive, sensor_id: int, mask: int, now_s: float, span: Span = EVER) -> tuple[int, int] | None:
    """The same as the blocks say without being read, so within some readings of it."""
    from_s, until_s = max(1, span.from_s), min(int(now_s) + AHEAD_S, span.to_s - 1)
    query = (
        "SELECT min(first_s), max(last_s) FROM block WHERE sensor_id = ? AND level >= 0 AND first_s BETWEEN 1 AND ? "
        "AND last_s >= ? AND mask & ? != 0"
    )
    first_s, last_s = archive.connection().execute(query, (sensor_id, until_s, from_s, mask)).fetchone()
    return None if first_s is None else (max(from_s, first_s), min(last_s, until_s))


def seen(archive: Archive, days: Days, sensor_id: int, mask: int, span: Span) -> int:
    """The quantities of `mask` of which there are readings in a span, or, if they were deleted, whole days in it that had some."""
    first_day, last_day = days.number([max(0, span.from_s - 1), span.to_s]).tolist()
    query = (
        "SELECT DISTINCT mask FROM day_rollup WHERE sensor_id = ? AND day > ? AND day < ? AND NOT EXISTS "
        "(SELECT 1 FROM stale WHERE stale.sensor_id = day_rollup.sensor_id AND stale.day = day_rollup.day)"
    )
    found = 0
    for (there,) in archive.connection().execute(query, (sensor_id, first_day, last_day)).fetchall():
        found |= there & mask
    for code in codes_in(mask & ~found):
        with suppress(DamagedError):  # whoever asks for it is told
            found |= min(1, len(page(archive, sensor_id, 1 << code, span, 1)[0])) << code
    return found


def means(
    archive: Archive, days: Days, sensor_id: int, code: int, span: Span, resolution: Resolution, points: int
) -> tuple[list[Item], int]:
    """(the mean of each period that has readings, as at its begin; how long a period is at least).

    Periods are of the resolution or coarser, the span is whole ones. There are about `points` at most, if months are few enough.
    """
    for least, width_s in (
        (Resolution.QUARTER, QUARTER_S),
        (Resolution.HOUR, HOUR_S),
        (Resolution.DAY, curves.DAY_S),
        (Resolution.MONTH, 28 * curves.DAY_S),
    ):
        if resolution <= least and (least is Resolution.MONTH or (span.to_s - span.from_s) // width_s <= points):
            break
    from_s, to_s = end_of(days, least, span.from_s), begin_of(days, least, span.to_s)
    if from_s >= to_s:
        return [], width_s
    found = curves.by_unit(
        archive,
        days,
        sensor_id,
        code,
        *_days(days, from_s, to_s),
        curves.UNITS[least - Resolution.QUARTER],
        (from_s, to_s),
    )
    values = np.rint(found.stats["sum"] / found.stats["count"]).astype(np.int64)
    pairs = zip(found.begins_s.tolist(), values.tolist(), strict=True)
    return [Item(begin_s, NO_EPOCH, 0, 0, {code: value}) for begin_s, value in pairs], width_s


def _days(days: Days, from_s: int, to_s: int) -> tuple[int, int]:
    first, last = days.number([from_s, to_s - 1]).tolist()
    return first, last


def thinned(archive: Archive, days: Days, sensor_id: int, code: int, span: Span, points: int) -> Thinned:
    """About `points` of the readings of one quantity: the least and the greatest of each stretch, so that no peak is lost.

    Where a stretch is an hour or more, they come from rollups.
    """
    with archive.reading() as connection:
        ends = data.ends_by_time(connection, sensor_id, max(1, span.from_s), span.to_s)
        # What has none of the quantity counts for the numbering, and for no time.
        mine = [end for end in ends if end.mask >> code & 1]
        if not mine:
            return NOTHING
        from_s = max(1, span.from_s, min(end.first_s for end in mine))
        to_s = min(span.to_s, max(end.last_s for end in mine) + 1)
        width_s = -(-2 * (to_s - from_s) // points)
        if width_s >= HOUR_S:
            unit_s = curves.DAY_S if width_s >= curves.DAY_S else HOUR_S
            width_s = -(-width_s // unit_s) * unit_s
            first_day, last_day = days.number([from_s, to_s - 1]).tolist()
            # Where the last day has nothing beyond what was asked for, it is a whole one, which need not be read.
            until_s = min(span.to_s, int(days.starts_s[last_day + 1]))
            stats = curves.stretches(connection, days, sensor_id, code, from_s, until_s, width_s)
            if stats["count"].sum() > points or rollups.was_cut(connection, sensor_id, code, first_day, last_day):
                usual_s = max(1, int(stats["covered_s"].sum() // stats["count"].sum()))
                return Thinned(_peaks(stats, code), width_s, None, _breaks(ends, 1 << code, usual_s))
        return _thinned(connection, sensor_id, code, replace(span, from_s=from_s), points, ends)


def _peaks(stats: Stats, code: int) -> list[Item]:
    """The least and the greatest reading of each stretch. A rollup does not know their numbers."""
    columns = [stats[name].tolist() for name in ("least_s", "least", "greatest_s", "greatest")]
    peaks = {*zip(*columns[:2], strict=True), *zip(*columns[2:], strict=True)}
    return [Item(time_s, NO_EPOCH, 0, 0, {code: value}) for time_s, value in sorted(peaks)]


def _thinned(
    connection: Connection,
    sensor_id: int,
    code: int,
    span: Span,
    points: int,
    ends: list[Ends],
) -> Thinned:
    mask = 1 << code
    held: list[Held] = []
    size, cut_s = 0, None
    for block in data.by_time(connection, Asked(sensor_id, mask, span.from_s, span.to_s), newest_first=True):
        if size > MAX_SCAN:
            cut_s = block.last_s + 1
            span = replace(span, from_s=max(span.from_s, cut_s))
            break
        held.append(block)
        size += block.readings
    found = _readings(held, mask, span)
    breaks = _breaks(ends, mask, usual_step_s(found.times_s))
    if len(found) <= points:
        return Thinned(list(found.rows()), 0, cut_s, breaks)
    begin_s, end_s = int(found.times_s[0]), int(found.times_s[-1])
    width_s = max(1, -(-2 * (end_s - begin_s + 1) // points))
    starts = np.flatnonzero(np.diff((found.times_s - begin_s) // width_s, prepend=-1))
    kept = np.zeros(len(found), bool)
    for reduce in (np.minimum, np.maximum):
        peak = np.repeat(reduce.reduceat(found.values[0], starts), np.diff(np.append(starts, len(found))))
        places = np.flatnonzero(found.values[0] == peak)
        kept[places[np.searchsorted(places, starts)]] = True  # the first of each stretch
    return Thinned(list(found.only(kept).rows()), width_s, cut_s, breaks)


def _breaks(ends: list[Ends], mask: int, usual_s: int) -> list[tuple[int, int]]:
    """(last time before, first time after) of each hole in the numbering, and of each stop of the sensor that cost readings.

    The times are those of blocks that have a quantity of `mask`. What was imported fills holes, and has its own.
    """
    imported = [end for end in ends if not end.epoch and end.mask & mask]
    ends = [end for end in ends if end.epoch]
    breaks: list[tuple[int, int]] = []
    until_s = None  # the last time of the epoch before
    for _, of_epoch in groupby(ends, itemgetter(0)):
        runs = list(of_epoch)
        mine = [run for run in runs if run.mask & mask]
        if not mine:
            continue
        begin_s = min(run.first_s for run in mine)
        if until_s is not None and begin_s - until_s > _STOP_STEPS * usual_s:
            breaks.append((until_s, begin_s))
        holes = [after.first_seq for before, after in pairwise(runs) if after.first_seq > before.last_seq + 1]
        for before, after in pairwise(mine) if holes else ():
            broken = bisect(holes, before.last_seq) < bisect(holes, after.first_seq)
            if broken and after.first_s > before.last_s:
                breaks.append((before.last_s, after.first_s))
        until_s = max(run.last_s for run in mine)
    if not imported:
        return breaks
    spans: list[tuple[int, int]] = []
    for at, end in enumerate(imported):
        follows = at and imported[at - 1].last_seq + 1 == end.first_seq
        spans.append((spans.pop()[0] if follows else end.first_s, end.last_s))
    breaks = [one for one in breaks if not any(first_s < one[1] and last_s > one[0] for first_s, last_s in spans)]
    measured = [(end.first_s, end.last_s) for end in ends if end.mask & mask]
    return sorted({*breaks, *_empty_beside(spans, measured, hole_s(usual_s))})


def _empty_beside(
    some: list[tuple[int, int]], others: list[tuple[int, int]], least_s: int
) -> Iterator[tuple[int, int]]:
    """Where nothing is for longer than that, before or after one of `some`."""
    until_s, is_some = 0, False
    for first_s, last_s, one in sorted([(*span, True) for span in some] + [(*span, False) for span in others]):
        if until_s and first_s - until_s > least_s and (one or is_some):
            yield until_s, first_s
        if last_s > until_s:
            until_s, is_some = last_s, one
