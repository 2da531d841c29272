"""The data in the database, as blocks: each datum goes in once, and what is there is found by number or by time.

A block is a run: data of one sensor and epoch whose seqs follow each other without a hole. So the ends of the blocks say which
data are there, and a hole in the numbering is a hole between blocks. Of one epoch no two blocks hold the same seq.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..rules.days import Days
from ..rules.errors import DamagedError, StorageAwayError
from ..rules.levels import UNDATED, level_of, levels_in, reach_s
from . import blocks
from .blocks import TornBlockError
from .columns import Alike, Ints, read_many
from .engine import Connection

log = logging.getLogger("gridecho.remote")

Content = tuple[int, int, bytes]  # number of readings, header's time, encoded readings

FIELDS = "sensor_id, epoch, first_seq, last_seq, level, first_s, last_s, mask, readings, undated, dated, cut, stored_ms, content"
_HELD = "first_s, epoch, first_seq, last_s, last_seq, mask, readings, stored_ms, content, sensor_id"
MOST_READINGS = 8_192  # a block
LONG_S = 86_400  # a datum that reaches further has a block for itself, so that no other block is long by it
_AT_ONCE = 100  # runs that are looked up, sensors that are changed
_NEVER_S = 1 << 62
_DAY_BITS = 24  # of a day's number, beside a sensor's id in one number


@dataclass(frozen=True, slots=True)
class Arrived:
    """Data that came and opened: columns of what their headers say and of what their readings are. `bodies` are these encoded."""

    sensor_ids: Ints
    epochs: Ints
    seqs: Ints
    ops: Ints
    counts: Ints
    times_s: Ints
    masks: Ints
    first_s: Ints  # of the dated readings; 0: there are none
    last_s: Ints
    undated: Ints
    bodies: list[bytes]

    @staticmethod
    def of(
        sensor_ids: Ints,
        epochs: Ints,
        seqs: Ints,
        ops: Ints,
        counts: Ints,
        times_s: Ints,
        groups: list[Alike],
        bodies: list[bytes],
    ) -> "Arrived":
        """Data by what their headers say and by their readings (columns.py), all of which decode."""
        masks, first_s, last_s, undated = np.zeros((4, len(bodies)), np.int64)
        for alike in groups:
            masks[alike.places] = alike.mask
            first_s[alike.places] = np.where(alike.times_s > 0, alike.times_s, _NEVER_S).min(axis=1)
            last_s[alike.places] = alike.times_s.max(axis=1)
            undated[alike.places] = (alike.times_s == 0).sum(axis=1)
        first_s[first_s == _NEVER_S] = 0
        return Arrived(sensor_ids, epochs, seqs, ops, counts, times_s, masks, first_s, last_s, undated, bodies)

    def content(self, place: int) -> Content:
        """What two data with the same id must have in common to be one."""
        return int(self.counts[place]), int(self.times_s[place]), self.bodies[place]


@dataclass(frozen=True, slots=True)
class New:
    """What is new of data that arrived: how many, their blocks (as `FIELDS` has them), and every (sensor id, day) they touch.

    `clones`: the places of those whose data id stands for other content; `uncompared`: of those whose data id is in a block that
    cannot be read any more. `seen`: by sensor, the quantities and length classes of what is new.
    """

    count: int
    clones: list[int]
    uncompared: list[int]
    blocks: list[tuple[Any, ...]]
    days: list[tuple[int, int]]
    seen: dict[int, tuple[int, int]]


class Held(NamedTuple):
    """A block as it is found by time; in order of it."""

    first_s: int
    epoch: int
    first_seq: int
    last_s: int
    last_seq: int
    mask: int
    readings: int
    stored_ms: int
    content: bytes
    sensor_id: int


def sections_of(held: Sequence[Held], mask: int = -1) -> list[tuple[int, blocks.Section]]:
    """The sections of blocks with a quantity in `mask`, each with its epoch. Raises DamagedError."""
    by_epoch: dict[int, list[tuple[bytes, int]]] = {}
    for block in held:
        by_epoch.setdefault(block.epoch, []).append((bytes(block.content), block.first_seq))
    try:
        return [(epoch, section) for epoch, some in by_epoch.items() for section in blocks.read_together(some, mask)]
    except TornBlockError:
        for block in held:
            read(block.sensor_id, block.epoch, block.first_seq, block.first_s, bytes(block.content), mask)
        raise


def read(
    sensor_id: int, epoch: int, first_seq: int, first_s: int, content: bytes, mask: int = -1
) -> list[blocks.Section]:
    """The sections of a block with a quantity in `mask`. Raises DamagedError, which names the sensor and the day."""
    try:
        return blocks.read(content, first_seq, mask)
    except TornBlockError:
        if not first_s:
            raise DamagedError("block-torn-undated", sensor_id=sensor_id, epoch=epoch, seq=first_seq) from None
        day = datetime.fromtimestamp(first_s, UTC).date().isoformat()
        raise DamagedError("block-torn", sensor_id=sensor_id, day=day) from None


def new_of(connection: Connection, arrived: Arrived, relay_id: int, now_ms: int, days: Days) -> New:
    """What is new of the data that a relay brought. In a transaction that has the sensors' rows locked."""
    if not arrived.bodies:
        return New(0, [], [], [], [], {})
    # The same id again stays in the order it came.
    order = np.lexsort((arrived.seqs, arrived.epochs, arrived.sensor_ids))
    known, clones, uncompared = _known(connection, arrived, order)
    order = order[~known]
    if not len(order):
        return New(0, clones, uncompared, [], [], {})
    rows = _rows(arrived, order, _runs(arrived, order, days), relay_id, now_ms)
    seen: dict[int, tuple[int, int]] = {}
    for sensor_id, _, _, _, level, _, _, mask, *_ in rows:
        masks, levels = seen.get(sensor_id, (0, 0))
        seen[sensor_id] = masks | mask, levels | (1 << level if level != UNDATED else 0)
    return New(len(order), clones, uncompared, rows, _days_in(arrived, order, days), seen)


