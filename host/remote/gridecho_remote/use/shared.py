"""What one user may see of the remote: every page, API answer and export asks here, and grants are read at each request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from gridecho.quantities import POWER_EXPORT, POWER_IMPORT

from ..rules import scopes
from ..rules.actor import Actor
from ..rules.errors import DamagedError, NotFoundError
from ..rules.periods import begin_of
from ..rules.scopes import Opened, Place, Scope, Segment
from ..rules.units import codes_of
from ..store import grants, queries, timeline, tokens
from ..store.database import Archive
from ..store.enrol import SensorInfo
from ..store.readings import Item
from ..store.timeline import Span
from .site import Site

MAX_SENSORS = 500
MOST_ID = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class SharedSensor:
    """A sensor that the user may see, what is open of it, and the quantities of which that is anything that was sent, as a mask."""

    id: int
    name: str
    region: str
    category: str
    opened: Opened
    mask: int

    @property
    def codes(self) -> list[int]:
        """The quantity codes in the mask."""
        return codes_of(self.mask)

    @property
    def segments(self) -> list[Segment]:
        """Where single readings are open, of which quantities."""
        return self.opened.segments(self.mask)


@dataclass(frozen=True, slots=True)
class Overview:
    """A sensor with what is newest of it. `power_w` is drawn less fed in, of what the user may see.

    `ahead_until_s`: up to when readings lie ahead of now; None: none do. `damaged`: what is newest cannot be read, for this reason.
    """

    sensor: SharedSensor
    latest: Item | None
    power_w: int | None
    ahead_until_s: int | None
    route: queries.RouteInfo | None
    relay_name: str | None
    damaged: DamagedError | None = None


def scopes_of(site: Site, actor: Actor) -> tuple[list[Scope], Scope | None]:
    """What is open to who asks: the scopes of a person, and the part of it that their token is for, if they come with one."""
    if actor.by is None:
        return grants.scopes_of(site.archive, actor.id), None
    find = grants.scopes_of if actor.by.consent is None else grants.scopes_of_subject
    return find(site.archive, actor.id), actor.by.part


def holds(site: Site, actor: Actor) -> bool:
    """Whether a token with which somebody came is good still."""
    return actor.by is None or tokens.holds(site.archive, actor.by.token, site.clock())


def opened(site: Site, actor: Actor, sensor_id: int) -> tuple[SensorInfo, int, Opened] | None:
    """A sensor, all quantities that it ever sent, and what is open of it; None alike for one that is not granted, and for none."""
    return _opened(site, *scopes_of(site, actor), sensor_id)


def _opened(site: Site, held: list[Scope], part: Scope | None, sensor_id: int) -> tuple[SensorInfo, int, Opened] | None:
    found = grants.candidate(site.archive, sensor_id)
    if found is None:
        return None
    info, seen = found
    labels = grants.labels(site.archive, sensor_id, held if part is None else [*held, part])
    place = Place(info.id, info.region, info.category, labels)
    open_ = scopes.opened(held, place, site.clock(), site.days, part)
    return (info, seen, open_) if open_ else None


def sensor(site: Site, actor: Actor, sensor_id: int) -> SharedSensor | None:
    """The sensor, or None alike for one that is not granted and one that does not exist."""
    found = opened(site, actor, sensor_id)
    return None if found is None else _shared(site, *found)


def granted(site: Site, actor: Actor, sensor_id: int) -> SharedSensor:
    """The sensor, for a person. Raises NotAllowedError, and NotFoundError alike for one that is not granted and for none."""
    actor.require_person()
    one = sensor(site, actor, sensor_id) if sensor_id <= MOST_ID else None
    if one is None:
        raise NotFoundError("sensor-not-shared", sensor_id=sensor_id)
    return one


def sensors(site: Site, actor: Actor, after: int = -1, limit: int = MAX_SENSORS, name: str = "") -> list[SharedSensor]:
    """The sensors of who asks by id, those after `after`, at most `limit`; with `name`, those that have it in their name."""
    return list(islice(_sensors(site, actor, after, name), limit))


def some(site: Site, actor: Actor, sensor_ids: Iterable[int]) -> list[SharedSensor]:
    """Those of some sensors that who asks may see, in the order in which they are named."""
    held, part = scopes_of(site, actor)
    found = (_opened(site, held, part, sensor_id) for sensor_id in sensor_ids)
    return [_shared(site, *one) for one in found if one is not None]


def _sensors(site: Site, actor: Actor, after: int, name: str) -> Iterator[SharedSensor]:
    now_s = site.clock()
    every, part = scopes_of(site, actor)
    held = scopes.held(every, now_s)
    # The database narrows to sensors that some scope's selectors name; the rule alone decides.
    open_ = scopes.opened((), Place(0, "", ""), now_s, site.days, part)
    for info, seen, labels in grants.candidates(site.archive, held, after, part, name):
        found = scopes.matching(held, Place(info.id, info.region, info.category, labels), part)
        if found != open_.scopes:  # mostly the same for all
            open_ = replace(open_, scopes=found)
        if found:
            yield _shared(site, info, seen, open_)


def _shared(site: Site, info: SensorInfo, seen: int, open_: Opened) -> SharedSensor:
    mask = open_.timeless & seen
    rest = open_.mask & seen & ~mask if mask != seen else 0
    for resolution in open_.resolutions if rest else ():
        for from_s, to_s, there in open_.segments(rest & ~mask, resolution):
            mask |= timeline.seen(site.archive, site.days, info.id, there & ~mask, Span(from_s, to_s))
    return SharedSensor(info.id, info.name, info.region, info.category, open_, mask)


def overview(archive: Archive, shared: SharedSensor, now_s: float, whole: bool = True) -> Overview:
    """What the list and the sensor's page say about it; if not `whole`, only what was measured."""
    with archive.reading():  # one transaction for all that follows
        return _overview(archive, shared, now_s, whole)


