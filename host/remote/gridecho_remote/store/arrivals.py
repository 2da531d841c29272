"""What has come of some sensors: the runs that are there, the new data among them, and what came since a moment.

Looked at again and again, so the first reads an index only; what is in blocks is read of those with anything new.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..rules.arrivals import Run
from ..rules.levels import levels_in, reach_s
from ..rules.periods import END_S
from ..rules.scopes import Segment
from ..rules.units import codes_of
from . import data
from .blocks import Section
from .data import Asked, Held
from .engine import Connection
from .readings import Readings, joined, readings_of

_AT_ONCE = 500  # sensors of a question
_BLOCKS_AT_ONCE = 100
_HELD = "first_s, epoch, first_seq, last_s, last_seq, mask, readings, stored_ms, content, sensor_id"

Parts = list[tuple[int, Section]]  # data of a sensor, each section with its epoch


def runs(connection: Connection, sensor_ids: Sequence[int], from_s: int) -> dict[int, set[Run]]:
    """The runs of each sensor's data that reach to `from_s` or beyond it."""
    found: dict[int, set[Run]] = {sensor_id: set() for sensor_id in sensor_ids}
    for at in range(0, len(sensor_ids), _AT_ONCE):
        some = tuple(sensor_ids[at : at + _AT_ONCE])
        marks = ", ".join("?" * len(some))
        levels = 0
        for (one,) in connection.execute(f"SELECT DISTINCT levels FROM sensor WHERE id IN ({marks})", some).fetchall():  # noqa: S608  # nosec B608  # marks only
            levels |= one
        for level in levels_in(levels):
            query = (
                f"SELECT sensor_id, epoch, first_seq, last_seq FROM block WHERE sensor_id IN ({marks}) AND level = ? "  # noqa: S608  # nosec B608  # marks only
                "AND first_s > ? AND last_s >= ?"
            )
            for sensor_id, *run in connection.execute(
                query, (*some, level, from_s - reach_s(level), from_s)
            ).fetchall():
                found[sensor_id].add(tuple(run))
    return found


def blocks(connection: Connection, keys: Sequence[tuple[int, int, int]]) -> list[Held]:
    """The blocks with these sensors, epochs and first seqs."""
    found: list[Held] = []
    at_once = 1 if connection.apart else _BLOCKS_AT_ONCE
    for at in range(0, len(keys), at_once):
        some = keys[at : at + at_once]
        where = " OR ".join(["(sensor_id = ? AND epoch = ? AND first_seq = ?)"] * len(some))
        query = f"SELECT {_HELD} FROM block WHERE {where}"  # noqa: S608  # nosec B608  # names of ours, values are bound
        found += map(Held._make, connection.execute(query, tuple(chain.from_iterable(some))).fetchall())
    return found


def since(connection: Connection, sensor_id: int, from_s: int, stored_ms: int) -> list[Held]:
    """The blocks of a sensor from a time on of which anything was stored since then."""
    return list(data.by_time(connection, Asked(sensor_id, -1, max(1, from_s), END_S, stored_ms)))


def readings(
    held: Sequence[Held],
    segments: Sequence[Segment],
    from_s: int,
    only: Iterable[Run] | None = None,
    but: Iterable[Run] = (),
    stored_ms: int = 0,
) -> Readings:
    """What segments open of a sensor's blocks from a time on: of `only` these runs, without those of `but`, stored since then."""
    parts = []
    for one in segments:
        there = [
            (epoch, _chosen(epoch, section, only, but, stored_ms))
            for epoch, section in data.sections_of(held, one.mask)
        ]
        found = readings_of(there, one.mask, max(1, from_s, one.from_s), one.to_s)
        if len(found):
            parts.append(found)
    mask = 0
    for one in segments:
        mask |= one.mask
    return joined(parts, codes_of(mask))


def _chosen(epoch: int, section: Section, only: Iterable[Run] | None, but: Iterable[Run], stored_ms: int) -> Section:
    chosen = section.stored_ms >= stored_ms
    if only is not None:
        chosen &= _within(epoch, section, only)
    return section.only(chosen & ~_within(epoch, section, but))


def _within(epoch: int, section: Section, some: Iterable[Run]) -> NDArray[np.bool_]:
    found = np.zeros(len(section.seqs), bool)
    for other, first, last in some:
        if other == epoch:
            found |= (section.seqs >= first) & (section.seqs <= last)
    return found


def runs_of(found: Readings) -> list[Run]:
    """The runs that readings are of."""
    ids = sorted(set(zip(found.epochs.tolist(), found.seqs.tolist(), strict=True)))
    made: list[Run] = []
    for epoch, seq in ids:
        if made and made[-1][0] == epoch and made[-1][2] + 1 == seq:
            made[-1] = epoch, made[-1][1], seq
        else:
            made.append((epoch, seq, seq))
    return made
