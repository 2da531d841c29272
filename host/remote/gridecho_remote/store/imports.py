"""Files that were taken into sensors: their readings are data of epoch 0, which no sensor has (docs/protocol.md)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from gridecho.frames import SEND
from gridecho.readings import Reading, encode
from peewee import JOIN

from ..rules.days import Days
from ..rules.errors import RemoteError
from ..rules.imports import Around, Table, holes_before
from ..rules.levels import level_of
from . import blocks, data, timeline
from .columns import Ints, codes_in
from .data import Asked
from .database import Archive
from .engine import Connection
from .models import Import, User
from .readings import readings_of
from .timeline import Span

EPOCH = 0  # of what was imported
MOST = 200  # imports of a sensor
_FEW = 32  # readings of a block

Within = Sequence[tuple[int, int]]  # spans, by time


@dataclass(frozen=True, slots=True)
class ImportInfo:
    """An import of quantities in `mask`; `user` took it in, None: who is at the terminal. `taken_back_ms`: None: it is there."""

    id: int
    sensor_id: int
    name: str
    user_id: int | None
    user: str | None
    readings: int
    mask: int
    first_s: int
    last_s: int
    imported_ms: int
    taken_back_ms: int | None

    @property
    def codes(self) -> list[int]:
        """The quantity codes in the mask."""
        return codes_in(self.mask)


class UntoldError(Exception):
    """The sensor's row does not say yet that there will be such data: quantities, length classes (`tell`)."""

    def __init__(self, mask: int, levels: int) -> None:
        super().__init__()
        self.mask, self.levels = mask, levels


def of_sensor(archive: Archive, sensor_id: int) -> list[ImportInfo]:
    """A sensor's imports, those that were taken back among them, the newest first."""
    return _infos(archive, Import.sensor_id == sensor_id)


def one_of(archive: Archive, sensor_id: int, number: int) -> ImportInfo | None:
    """One that is there."""
    which = (Import.sensor_id == sensor_id) & (Import.id == number) & Import.taken_back_ms.is_null()
    return next(iter(_infos(archive, which)), None)


def of_file(archive: Archive, sensor_id: int, digest: bytes) -> ImportInfo | None:
    """The import of a file that is there."""
    which = (Import.sensor_id == sensor_id) & (Import.digest == digest) & Import.taken_back_ms.is_null()
    return next(iter(_infos(archive, which)), None)


def _infos(archive: Archive, which: Any) -> list[ImportInfo]:
    query = Import.select(
        Import.id, Import.sensor_id, Import.name, Import.user, User.name, Import.readings, Import.mask,
        Import.first_s, Import.last_s, Import.imported_ms, Import.taken_back_ms,
    )  # fmt: skip
    query = query.join(User, JOIN.LEFT_OUTER).where(which).order_by(Import.id.desc())
    return [ImportInfo(*row) for row in query.tuples().execute(archive.db)]


def around(archive: Archive, sensor_id: int, code: int, times_s: Ints, step_s: int, within: Within) -> Around:
    """What is there of a quantity about the times of a file, and the nearest beyond them, of what lies in some spans."""
    found = Around(times_s)
    mask, begin_s, end_s = 1 << code, int(times_s[0]) - step_s, int(times_s[-1]) + step_s + 1
    with archive.reading() as connection:
        for from_s, to_s in within:
            first_s, until_s = max(1, from_s, begin_s), min(to_s, end_s)
            for block in (
                data.by_time(connection, Asked(sensor_id, mask, first_s, until_s)) if first_s < until_s else ()
            ):
                part = readings_of(data.sections_of([block], mask), mask, first_s, until_s)
                found.add(part.times_s, part.values[0])
        for from_s, to_s in within:
            after, _ = timeline.page(archive, sensor_id, mask, Span(max(from_s, end_s), to_s), 1)
            found.add(after.times_s, after.values[0])
            before = timeline.latest(archive, sensor_id, mask, begin_s, Span(from_s, min(to_s, begin_s)))
            if before:
                found.add(np.array([before.time_s]), np.array([before.values[code]]))
    return found


def cut_days(connection: Connection, sensor_id: int, first_day: int, last_day: int) -> list[tuple[int, int]]:
    """(day, quantities) of which readings were deleted for their age."""
    query = "SELECT day, cut FROM day_rollup WHERE sensor_id = ? AND day BETWEEN ? AND ? AND cut != 0"
    return [(day, cut) for day, cut in connection.execute(query, (sensor_id, first_day, last_day)).fetchall()]


def tell(archive: Archive, sensor_id: int, untold: UntoldError) -> None:
    """Has the sensor's row say that there will be such data, first and for itself (as in ingest.py)."""
    with archive.writing() as connection:
        connection.lock("sensor", [sensor_id])
        data.tell(connection, {sensor_id: (untold.mask, untold.levels)})