def put(connection: Connection, new: New) -> None:
    """Stores what `new_of` found in the same transaction, whose sensors' rows say what it has seen. Raises StorageAwayError."""
    if not new.count:
        return
    insert(connection, new.blocks)
    mark(connection, new.days)


def mark(connection: Connection, some: list[tuple[int, int]]) -> None:
    """These days, each as (sensor id, day), are to be rolled up anew, and made compact: their readings are others than before.

    In the transaction that changed them, with the sensors' rows locked.
    """
    for table in ("stale", "loose"):
        connection.insert(table, "sensor_id, day", some)
    changed(connection, sorted({sensor_id for sensor_id, _ in some}))


def changed(connection: Connection, sensor_ids: list[int]) -> None:
    """What these sensors' readings said before holds no more (kept.py)."""
    for at in range(0, len(sensor_ids), _AT_ONCE):
        some = sensor_ids[at : at + _AT_ONCE]
        marks = ", ".join("?" for _ in some)
        connection.execute(f"UPDATE sensor SET changes = changes + 1 WHERE id IN ({marks})", some)  # noqa: S608  # nosec B608  # names of ours, values are bound


def tell(connection: Connection, seen: dict[int, tuple[int, int]]) -> None:
    """Has sensors' rows say that they have data of such (quantities, length classes), beside what they say already."""
    connection.executemany(
        "UPDATE sensor SET seen_mask = seen_mask | ?, levels = levels | ? WHERE id = ?",
        [(*both, sensor_id) for sensor_id, both in seen.items()],
    )


