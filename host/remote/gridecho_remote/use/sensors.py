"""What a person sees of sensors: the list, one with its state, and its readings. What was not granted is as what is not there.

Each raises NotAllowedError for who is no person, and, of one sensor, NotFoundError. Quantities are masks of codes; of what is asked
for only what is granted is given.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from ..rules import units
from ..rules.actor import Actor
from ..rules.errors import DamagedError, RemoteError
from ..rules.periods import END_S
from ..rules.scopes import Purpose, Resolution, Segment, touching
from ..rules.units import codes_of
from ..store import holdings, orders, queries, timeline, undated
from ..store.curves import NO_ENERGY, UNITS, Energy
from ..store.readings import NO_EPOCH, Cursor, Item, Readings, joined
from ..store.timeline import MAX_PAGE, NOTHING, Span, Thinned
from . import looks, shared
from .curves import OF_UNIT, curve, energy_of
from .exports import Export, exported, require_export
from .imports import spans
from .looks import Exporting
from .shared import MAX_SENSORS, Overview, SharedSensor
from .site import Site

__all__ = (
    "MAX_PAGE",
    "MAX_SENSORS",
    "NO_EPOCH",
    "UNITS",
    "Energy",
    "Export",
    "Item",
    "Overview",
    "Readings",
    "SharedSensor",
    "Span",
    "Thinned",
)

UndatedCursor = undated.Cursor
MOST_ROUTES = 200  # in one answer
MOST_DAYS = {"quarter": 92, "hour": 366, "day": 3_660, "month": 36_600}  # in one answer


@dataclass(frozen=True, slots=True)
class Look:
    """All about a sensor but its readings: the times of the first and of the newest one, how many are undated, its own state.

    `energy`: by the code of a register, in which of UNITS anything of it is open. `live`: whether readings are told as they come.
    """

    overview: Overview
    extent: tuple[int, int] | None
    undated: int
    imported: list[tuple[int, int]]  # from, to (not included)
    state: dict[int, int]  # by quantity code
    export: bool  # whether anything may be taken away as a file
    energy: dict[int, list[str]]
    live: bool


@dataclass(frozen=True, slots=True)
class Gap(queries.Gap):
    """A hole in a sensor's numbering, and the relays that hold some of it."""

    held_by: list[int]


@dataclass(frozen=True, slots=True)
class Route:
    """A route that a sensor told of: when it took it (0: it had no time), and its relay's name for who has to do with it."""

    time_s: int
    relay_id: int
    relay_name: str | None
    rtt_us: int
    switched: bool  # from another relay; not: it started anew, or it is the first one that is told


def mine(site: Site, actor: Actor, after: int = -1, limit: int = MAX_SENSORS, name: str = "") -> list[SharedSensor]:
    """The sensors that were granted, by id, those after `after`, at most `limit`; with `name`, those that have it in their name."""
    actor.require_person()
    _noted_list(site, actor, after)
    return shared.sensors(site, actor, after, limit, name)


def some(site: Site, actor: Actor, sensor_ids: Iterable[int]) -> list[tuple[SharedSensor, dict[int, list[str]]]]:
    """Those of some sensors that were granted, in this order; of each by the code of a register in which of UNITS it is open."""
    actor.require_person()
    _noted_list(site, actor, -1)
    return [(one, _registers(one)) for one in shared.some(site, actor, sensor_ids)]


def overviews(site: Site, actor: Actor, after: int, limit: int) -> tuple[list[Overview], int | None]:
    """A page of these sensors with what is newest of each, and after which one the next page begins (None: there is no more)."""
    actor.require_person()
    found = shared.sensors(site, actor, after, limit + 1)
    now_s = site.clock()
    more = found[limit - 1].id if len(found) > limit else None
    shown = [shared.overview(site.archive, one, now_s) for one in found[:limit]]
    _noted_list(site, actor, after, {one.sensor.id: moments(one, now_s) for one in shown})
    return shown, more


def look(site: Site, actor: Actor, sensor_id: int) -> Look:
    """All about a sensor but its readings."""
    one = shared.granted(site, actor, sensor_id)
    overview = shared.overview(site.archive, one, site.clock())
    try:
        extent = shared.extent(site, one)
    except DamagedError as error:
        extent = shared.extent(site, one, rough=True)
        overview = replace(overview, damaged=error)
    seen = moments(overview, site.clock()) or ([(extent[1], extent[1] + 1)] if extent else [])
    looks.look(site, actor, "sensors.look", f"sensor {one.id}", one.mask, seen={one.id: seen})
    return Look(
        overview,
        extent,
        undated.count(site.archive, one.id, one.opened.timeless & one.mask),
        spans(site, one),
        orders.sensor_state(site.archive, one.id) if one.opened.technical else {},
        bool(one.opened.segments(-1, purpose=Purpose.EXPORT)),
        _registers(one),
        bool(one.opened.segments(one.mask, purpose=Purpose.LIVE)),
    )