def _overview(archive: Archive, shared: SharedSensor, now_s: float, whole: bool) -> Overview:
    route = name = ahead_until_s = None
    if whole and shared.opened.technical:
        route = queries.route(archive, shared.id)
        # A sensor tells of any relay; a name is for who has to do with it.
        name = queries.known_relay(archive, shared.id, route.relay_id) if route else None
        ahead_until_s = timeline.ahead_until(archive, shared.id, now_s)
    quiet = Overview(shared, None, None, ahead_until_s, route, name)
    segments = shared.segments
    try:
        latest = newest(archive, shared.id, segments, now_s)
        return replace(quiet, latest=latest, power_w=_net_power(archive, shared.id, segments, now_s, latest))
    except DamagedError as error:
        return replace(quiet, damaged=error)


def newest(archive: Archive, sensor_id: int, segments: list[Segment], now_s: float, mask: int = -1) -> Item | None:
    """The newest reading in segments that has a quantity of `mask` and does not lie ahead of now."""
    for from_s, to_s, there in reversed(segments):
        item = timeline.latest(archive, sensor_id, there & mask, now_s, Span(from_s, to_s))
        if item is not None:
            return item
    return None


def extent(site: Site, shared: SharedSensor, rough: bool = False) -> tuple[int, int] | None:
    """The times of the first and of the newest reading that are open; of what is coarser than raw, the begins of their periods.

    `rough`: within some readings, and without reading any. Raises DamagedError if not.
    """
    find = timeline.reach if rough else timeline.extent
    found: list[int] = []
    for resolution in shared.opened.resolutions:
        segments = shared.opened.segments(shared.mask, resolution)
        ends = [find(site.archive, shared.id, mask, site.clock(), Span(*span)) for *span, mask in segments]
        found += [begin_of(site.days, resolution, end_s) for end in ends if end for end_s in end]
    return (min(found), max(found)) if found else None


def _net_power(
    archive: Archive, sensor_id: int, segments: list[Segment], now_s: float, latest: Item | None
) -> int | None:
    """Drawn less fed in; some meters tell one at a time, and the other only when it is not 0. `latest`: of any quantity."""
    found = []
    for code, sign in ((POWER_IMPORT, 1), (POWER_EXPORT, -1)):
        told = latest is not None and code in latest.values
        item = latest if told else newest(archive, sensor_id, segments, now_s, 1 << code)
        if item:
            found.append((item[:4], sign * item.values[code]))
    if not found:
        return None
    (older, older_w), (newer, newer_w) = min(found), max(found)
    if older == newer and len(found) == 2:
        return sum(power_w for _, power_w in found)
    return newer_w or older_w