def insert(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Puts blocks in, all of them. Raises StorageAwayError if one is there, which nobody who locks the sensor sees: where data lie
    on other servers (shards.py), one may still be at the commit of a transaction whose lock is gone.
    """
    if connection.insert("block", FIELDS, rows) != len(rows):
        raise StorageAwayError


def _known(connection: Connection, arrived: Arrived, order: Ints) -> tuple[NDArray[np.bool_], list[int], list[int]]:
    """(which of the data in `order` are there already or come a second time, the places of those with other content, and of those

    whose block is torn).
    """
    sensor_ids, epochs, seqs = arrived.sensor_ids[order], arrived.epochs[order], arrived.seqs[order]
    other = (np.diff(sensor_ids) != 0) | (np.diff(epochs) != 0)
    known = np.zeros(len(order), bool)
    clones: list[int] = []
    uncompared: list[int] = []
    begins = [0, *(np.flatnonzero(other) + 1).tolist()]
    parts = {}
    for begin, end in pairwise([*begins, len(order)]):
        parts[int(sensor_ids[begin]), int(epochs[begin])] = begin, end
    wanted = [(*key, int(seqs[begin]), int(seqs[end - 1])) for key, (begin, end) in parts.items()]
    for sensor_id, epoch, first_seq, last_seq, cut, content in _overlapping(connection, wanted):
        begin, end = parts[sensor_id, epoch]
        low, high = (begin + np.searchsorted(seqs[begin:end], [first_seq, last_seq + 1])).tolist()
        known[low:high] = True
        if not cut and low < high:
            try:
                there = blocks.bodies_of(bytes(content), first_seq, range(int(seqs[low]), int(seqs[high - 1]) + 1))
            except TornBlockError:
                log.error("block-torn sensor=%d epoch=%d seq=%d; what came again is kept", sensor_id, epoch, first_seq)
                uncompared += order[low:high].tolist()
                continue
            clones += [
                place
                for place, seq in zip(order[low:high].tolist(), seqs[low:high].tolist(), strict=True)
                if arrived.content(place) != there[seq]
            ]
    again = np.flatnonzero(~other & (np.diff(seqs) == 0) & ~known[1:]) + 1
    for at in again.tolist():
        known[at] = True
        first = at - 1
        while known[first]:
            first -= 1
        if arrived.content(int(order[at])) != arrived.content(int(order[first])):
            clones.append(int(order[at]))
    return known, clones, uncompared


def _overlapping(connection: Connection, wanted: list[tuple[int, int, int, int]]) -> Iterator[tuple[Any, ...]]:
    """(sensor id, epoch, first seq, last seq, cut, content) of the blocks that have seqs of the (sensor id, epoch, first, last)."""
    at_once = 1 if connection.apart else _AT_ONCE
    for at in range(0, len(wanted), at_once):
        some = wanted[at : at + at_once]
        marks = ", ".join(["(?, ?, ?, ?)"] * len(some))
        yield from connection.execute(
            f"WITH wanted (sensor_id, epoch, first_seq, last_seq) AS (VALUES {marks}) "  # noqa: S608  # nosec B608  # names of ours, values are bound
            "SELECT block.sensor_id, block.epoch, block.first_seq, block.last_seq, block.cut, block.content "
            "FROM wanted CROSS JOIN block WHERE block.sensor_id = wanted.sensor_id AND block.epoch = wanted.epoch "
            "AND block.first_seq <= wanted.last_seq AND block.last_seq >= wanted.first_seq AND block.first_seq >= coalesce("
            "(SELECT max(before.first_seq) FROM block AS before WHERE before.sensor_id = wanted.sensor_id "
            "AND before.epoch = wanted.epoch AND before.first_seq <= wanted.first_seq), wanted.first_seq)",
            [number for one in some for number in one],
        ).fetchall()


def _runs(arrived: Arrived, order: Ints, days: Days) -> Ints:
    """Where in `order` blocks begin."""
    first_s, undated = arrived.first_s[order], arrived.undated[order] > 0
    alone = (arrived.last_s[order] - first_s >= LONG_S).astype(np.int64)
    alone *= np.arange(1, len(order) + 1)
    cut = np.ones(len(order), bool)
    cut[1:] = np.diff(arrived.seqs[order]) != 1
    # Of undated readings it is told how many there are of which quantities.
    apart = np.where(undated, arrived.masks[order], 0)
    for column in (arrived.sensor_ids[order], arrived.epochs[order], days.number(first_s), apart, alone):
        cut[1:] |= np.diff(column) != 0
    readings = np.cumsum(arrived.counts[order])
    starts = np.flatnonzero(cut)
    before = (readings - arrived.counts[order])[starts]
    full = (readings - np.repeat(before, np.diff(np.append(starts, len(order))))) // MOST_READINGS
    cut[1:] |= np.diff(full) > 0
    return np.flatnonzero(cut)


def _rows(arrived: Arrived, order: Ints, starts: Ints, relay_id: int, now_ms: int) -> list[tuple[Any, ...]]:
    """The blocks, as `FIELDS` has them."""
    ends = np.append(starts[1:], len(order))
    first_s = arrived.first_s[order]
    first_s = np.minimum.reduceat(np.where(first_s > 0, first_s, _NEVER_S), starts)
    first_s[first_s == _NEVER_S] = 0
    ops, counts = arrived.ops[order].astype("<u1"), arrived.counts[order].astype("<u1")
    times_s = arrived.times_s[order].astype("<u4")
    bodies = [arrived.bodies[place] for place in order.tolist()]
    columns = (
        starts, ends, arrived.sensor_ids[order][starts], arrived.epochs[order][starts], arrived.seqs[order][starts],
        first_s, np.maximum.reduceat(arrived.last_s[order], starts), np.bitwise_or.reduceat(arrived.masks[order], starts),
        np.add.reduceat(arrived.counts[order], starts), np.add.reduceat(arrived.undated[order], starts),
    )  # fmt: skip
    rows = []
    for begin, end, sensor_id, epoch, seq, first, last, mask, readings, undated in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        level = level_of(last - first) if first else UNDATED
        content = blocks.plain(
            relay_id, now_ms, ops[begin:end], counts[begin:end], times_s[begin:end], bodies[begin:end]
        )
        numbers = sensor_id, epoch, seq, seq + end - begin - 1, level, first, last, mask, readings, undated
        rows.append((*numbers, 0, 0, now_ms, content))
    return rows


def _days_in(arrived: Arrived, order: Ints, days: Days) -> list[tuple[int, int]]:
    """(sensor id, day) of every day in which the data have readings."""
    order = order[arrived.first_s[order] > 0]
    first, last = days.number(arrived.first_s[order]), days.number(arrived.last_s[order])
    sensor_ids = arrived.sensor_ids[order]
    pairs = [sensor_ids << _DAY_BITS | first, sensor_ids << _DAY_BITS | last]
    for place in order[last - first > 1].tolist():
        groups, _ = read_many([arrived.bodies[place]], arrived.counts[[place]], arrived.times_s[[place]])
        between = days.number(groups[0].times_s[groups[0].times_s > 0])
        pairs.append(arrived.sensor_ids[place] << _DAY_BITS | between)
    found = np.unique(np.concatenate(pairs))
    return list(zip((found >> _DAY_BITS).tolist(), (found & (1 << _DAY_BITS) - 1).tolist(), strict=True))


class Asked(NamedTuple):
    """Which of a sensor's blocks: those that may have readings with a quantity in `mask` in a span (`to_s` not included).

    Only such as have something that was stored since `since_ms`.
    """

    sensor_id: int
    mask: int
    from_s: int
    to_s: int
    since_ms: int = 0


def by_time(connection: Connection, asked: Asked, newest_first: bool = False) -> Iterator[Held]:
    """The blocks by their first reading's time. In one transaction, or some may be missed or come twice."""
    return of_levels(connection, levels_of(connection, asked.sensor_id), asked, newest_first)


def of_levels(connection: Connection, levels: list[int], asked: Asked, newest_first: bool = False) -> Iterator[Held]:
    """The same, of some length classes only."""
    if not levels:
        return
    way, order = ("<", " DESC") if newest_first else (">", "")
    ordered = f"ORDER BY first_s{order}, epoch{order}, first_seq{order}"
    where = "last_s >= :from_s AND first_s < :to_s AND mask & :mask != 0 AND stored_ms >= :since_ms"
    values = asked._asdict()
    values |= {f"before_{level}": max(0, asked.from_s - reach_s(level)) for level in levels}
    after, size = "", 3  # a span of less than a block lies in two; a third that is missing says that this is all
    while True:
        # The index gives each class in order; all together are one question to the database.
        parts = " UNION ALL ".join(
            f"SELECT {_HELD} FROM block WHERE sensor_id = :sensor_id AND level = {level} AND first_s > :before_{level} "  # noqa: S608  # nosec B608  # names of ours, values are bound
            f"AND {where} {after}"
            for level in levels
        )
        found = connection.execute(f"{parts} {ordered} LIMIT {size}", values).fetchall()
        yield from map(Held._make, found)
        if len(found) < size:
            return
        # What one asks for is mostly small; who reads on reads much.
        size = min(64, 4 * size)
        after = f"AND (first_s, epoch, first_seq) {way} (:last_first_s, :last_epoch, :last_first_seq)"
        values["last_first_s"], values["last_epoch"], values["last_first_seq"] = found[-1][:3]


def levels_of(connection: Connection, sensor_id: int) -> list[int]:
    """The length classes of the sensor's blocks."""
    (levels,) = connection.execute("SELECT levels FROM sensor WHERE id = ?", (sensor_id,)).fetchone() or (0,)
    return levels_in(levels)


class Ends(NamedTuple):
    """What a block says of itself without being read, in order of number; of one that was cut every quantity may be gone."""

    epoch: int
    first_seq: int
    last_seq: int
    first_s: int
    last_s: int
    mask: int


def ends_by_time(connection: Connection, sensor_id: int, from_s: int, to_s: int) -> list[Ends]:
    """The ends of the blocks of a span, in order of number."""
    parts = " UNION ALL ".join(
        "SELECT epoch, first_seq, last_seq, first_s, last_s, CASE WHEN cut = 0 THEN mask ELSE -1 END FROM block "  # noqa: S608  # nosec B608  # names of ours, values are bound
        f"WHERE sensor_id = :sensor AND level = {level} AND first_s > {max(0, from_s - reach_s(level))} AND first_s < :to_s "
        "AND last_s >= :from_s"
        for level in levels_of(connection, sensor_id)
    )
    if not parts:
        return []
    found = connection.execute(parts, {"sensor": sensor_id, "from_s": from_s, "to_s": to_s})
    return sorted(map(Ends._make, found.fetchall()))
