"""Energy and power of a sensor by intervals, as Green Button has them: between readings where these are open, else by period."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np

from ..rules.actor import Actor
from ..rules.errors import NotFoundError
from ..rules.periods import Resolution, end_of
from ..rules.scopes import Purpose, Segment, touching
from ..rules.units import codes_of
from ..rules.units import unit as unit_of
from ..store import timeline
from ..store.columns import Ints
from ..store.timeline import Span
from . import shared
from .curves import energy_of
from .exports import Export, exported
from .looks import Exporting
from .shared import SharedSensor
from .site import Site

NAMES = {"raw": Resolution.RAW, "quarter": Resolution.QUARTER, "hour": Resolution.HOUR} | {
    "day": Resolution.DAY,
    "month": Resolution.MONTH,
}
_UNITS = {resolution: name for name, resolution in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Block:
    """Intervals of one quantity by time: when each begins, how long it lasts (0: a moment), its energy in Wh or power in W."""

    code: int
    begins_s: Ints
    lasts_s: Ints
    values: Ints

    def __len__(self) -> int:
        return len(self.begins_s)


@dataclass(frozen=True, slots=True)
class Green:
    """A sensor's file: its name, its quantities, how finely, and the blocks."""

    name: str
    unit: str
    export: Export


def export(site: Site, actor: Actor, sensor_id: int, quantities: int, span: Span, unit: str | None) -> Green:
    """What a sensor's registers rose by in intervals that lie within a span, and its power at each moment.

    `unit`: one of NAMES; None: the finest that is open. Between readings an interval is from one to the next, but over none that is
    not open, and none in which a register went back; of periods there is energy only, of those that are over. Raises NotFoundError
    where nothing may be taken away. The parts raise it once they are not granted any more.
    """
    one = shared.granted(site, actor, sensor_id)
    mask = one.mask & quantities & _mask_of("Wh", "W")
    finest = min((each for each in NAMES.values() if one.opened.segments(-1, each, Purpose.EXPORT)), default=None)
    if finest is None:
        raise NotFoundError("sensor-not-shared", sensor_id=one.id)
    resolution = NAMES[unit] if unit else finest
    if resolution:
        mask &= _mask_of("Wh")
    segments = one.opened.segments(mask, resolution, Purpose.EXPORT, span.from_s, span.to_s)
    codes = codes_of(reduce(or_, (segment.mask for segment in segments), 0))
    seen = {one.id: touching(segments, -1)}
    begun = Exporting(site, actor, "green.export", f"sensor {one.id}", mask, (span.from_s, span.to_s), seen)
    if resolution:
        blocks = _by_period(site, one, span, codes, resolution)
    else:
        until = Span(span.from_s, span.to_s, until_ms=site.now_ms())
        blocks = _between_readings(site, one.id, until, segments)
    found = exported(site, actor, begun, codes, blocks, one.id, segments, resolution)
    return Green(one.name, _UNITS[resolution], found)


def _between_readings(site: Site, sensor_id: int, span: Span, segments: list[Segment]) -> Iterator[Block]:
    last: dict[int, tuple[int, int]] = {}  # of each register, its last reading, if the next one may be held against it
    reached_s = -1
    for segment in segments:
        last = {code: one for code, one in last.items() if segment.from_s == reached_s and segment.mask >> code & 1}
        reached_s = segment.to_s
        within = Span(segment.from_s, segment.to_s, until_ms=span.until_ms)
        for part in timeline.stream(site.archive, sensor_id, segment.mask, within):
            for row, code in enumerate(part.codes):
                times_s, values = part.times_s[part.has[row]], part.values[row][part.has[row]]
                if unit_of(code) == "W":
                    yield Block(code, times_s, np.zeros(len(times_s), np.int64), values)
                elif len(times_s):
                    block, last[code] = _rises(code, times_s, values, last.get(code))
                    yield block
    yield _none()


def _rises(code: int, times_s: Ints, values: Ints, before: tuple[int, int] | None) -> tuple[Block, tuple[int, int]]:
    """What a register rose by from reading to reading, and its last reading. Of readings of one second the first counts."""
    if before is not None:
        times_s, values = np.append(before[0], times_s), np.append(before[1], values)
    first = np.append(True, np.diff(times_s) > 0)
    times_s, values = times_s[first], values[first]
    rises = np.diff(values)
    forward = rises >= 0
    return Block(code, times_s[:-1][forward], np.diff(times_s)[forward], rises[forward]), (
        int(times_s[-1]),
        int(values[-1]),
    )


def _by_period(site: Site, one: SharedSensor, span: Span, codes: list[int], resolution: Resolution) -> Iterator[Block]:
    extent = shared.extent(site, one)
    if extent is None:
        yield _none()
        return
    days, last_s = site.days, min(span.to_s, extent[1] + 1)
    to_s = min(span.to_s, int(site.clock()))
    for code in codes:
        day = int(days.number(max(span.from_s, extent[0])))
        if resolution is Resolution.MONTH:
            day = max(0, day - days.date_of(day).day + 1)
        while day < len(days.starts_s) - 1 and days.starts_s[day] < last_s:
            last = min(_year_end(site, day), len(days.starts_s) - 2)
            found = energy_of(site, one, 1 << code, day, last, _UNITS[resolution], Purpose.EXPORT)
            ends_s = np.array([end_of(days, resolution, begin_s + 1) for begin_s in found.begins_s.tolist()], np.int64)
            whole = (found.begins_s >= span.from_s) & (ends_s <= to_s)
            values = np.array(found.rise, np.float64).astype(np.int64)
            yield Block(code, found.begins_s[whole], (ends_s - found.begins_s)[whole], values[whole])
            day = last + 1
    yield _none()


def _year_end(site: Site, day: int) -> int:
    """The last day of a day's year: no period is of two."""
    when = site.days.date_of(day)
    return day + (when.replace(month=12, day=31) - when).days


def _none() -> Block:
    none = np.zeros(0, np.int64)
    return Block(0, none, none, none)


def _mask_of(*units: str) -> int:
    return sum(1 << code for code in codes_of((1 << 40) - 1) if unit_of(code) in units)
