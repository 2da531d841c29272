"""Readings that are past the age up to which their quantity is kept are cut out of their blocks, when their day is tidied.

A block goes on saying which data there were, so that none is missed and none is taken in again; rollups stay as they are. What is
cut is known by rollups before: a block of which a day is stale waits. An undated reading has no age.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace

from ..rules.days import Days
from ..rules.levels import reach_s
from . import blocks, data
from .database import Archive
from .engine import Connection

log = logging.getLogger("gridecho.remote")

# For how many days after its own a reading is kept, by quantity; a quantity that is not in it: for ever.
Ages = Mapping[int, int]
FOR_EVER: Ages = {}
_PASSED = "cut_before"  # of each quantity the first day that has not passed its age, as JSON


def mark(archive: Archive, days: Days, now_s: float, ages: Ages) -> None:
    """Marks as loose the days of sensors that have newly passed a quantity's age. Broken off, it does all again the next time."""
    (today,) = days.number([int(now_s)]).tolist()
    passed = {str(code): max(0, today - age) for code, age in sorted(ages.items())}
    before = json.loads(archive.meta(_PASSED) or "{}")
    if passed == before:
        return
    for code, day in passed.items():
        since = before.get(code, 0)
        if day > since:
            _mark_between(archive, days, 1 << int(code), since, day)
            log.info("readings-expired quantity=%s before=%s", code, days.date_of(day))
    archive.set_meta(_PASSED, json.dumps(passed))


def _mark_between(archive: Archive, days: Days, mask: int, since: int, before: int) -> None:
    """The days, from `since` to before `before`, in which blocks end, of the sensors that ever sent a quantity in `mask`."""
    begin_s, end_s = days.starts_s[[since, before]].tolist()
    connection = archive.connection()
    query = "SELECT id FROM sensor WHERE seen_mask & ? != 0"
    for (sensor_id,) in connection.execute(query, (mask,)).fetchall():
        ends = [end.last_s for end in data.ends_by_time(connection, sensor_id, begin_s, end_s) if end.last_s < end_s]
        touched = set(days.number(ends).tolist())
        connection.insert("loose", "sensor_id, day", [(sensor_id, day) for day in sorted(touched)])


def cut(connection: Connection, days: Days, sensor_id: int, day: int, today: int, ages: Ages) -> bool:
    """Cuts what is past its age out of the blocks that reach into a day, in a transaction that has the sensor locked.

    A block is as old as its last reading. False: some are to be cut after a stale day's rollups. Raises DamagedError.
    """
    whole = True
    mask = sum(1 << code for code, age in ages.items() if day < today - age)
    begin_s, end_s = days.starts_s[day : day + 2].tolist()
    rows, is_cut = [], False
    for level in data.levels_of(connection, sensor_id) if mask else ():
        rows += connection.execute(
            "SELECT epoch, first_seq, first_s, last_s, mask, content FROM block WHERE sensor_id = ? AND level = ? "
            "AND first_s > ? AND first_s < ? AND last_s >= ? AND mask & ? != 0 AND undated = 0",
            (sensor_id, level, begin_s - reach_s(level), end_s, begin_s, mask),
        ).fetchall()
    for epoch, first_seq, first_s, last_s, own, content in rows:
        first_day, last_day = days.number([first_s, last_s]).tolist()
        gone = own & sum(1 << code for code, age in ages.items() if last_day < today - age)
        if not gone:
            continue
        between = (sensor_id, first_day, last_day)
        if connection.execute("SELECT 1 FROM stale WHERE sensor_id = ? AND day BETWEEN ? AND ?", between).fetchone():
            whole = False
            continue
        left = blocks.joined(
            replace(section, times_s=section.given_times_s(), dated_s=None, step_s=None)
            for section in data.read(sensor_id, epoch, first_seq, first_s, bytes(content), own & ~gone)
        )
        connection.execute(
            "UPDATE block SET cut = 1, mask = ?, readings = ?, content = ? "
            "WHERE sensor_id = ? AND epoch = ? AND first_seq = ?",
            (
                own & ~gone,
                sum(len(section.times_s) for section in left),
                blocks.compact(left, first_seq),
                *(sensor_id, epoch, first_seq),
            ),
        )
        connection.execute(
            "UPDATE day_rollup SET cut = cut | ? WHERE sensor_id = ? AND day BETWEEN ? AND ?", (gone, *between)
        )
        is_cut = True
    if is_cut:
        data.changed(connection, [sensor_id])
    return whole
