"""Readings without a time: a sensor that no relay had told the time made them. Their order is known, and an administrator can
say when they were made.

What was sent stays as it came; the times that are given stand beside it, and can be given anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from gridecho.quantities import FIRST_STATE_CODE

from ..rules.days import Days
from ..rules.errors import RemoteError
from ..rules.levels import level_of
from ..rules.scopes import METERED
from . import blocks, data
from .database import Archive
from .readings import ALWAYS_MS, Readings, readings_of

_CHUNK = 2_000
_AT_ONCE = 16  # blocks
_END_S = 1 << 32

Cursor = tuple[int, int, int]  # epoch, seq, item of the last reading that was given


@dataclass(frozen=True, slots=True)
class Stretch:
    """The undated readings of one epoch (boot) of a sensor, and the dated ones around them: the last before, the first after."""

    sensor_id: int
    epoch: int
    readings: int
    after_s: int | None
    before_s: int | None


def count(archive: Archive, sensor_id: int, mask: int = METERED) -> int:
    """How many readings with one of the quantities in `mask` have no time."""
    query = "SELECT coalesce(sum(undated), 0) FROM block WHERE sensor_id = ? AND undated > 0 AND mask & ? != 0"
    found: int = archive.connection().execute(query, (sensor_id, mask)).fetchone()[0]
    return found


def page(
    archive: Archive, sensor_id: int, mask: int, limit: int, after: Cursor | None = None, until_ms: int = ALWAYS_MS
) -> tuple[Readings, Cursor | None]:
    """Up to `limit` undated readings that were stored by then, by number, and where the next page begins (None: no more)."""
    epoch, seq = after[:2] if after else (0, 0)
    parts: list[tuple[int, blocks.Section]] = []
    size = 0
    while size <= limit:
        rows = _blocks(archive, sensor_id, mask, epoch, seq)
        for epoch, first_seq, last_seq, content in rows:
            sections = data.read(sensor_id, epoch, first_seq, 0, bytes(content), mask)
            parts += [(epoch, section.only(section.stored_ms <= until_ms)) for section in sections]
            seq = last_seq + 1
        found = _undated(readings_of(parts, mask), after)
        size = len(found)
        if len(rows) < _AT_ONCE:
            break
    more = found.key(limit - 1)[1:] if len(found) > limit else None
    return found.only(slice(limit)), more


def _blocks(archive: Archive, sensor_id: int, mask: int, epoch: int, seq: int) -> list[tuple[Any, ...]]:
    """(epoch, first seq, last seq, content) of blocks with undated readings from a datum on, by number."""
    return (
        archive.connection()
        .execute(
            "SELECT epoch, first_seq, last_seq, content FROM block WHERE sensor_id = ? AND undated > 0 AND mask & ? != 0 "
            "AND (epoch > ? OR epoch = ? AND last_seq >= ?) ORDER BY epoch, first_seq LIMIT ?",
            (sensor_id, mask, epoch, epoch, seq, _AT_ONCE),
        )
        .fetchall()
    )


def _undated(found: Readings, after: Cursor | None) -> Readings:
    """Those without a time, by number, and of these what comes after a place."""
    found = found.only(found.times_s == 0)
    begin = 0
    if after is not None:
        keys = zip(found.epochs.tolist(), found.seqs.tolist(), found.items.tolist(), strict=True)
        begin = sum(key <= after for key in keys)
    return found.only(slice(begin, None))


def stream(archive: Archive, sensor_id: int, mask: int, until_ms: int = ALWAYS_MS) -> Iterator[Readings]:
    """All undated readings that were stored by then, by number, a chunk in memory at a time."""
    after: Cursor | None = None
    while True:
        found, after = page(archive, sensor_id, mask, _CHUNK, after, until_ms)
        yield found
        if after is None:
            return


def stretches(archive: Archive) -> list[Stretch]:
    """Where meter readings have no time, by sensor and epoch."""
    found = archive.connection().execute(
        "SELECT sensor_id, epoch, sum(undated) FROM block WHERE undated > 0 AND mask & ? != 0 "
        "GROUP BY sensor_id, epoch ORDER BY sensor_id, epoch",
        (METERED,),
    )
    before = (
        "SELECT last_s FROM block WHERE sensor_id = ? AND epoch < ? AND epoch > 0 AND level >= 0 "
        "ORDER BY epoch DESC, first_seq DESC LIMIT 1"
    )
    after = (
        "SELECT first_s FROM block WHERE sensor_id = ? AND epoch >= ? AND level >= 0 ORDER BY epoch, first_seq LIMIT 1"
    )

    def one(query: str, key: tuple[int, int]) -> int | None:
        row = archive.connection().execute(query, key).fetchone()
        return row[0] if row else None

    return [
        Stretch(sensor_id, epoch, readings, one(before, (sensor_id, epoch)), one(after, (sensor_id, epoch)))
        for sensor_id, epoch, readings in found.fetchall()
    ]


def date(archive: Archive, sensor_id: int, epoch: int, first_s: int, period_s: int, days: Days) -> int:
    """Gives the undated readings of an epoch their times: the first one's, and from each to the next. How many these are.

    It may be said anew, and is to be when more of the same epoch came in. Raises RemoteError.
    """
    with archive.writing() as connection:
        connection.lock("sensor", [sensor_id])
        rows = connection.execute(
            "SELECT first_seq, cut, content FROM block WHERE sensor_id = ? AND epoch = ? AND (undated > 0 OR dated > 0) "
            "ORDER BY first_seq",
            (sensor_id, epoch),
        ).fetchall()
        if any(cut for _, cut, _ in rows):
            raise RemoteError("dated-cut", sensor_id=sensor_id, epoch=epoch)
        dated = levels = 0
        touched: set[int] = set()
        for first_seq, _, content in rows:
            [section] = data.read(sensor_id, epoch, first_seq, 0, bytes(content))
            touched.update(days.number(section.given_times_s()).tolist())
            undated = np.add.reduceat(section.times_s == 0, np.cumsum(section.counts) - section.counts, dtype=np.int64)
            # What the sensor told of itself meanwhile has the time of the reading that came next.
            step_s = 0 if section.mask >> FIRST_STATE_CODE else period_s
            begin_s = first_s + dated * period_s + (np.cumsum(undated) - undated) * step_s
            dated += int(undated.sum()) if step_s else 0
            changed = blocks.dated(bytes(content), np.stack([begin_s, np.full(len(begin_s), step_s)]))
            times_s = blocks.read(changed, first_seq)[0].given_times_s()
            if not (times_s.min() > 0 and times_s.max() < _END_S):
                raise RemoteError("times-beyond")
            touched.update(days.number(times_s).tolist())
            level = level_of(int(times_s.max() - times_s.min()))
            levels |= 1 << level
            connection.execute(
                "UPDATE block SET first_s = ?, last_s = ?, level = ?, undated = 0, dated = 1, content = ? "
                "WHERE sensor_id = ? AND epoch = ? AND first_seq = ?",
                (int(times_s.min()), int(times_s.max()), level, changed, sensor_id, epoch, first_seq),
            )
        if not rows:
            raise RemoteError("none-undated", sensor_id=sensor_id, epoch=epoch)
        connection.execute("UPDATE sensor SET levels = levels | ? WHERE id = ?", (levels, sensor_id))
        data.mark(connection, [(sensor_id, day) for day in sorted(touched)])
    return dated
