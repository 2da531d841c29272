"""Readings without a time: a sensor that no relay had told the time made them. Their order is known, and an administrator can
say when they were made.

What was sent stays as it came; the times that are given stand beside it, and can be given anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gridecho.quantities import FIRST_STATE_CODE
from gridecho.readings import decode

from ..rules.access import METERED
from ..rules.errors import RemoteError
from ..rules.levels import extent_of
from ..store.database import Archive
from ..store.timeline import Item, items_of

_ROWS = "first_s, last_s, epoch, seq, mask, count, time_s, body, dated_s, step_s"
_CHUNK = 2_000
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
    query = "SELECT coalesce(sum(undated), 0) FROM datum WHERE sensor_id = ? AND undated > 0 AND mask & ? != 0"
    found: int = archive.connection().execute(query, (sensor_id, mask)).fetchone()[0]
    return found


def page(
    archive: Archive, sensor_id: int, mask: int, limit: int, after: Cursor | None = None
) -> tuple[list[Item], Cursor | None]:
    """Up to `limit` undated readings by number, and where the next page begins (None: there is no more)."""
    rows = archive.connection().execute(
        f"SELECT {_ROWS} FROM datum WHERE sensor_id = ? AND undated > 0 AND mask & ? != 0 AND (epoch, seq) >= (?, ?) "  # noqa: S608
        "ORDER BY epoch, seq LIMIT ?",
        (sensor_id, mask, *(after[:2] if after else (0, 0)), limit + 1),
    )
    items = [
        item for row in rows for item in items_of(row, mask) if not item.time_s and (after is None or item[1:4] > after)
    ]
    return items[:limit], items[limit - 1][1:4] if len(items) > limit else None


def stream(archive: Archive, sensor_id: int, mask: int) -> Iterator[Item]:
    """All undated readings by number, a chunk in memory at a time."""
    after: Cursor | None = None
    while True:
        items, after = page(archive, sensor_id, mask, _CHUNK, after)
        yield from items
        if after is None:
            return


def stretches(archive: Archive) -> list[Stretch]:
    """Where meter readings have no time, by sensor and epoch."""
    found = archive.connection().execute(
        "SELECT sensor_id, epoch, sum(undated) FROM datum WHERE undated > 0 AND mask & ? != 0 "
        "GROUP BY sensor_id, epoch ORDER BY sensor_id, epoch",
        (METERED,),
    )
    before = "SELECT last_s FROM datum WHERE sensor_id = ? AND epoch < ? AND level >= 0 ORDER BY epoch DESC, seq DESC LIMIT 1"
    after = "SELECT first_s FROM datum WHERE sensor_id = ? AND epoch >= ? AND level >= 0 ORDER BY epoch, seq LIMIT 1"

    def one(query: str, key: tuple[int, int]) -> int | None:
        row = archive.connection().execute(query, key).fetchone()
        return row[0] if row else None

    return [
        Stretch(sensor_id, epoch, readings, one(before, (sensor_id, epoch)), one(after, (sensor_id, epoch)))
        for sensor_id, epoch, readings in found.fetchall()
    ]


def date(archive: Archive, sensor_id: int, epoch: int, first_s: int, period_s: int) -> int:
    """Gives the undated readings of an epoch their times: the first one's, and from each to the next. How many these are.

    It may be said anew, and is to be when more of the same epoch came in. Raises RemoteError.
    """
    with archive.writing() as connection:
        connection.lock("sensor", [sensor_id])
        rows = connection.execute(
            "SELECT seq, mask, count, time_s, body FROM datum WHERE sensor_id = ? AND epoch = ? "
            "AND (undated > 0 OR dated_s IS NOT NULL) ORDER BY seq",
            (sensor_id, epoch),
        ).fetchall()
        dated = levels = 0
        for seq, mask, size, time_s, body in rows:
            # What the sensor told of itself meanwhile has the time of the reading that came next.
            step_s = 0 if mask >> FIRST_STATE_CODE else period_s
            at_s = begin_s = first_s + dated * period_s
            times = []
            for reading in decode(bytes(body), size, time_s):
                times.append(reading.time_s or at_s)
                if not reading.time_s:
                    at_s += step_s
                    dated += bool(step_s)
            if not 0 < max(times) < _END_S:
                raise RemoteError("times-beyond")
            first, last, level, _ = extent_of(times)
            levels |= 1 << level
            connection.execute(
                "UPDATE datum SET first_s = ?, last_s = ?, level = ?, undated = 0, dated_s = ?, step_s = ? "
                "WHERE sensor_id = ? AND epoch = ? AND seq = ?",
                (first, last, level, begin_s, step_s, sensor_id, epoch, seq),
            )
        if not rows:
            raise RemoteError("none-undated", sensor_id=sensor_id, epoch=epoch)
        connection.execute("UPDATE sensor SET levels = levels | ? WHERE id = ?", (levels, sensor_id))
    return dated
