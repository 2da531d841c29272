"""Sums over the sensors of regions that were given to somebody, and the classes that they leave (rules/smallest_group.py).

What was given once is kept: asked for again it is the same, whatever came late or moved meanwhile. So no difference between two
answers tells what one sensor's late reading was.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..rules.smallest_group import UNTOLD
from .columns import Ints
from .engine import Connection

_MOST_TOLD = 100
_NO_CLASSES = np.zeros((2, 0), np.int64)


@dataclass(frozen=True, slots=True)
class Place:
    """Which sensors: those of a region and of the regions in it; of a category, or of all ("")."""

    region: str
    category: str


@dataclass(frozen=True, slots=True)
class Given:
    """A sum of a day that was given: of how many sensors, and what their registers rose by together, in Wh."""

    sensors: int
    wh: int


class Told(NamedTuple):
    """Sums over a region, of a category ("": all), that a user was given: of how many days, and from which to which."""

    user_id: int
    code: int
    region: str
    category: str
    first_day: int
    last_day: int
    days: int


def given(
    connection: Connection, user_id: int, code: int, place: Place, first_day: int, last_day: int
) -> dict[int, Given]:
    """The sums of a place that somebody was given, by day."""
    rows = connection.execute(
        "SELECT day, sensors, wh FROM given_sum WHERE user_id = ? AND code = ? AND day BETWEEN ? AND ? "
        "AND region = ? AND category = ?",
        (user_id, code, first_day, last_day, place.region, place.category),
    ).fetchall()
    return {day: Given(sensors, wh) for day, sensors, wh in rows}


def classes(connection: Connection, user_id: int, code: int, first_day: int, last_day: int) -> dict[int, Ints]:
    """By day: (2, sensors that are in a sum which somebody was given): their ids in order, the class of each."""
    rows = connection.execute(
        "SELECT day, classes FROM given_classes WHERE user_id = ? AND code = ? AND day BETWEEN ? AND ?",
        (user_id, code, first_day, last_day),
    ).fetchall()
    return {
        day: np.frombuffer(zlib.decompress(content), "<u4").astype(np.int64).reshape(2, -1) for day, content in rows
    }


def spread(known: Ints | None, sensor_ids: Ints) -> tuple[Ints, Ints]:
    """(the ids of the classes known and of others, in order; the class of each)."""
    known = _NO_CLASSES if known is None else known
    every = np.union1d(known[0], sensor_ids)
    found = np.full(len(every), UNTOLD)
    found[np.searchsorted(every, known[0])] = known[1]
    return every, found


def given_of(
    connection: Connection, sensor_id: int, regions: Iterable[str], category: str, first_day: int, last_day: int
) -> list[Told]:
    """Sums of days in which a sensor was counted, whose regions and category these are: who was given them, the last first.

    Whether it was is looked at for the first and the last day of each; 100 at most.
    """
    named = sorted(regions)
    rows = connection.execute(
        "SELECT user_id, code, region, category, MIN(day), MAX(day), COUNT(*) FROM given_sum "  # noqa: S608  # nosec B608  # values are bound
        f"WHERE region IN ({', '.join('?' * len(named))}) AND category IN ('', ?) AND day BETWEEN ? AND ? "
        "GROUP BY user_id, code, region, category ORDER BY MAX(day) DESC, user_id, code, region, category LIMIT ?",
        (*named, category, first_day, last_day, _MOST_TOLD),
    ).fetchall()
    found = map(Told._make, rows)
    return [
        one for one in found if any(_counts(connection, one, day, sensor_id) for day in {one.first_day, one.last_day})
    ]


def _counts(connection: Connection, one: Told, day: int, sensor_id: int) -> bool:
    there = classes(connection, one.user_id, one.code, day, day).get(day)
    return there is not None and bool(np.isin(sensor_id, there[0]))


def keep(connection: Connection, user_id: int, code: int, place: Place, day: int, sum_: Given) -> None:
    """Somebody is given a sum."""
    connection.insert(
        "given_sum",
        "user_id, code, day, region, category, sensors, wh",
        [(user_id, code, day, place.region, place.category, sum_.sensors, sum_.wh)],
    )


def keep_classes(connection: Connection, user_id: int, code: int, day: int, every: Ints, found: Ints) -> None:
    """The classes after a sum was given."""
    told = found != UNTOLD
    content = zlib.compress(np.stack([every[told], found[told]]).astype("<u4").tobytes())
    connection.execute("DELETE FROM given_classes WHERE user_id = ? AND code = ? AND day = ?", (user_id, code, day))
    connection.insert("given_classes", "user_id, code, day, classes", [(user_id, code, day, content)])
