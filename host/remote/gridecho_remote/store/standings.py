"""All sensors at once, as their rollups know them: for lists and sums over as many as there are.

What arrives is in a rollup within a minute, so what this says of a moment is as old as that at most. One statement reads it; of a
large remote it is kept for some seconds, and made anew beside those who ask.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock, Thread
from typing import Any

import numpy as np
from gridecho.quantities import ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT
from numpy.typing import NDArray

from ..rules.days import Days
from ..rules.scopes import METERED
from . import rollups
from .columns import Ints, codes_in
from .database import Archive
from .engine import Connection
from .timeline import AHEAD_S

_POWERS = (POWER_IMPORT, POWER_EXPORT)
_KEPT_S, _OLD_S = 10.0, 60.0  # made anew beside who asks; before anybody is answered
_NOT_KEPT = 1_000  # sensors of a remote that are read each time
# The newest day of each sensor. Kept apart, so that no engine joins all days that there are.
_NEWEST = (
    "WITH newest AS MATERIALIZED (SELECT id, (SELECT max(day) FROM day_rollup AS one WHERE one.sensor_id = sensor.id "
    "AND one.day <= ?) AS day FROM sensor) "
    "SELECT kept.sensor_id, kept.day, kept.mask, kept.stats FROM newest CROSS JOIN day_rollup AS kept "
    "WHERE kept.sensor_id = newest.id AND kept.day = newest.day"
)
_OF_SHARDS = "SELECT sensor_id, day, mask, stats FROM day_rollup WHERE day BETWEEN ? AND ? ORDER BY sensor_id, day"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standings:
    """Sensors by id, a place in each array for one. `place`: which of `places`, (region, category), it is at.

    `last_s`: by quantity, when its newest reading was made (0: none is known); `power_w`: the newest of both powers; `rise_wh`:
    what was imported today. `undated`: the quantities of readings without a time.
    """

    ids: Ints
    names: list[str]
    places: list[tuple[str, str]]
    place: Ints
    last_s: dict[int, Ints]
    power_w: dict[int, Ints]
    rise_wh: Floats
    undated: Ints

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def words(self) -> list[str]:
        """In which a sensor is looked for."""
        regions = [region for region, _ in self.places]
        parts = zip(self.names, self.place.tolist(), self.ids.tolist(), strict=True)
        return [f"{name}\n{regions[place]}\n{number}".casefold() for name, place, number in parts]

    @cached_property
    def by_name(self) -> Ints:
        """Of each sensor, which one it is by name."""
        return _ranks([name.casefold() for name in self.names])

    @cached_property
    def by_region(self) -> Ints:
        """The same by region, and within a region by name."""
        order = sorted(range(len(self.places)), key=lambda n: self.places[n][0])
        rank, before = np.zeros(len(self.places), np.int64), None
        for n, place in enumerate(order):
            region = self.places[place][0]
            rank[place] = rank[order[n - 1]] if region == before else n
            before = region
        return rank[self.place] * max(1, len(self)) + self.by_name


class Kept:
    """What is known of all sensors of one database; any thread may use it."""

    def __init__(self) -> None:
        self._made: tuple[Standings, float] | None = None  # and when
        self._making = Lock()

    def of_all(self, archive: Archive, days: Days, clock: Callable[[], float]) -> Standings:
        """Of every sensor; where there are many, some seconds ago."""
        made = self._made
        if made is None and count(archive) <= _NOT_KEPT:
            return of_all(archive, days, clock())
        age_s = time.monotonic() - made[1] if made else _OLD_S
        if made is None or age_s >= _OLD_S:
            with self._making:
                if self._made is None or self._made is made:  # else somebody made it while this one waited
                    self._made = _ordered(of_all(archive, days, clock())), time.monotonic()
                return self._made[0]
        if age_s >= _KEPT_S and self._making.acquire(blocking=False):
            Thread(target=self._anew, args=(archive, days, clock), name="standings", daemon=True).start()
        return made[0]

    def _anew(self, archive: Archive, days: Days, clock: Callable[[], float]) -> None:
        try:
            with suppress(*archive.engine.errors):  # who asks when it is old is told
                self._made = _ordered(of_all(archive, days, clock())), time.monotonic()
        finally:
            self._making.release()
            archive.give_back()


def count(archive: Archive) -> int:
    """How many sensors there are."""
    found: int = archive.connection().execute("SELECT count(*) FROM sensor").fetchone()[0]
    return found


def of_all(archive: Archive, days: Days, now_s: float) -> Standings:
    """Of every sensor, as its rollups say."""
    today = int(days.number(int(now_s)))
    with archive.reading() as connection:
        found = of_these(connection.execute("SELECT id, name, region, category FROM sensor ORDER BY id").fetchall())
        if connection.apart:
            rows = connection.execute(_OF_SHARDS, (today - 1, today)).fetchall()
        else:
            rows = connection.execute(_NEWEST, (today,)).fetchall()
        _mark_undated(connection, found)
    _fill(found, rows, today, int(now_s) + AHEAD_S)
    return found


def of_these(sensors: Sequence[tuple[int, str, str, str]]) -> Standings:
    """Of some (id, name, region, category), by id; nothing is known of their readings."""
    numbers: dict[tuple[str, str], int] = {}
    place = [numbers.setdefault((region, category), len(numbers)) for _, _, region, category in sensors]
    return Standings(
        np.array([one[0] for one in sensors], np.int64),
        [one[1] for one in sensors],
        list(numbers),
        np.array(place, np.int64),
        {},
        {code: np.zeros(len(sensors), np.int64) for code in _POWERS},
        np.full(len(sensors), np.nan),
        np.zeros(len(sensors), np.int64),
    )


def labelled(archive: Archive, labels: Iterable[str]) -> dict[int, frozenset[str]]:
    """The sensors that have one of these labels, and which of them."""
    named = sorted(set(labels))
    if not named:
        return {}
    marks = ", ".join("?" for _ in named)
    rows = archive.connection().execute(f"SELECT sensor_id, label FROM label WHERE label IN ({marks})", named)  # noqa: S608  # nosec B608  # values are bound
    found: dict[int, set[str]] = defaultdict(set)
    for sensor_id, label in rows:
        found[sensor_id].add(label)
    return {sensor_id: frozenset(some) for sensor_id, some in found.items()}


def _ordered(made: Standings) -> Standings:
    """The same, with what is made of it when it is first asked for: nobody waits for that then."""
    _ = made.words, made.by_region  # and with that by name
    return made


def _mark_undated(connection: Connection, found: Standings) -> None:
    rows = connection.execute("SELECT DISTINCT sensor_id, mask FROM block WHERE undated > 0").fetchall()
    ids, masks = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
    np.bitwise_or.at(found.undated, np.searchsorted(found.ids, ids), masks & METERED)


def _fill(found: Standings, rows: Sequence[tuple[int, int, int, bytes]], today: int, until_s: int) -> None:
    """Takes in the days of sensors (id, day, mask, stats), of a sensor's the newest last."""
    by_mask: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_mask[row[2]].append(row)
    for mask, some in by_mask.items():
        at = np.searchsorted(found.ids, [row[0] for row in some])
        of_today = np.array([row[1] for row in some], np.int64) == today
        for code in codes_in(mask & METERED):
            stats = rollups.one_of_each(some, code)
            last_s = np.where(stats["last_s"] <= until_s, stats["last_s"], 0)
            kept = found.last_s.setdefault(code, np.zeros(len(found), np.int64))
            newer = last_s > kept[at]
            kept[at[newer]] = last_s[newer]
            if code in _POWERS:
                found.power_w[code][at[newer]] = stats["last"][newer]
            if code == ENERGY_IMPORT:
                found.rise_wh[at[of_today]] = stats["rise"][of_today]


def _ranks(keys: list[str]) -> Ints:
    ranks = np.zeros(len(keys), np.int64)
    ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return ranks