def latest(site: Site, actor: Actor, sensor_id: int) -> Overview:
    """What was measured last, without which way it came."""
    one = shared.granted(site, actor, sensor_id)
    now_s = site.clock()
    overview = shared.overview(site.archive, one, now_s, whole=False)
    seen = {one.id: moments(overview, now_s)}
    looks.look(site, actor, "sensors.latest", f"sensor {one.id}", one.mask, seen=seen)
    return overview


def readings(
    site: Site, actor: Actor, sensor_id: int, quantities: int, span: Span, limit: int, after: Cursor | None
) -> tuple[Readings, Cursor | None]:
    """Up to `limit` readings by time, and where the next page begins (None: there is no more)."""
    one = shared.granted(site, actor, sensor_id)
    mask = one.mask & quantities
    found, more = _page(site, one, mask, span, limit, after)
    _noted(site, actor, "sensors.readings", one, mask, (span.from_s, span.to_s), Resolution.RAW, count=len(found))
    return found, more


def _page(
    site: Site, one: SharedSensor, mask: int, span: Span, limit: int, after: Cursor | None
) -> tuple[Readings, Cursor | None]:
    parts: list[Readings] = []
    left = limit
    for segment in one.opened.segments(mask, from_s=span.from_s, to_s=span.to_s):
        found, more = timeline.page(site.archive, one.id, segment.mask, _within(span, segment), max(1, left), after)
        if left == 0 and len(found):
            return joined(parts, codes_of(mask)), parts[-1].key(-1)
        parts += [found] if len(found) else []
        left -= len(found)
        if more:
            return joined(parts, codes_of(mask)), more
    return joined(parts, codes_of(mask)), None


def thinned(site: Site, actor: Actor, sensor_id: int, quantities: int, span: Span, points: int) -> Thinned:
    """About `points` readings of one quantity; where single ones are not open, the means of periods. Raises RemoteError for more.

    A register has no mean that says anything: of one only readings are given.
    """
    one = shared.granted(site, actor, sensor_id)
    mask = one.mask & quantities
    if mask.bit_count() > 1:
        raise RemoteError("query-points")
    if not mask:
        return NOTHING
    found = curve(site, one, mask.bit_length() - 1, span, points)
    within = span.from_s, span.to_s
    _noted(site, actor, "sensors.thinned", one, mask, within, Resolution.MONTH, count=len(found.items))
    return found


def export(site: Site, actor: Actor, sensor_id: int, quantities: int, span: Span) -> Export:
    """All readings of a span by time that are stored now. Their parts raise NotFoundError once they are not granted any more."""
    one = shared.granted(site, actor, sensor_id)
    require_export(one)
    span = replace(span, until_ms=site.now_ms())
    segments = one.opened.segments(one.mask & quantities, Resolution.RAW, Purpose.EXPORT, span.from_s, span.to_s)
    mask = reduce(or_, (segment.mask for segment in segments), 0)
    seen = {one.id: touching(segments, -1)}
    begun = Exporting(site, actor, "sensors.export", f"sensor {one.id}", mask, (span.from_s, span.to_s), seen)
    parts = _stream(site, one.id, span, segments, codes_of(mask))
    return exported(site, actor, begun, codes_of(mask), parts, one.id, segments)


def energy(site: Site, actor: Actor, sensor_id: int, quantities: int, first: date, last: date, unit: str) -> Energy:
    """What a register rose by between two days of the site's, both included, by one of UNITS. Raises RemoteError.

    Where not all is open, of the periods that are wholly open.
    """
    one = shared.granted(site, actor, sensor_id)
    if quantities.bit_count() != 1 or units.unit(quantities.bit_length() - 1) != "Wh":
        raise RemoteError("query-register")
    most = MOST_DAYS[unit]
    if not 0 <= (last - first).days < most:
        raise RemoteError("query-days", most=most)
    if not one.mask & quantities:
        return NO_ENERGY
    try:
        first_day, last_day = site.days.day_of(first), site.days.day_of(last)
    except ValueError:
        return NO_ENERGY
    within = int(site.days.starts_s[first_day]), int(site.days.starts_s[last_day + 1])
    _noted(site, actor, "sensors.energy", one, quantities, within, OF_UNIT[unit], by=unit)
    return energy_of(site, one, quantities, first_day, last_day, unit)


def undated_readings(
    site: Site, actor: Actor, sensor_id: int, quantities: int, limit: int, after: UndatedCursor | None
) -> tuple[Readings, UndatedCursor | None]:
    """Up to `limit` readings without a time by number, and where the next page begins (None: there is no more)."""
    one = shared.granted(site, actor, sensor_id)
    mask = one.mask & one.opened.timeless & quantities
    looks.look(site, actor, "sensors.undated_readings", f"sensor {one.id}", mask, seen={one.id: [_now(site)]})
    return undated.page(site.archive, one.id, mask, limit, after)