def put(
    archive: Archive,
    days: Days,
    sensor_id: int,
    table: Table,
    digest: bytes,
    name: str,
    user_id: int | None,
    now_ms: int,
) -> int:
    """An import's number. In a transaction that has the sensor locked. Raises UntoldError, and RemoteError for too many."""
    connection = archive.connection()
    there = (Import.sensor_id == sensor_id) & Import.taken_back_ms.is_null()
    last_seqs = [row[0] for row in Import.select(Import.last_seq).where(there).tuples().execute(archive.db)]
    if len(last_seqs) >= MOST:
        raise RemoteError("imports-many", most=MOST)
    # No block is of two imports, because their seqs do not touch each other.
    first_seq = max(last_seqs, default=-2) + 2
    # What another transaction left, whose data lay on another server and were there before it ended (shards.py).
    _remove(connection, days, sensor_id, first_seq, 1 << 32)
    # A hole in them for each in the readings.
    seqs = first_seq + np.arange(len(table.times_s)) + np.cumsum(holes_before(table.times_s))
    rows = list(_rows(days, sensor_id, table, seqs, now_ms))
    mask = levels = 0
    for _, _, _, _, level, _, _, own, *_ in rows:
        mask, levels = mask | own, levels | 1 << level
    query = "SELECT seen_mask, levels FROM sensor WHERE id = ?"
    seen_mask, seen_levels = connection.execute(query, (sensor_id,)).fetchone()
    if mask & ~seen_mask or levels & ~seen_levels:
        raise UntoldError(mask, levels)
    data.insert(connection, rows)
    data.mark(connection, [(sensor_id, day) for day in np.unique(days.number(table.times_s)).tolist()])
    number: int = Import.insert(
        sensor_id=sensor_id,
        first_seq=first_seq,
        last_seq=int(seqs[-1]),
        first_s=int(table.times_s[0]),
        last_s=int(table.times_s[-1]),
        mask=mask,
        readings=len(table.times_s),
        digest=digest,
        name=name,
        user=user_id,
        imported_ms=now_ms,
    ).execute(archive.db)
    return number


def take_back(archive: Archive, days: Days, number: int, now_ms: int) -> int:
    """Removes an import that is there. In a transaction that has the sensor locked.

    Of so many days what was known of them stays as it is: readings of the sensor's own that were deleted for their age are in it.
    """
    one = Import.select().where(Import.id == number).get(archive.db)
    kept = _remove(archive.connection(), days, one.sensor_id, one.first_seq, one.last_seq)
    Import.update(taken_back_ms=now_ms).where(Import.id == number).execute(archive.db)
    return kept


def _remove(connection: Connection, days: Days, sensor_id: int, first_seq: int, last_seq: int) -> int:
    """Deletes blocks of imports. Of how many days what is known could not be made anew."""
    which = (sensor_id, EPOCH, first_seq, last_seq)
    where = "sensor_id = ? AND epoch = ? AND first_seq BETWEEN ? AND ?"
    found = connection.execute(f"SELECT first_s, last_s FROM block WHERE {where}", which).fetchall()  # noqa: S608  # nosec B608  # names of ours, values are bound
    if not found:
        return 0
    connection.execute(f"DELETE FROM block WHERE {where}", which)  # noqa: S608  # nosec B608  # names of ours, values are bound
    touched: set[int] = set()
    for ends in found:
        first, last = days.number(ends).tolist()
        touched.update(range(first, last + 1))
    kept = 0
    for day, _ in cut_days(connection, sensor_id, min(touched), max(touched)):
        if day in touched:
            if data.ends_by_time(connection, sensor_id, *days.starts_s[day : day + 2].tolist()):
                kept += 1
            else:
                connection.execute("UPDATE day_rollup SET cut = 0 WHERE sensor_id = ? AND day = ?", (sensor_id, day))
    data.mark(connection, [(sensor_id, day) for day in sorted(touched)])
    return kept


def _rows(days: Days, sensor_id: int, table: Table, seqs: Ints, now_ms: int) -> Iterator[tuple[Any, ...]]:
    """The blocks of readings, one datum each, as `data.FIELDS` has them: of each day its own."""
    day = days.number(table.times_s)
    starts = np.flatnonzero((np.diff(day, prepend=-1) != 0) | (np.diff(seqs, prepend=seqs[:1] - 1) > 1)).tolist()
    ends = [*starts[1:], len(seqs)]
    places = [at for begin, end in zip(starts, ends, strict=True) for at in range(begin, end, data.MOST_READINGS)]
    masks = (table.has.astype(np.int64) << np.array(table.codes)[:, None]).sum(axis=0)
    for begin, end in pairwise([*places, len(seqs)]):
        here = masks[begin:end]
        first_s, last_s = int(table.times_s[begin]), int(table.times_s[end - 1])
        first_seq, last_seq, mask = int(seqs[begin]), int(seqs[end - 1]), int(np.bitwise_or.reduce(here))
        key = sensor_id, EPOCH, first_seq, last_seq, level_of(last_s - first_s), first_s, last_s
        if end - begin < _FEW:
            content = _plain(table, slice(begin, end), now_ms)
        else:
            every = [(mask, begin + np.flatnonzero(here == mask)) for mask in np.unique(here).tolist()]
            content = blocks.compact([_section(table, seqs, *one, now_ms) for one in every], first_seq)
        yield *key, mask, end - begin, 0, 0, 0, now_ms, content


def _plain(table: Table, places: slice, now_ms: int) -> bytes:
    """A block that is made sooner, and made compact with its day's others."""
    some = list(zip(table.times_s[places].tolist(), table.values[:, places].T, table.has[:, places].T, strict=True))
    codes = np.array(table.codes)
    bodies = [
        encode([Reading(time_s, dict(zip(codes[has].tolist(), values[has].tolist(), strict=True)))])
        for time_s, values, has in some
    ]
    same = np.ones(len(some), np.int64)
    return blocks.plain(0, now_ms, SEND * same, same, table.times_s[places], bodies)


def _section(table: Table, seqs: Ints, mask: int, places: Ints, now_ms: int) -> blocks.Section:
    """Readings that have the same quantities."""
    rows = [row for row, code in enumerate(table.codes) if mask >> code & 1]
    same = np.ones(len(places), np.int64)
    return blocks.Section(
        mask,
        seqs[places],
        same,
        SEND * same,  # as there was none
        0 * same,  # no relay brought it
        now_ms * same,
        table.times_s[places],
        table.values[rows][:, places],
    )