def undated_export(site: Site, actor: Actor, sensor_id: int, quantities: int) -> Export:
    """All readings without a time by number, as `export`."""
    one = shared.granted(site, actor, sensor_id)
    require_export(one)
    mask = one.mask & one.opened.timeless_export & quantities
    ever = [Segment(0, END_S, mask)] if mask else []
    begun = Exporting(site, actor, "sensors.undated_export", f"sensor {one.id}", mask, None, {one.id: [_now(site)]})
    parts = undated.stream(site.archive, one.id, mask, site.now_ms())
    return exported(site, actor, begun, codes_of(mask), parts, one.id, ever)


def gaps(site: Site, actor: Actor, sensor_id: int) -> list[Gap]:
    """The holes in the sensor's numbering, newest epoch first, 1,000 at most; of these what lies within open spans."""
    one = shared.granted(site, actor, sensor_id)
    seen = [_now(site)] if one.opened.technical else []
    looks.look(site, actor, "sensors.gaps", f"sensor {one.id}", seen={one.id: seen})
    if not one.opened.technical:
        return []
    found = queries.gaps(site.archive, one.id)
    if not one.opened.timeless:
        spans = touching(one.opened.segments(-1), -1)
        found = [gap for gap in found if any(_lies_within(gap, *span) for span in spans)]
    return [
        Gap(**asdict(gap), held_by=holdings.holders(site.archive, one.id, gap.epoch, gap.first_seq, gap.last_seq))
        for gap in found
    ]


def routes(site: Site, actor: Actor, sensor_id: int, limit: int) -> list[Route]:
    """The routes that the sensor told of, the newest first, at most `limit`; of these those of times that are open."""
    one = shared.granted(site, actor, sensor_id)
    seen = [_now(site)] if one.opened.technical else []
    looks.look(site, actor, "sensors.routes", f"sensor {one.id}", seen={one.id: seen})
    if not one.opened.technical:
        return []
    with site.archive.reading():
        found = queries.route_history(site.archive, one.id, limit + 1)
        names = {each: queries.known_relay(site.archive, one.id, each) for each in {each.relay_id for each in found}}
    if not one.opened.timeless:
        spans = touching(one.opened.segments(-1), -1)
        found = [each for each in found if any(from_s <= each.time_s < to_s for from_s, to_s in spans)]
    before = [*found[1:], None]
    return [
        Route(
            new.time_s, new.relay_id, names[new.relay_id], new.rtt_us, old is not None and old.relay_id != new.relay_id
        )
        for new, old in zip(found[:limit], before, strict=False)
    ]


def _registers(one: SharedSensor) -> dict[int, list[str]]:
    """By the code of a register, in which of UNITS anything of it is open."""
    registers = [code for code in one.codes if units.unit(code) == "Wh"]
    return {code: [unit for unit in UNITS if one.opened.segments(1 << code, OF_UNIT[unit])] for code in registers}


def _noted(
    site: Site,
    actor: Actor,
    what: str,
    one: SharedSensor,
    mask: int,
    span: tuple[int, int],
    fine: Resolution,
    **fields: object,
) -> None:
    """A look at quantities within a span; of it, at what is open so finely."""
    from_s, to_s = looks.whole_hours(span)
    seen = touching(one.opened.segments(mask, fine, from_s=from_s, to_s=to_s), mask)
    looks.look(site, actor, what, f"sensor {one.id}", mask, span, {one.id: seen}, **fields)


def _noted_list(site: Site, actor: Actor, after: int, seen: looks.Seen | None = None) -> None:
    page: dict[str, Any] = {"after": after} if after >= 0 else {}
    looks.look(site, actor, "sensors.mine", "sensors", seen=seen or {}, **page)


def moments(overview: Overview, now_s: float) -> list[tuple[int, int]]:
    """Of when it is what an overview says."""
    times = [overview.latest.time_s] if overview.latest else []
    times += [int(now_s)] if overview.sensor.opened.technical else []
    return [(time_s, time_s + 1) for time_s in times]


def _now(site: Site) -> tuple[int, int]:
    now_s = int(site.clock())
    return now_s, now_s + 1


def _lies_within(gap: queries.Gap, from_s: int, to_s: int) -> bool:
    return gap.after_s is not None and gap.before_s is not None and from_s <= gap.after_s and gap.before_s < to_s


def _within(span: Span, segment: Segment) -> Span:
    return replace(span, from_s=segment.from_s, to_s=segment.to_s)


def _stream(site: Site, sensor_id: int, span: Span, segments: list[Segment], codes: list[int]) -> Iterator[Readings]:
    """All readings of segments, in parts that have the same quantities; one at least, that may be empty."""
    for segment in segments:
        for part in timeline.stream(site.archive, sensor_id, segment.mask, _within(span, segment)):
            yield joined([part], codes)
    if not segments:
        yield joined([], codes)
