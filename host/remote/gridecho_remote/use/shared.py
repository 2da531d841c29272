"""What one user may see of the remote: every page, API answer and export asks here, and grants are read at each request."""

from dataclasses import dataclass
from itertools import islice

from gridecho.quantities import POWER_EXPORT, POWER_IMPORT

from ..rules import access
from ..rules.access import Place, Terms
from ..rules.errors import DamagedError
from ..rules.units import codes_of
from ..store import enrol, grants, queries, timeline
from ..store.database import Archive
from ..store.readings import Item

MAX_SENSORS = 500


@dataclass(frozen=True, slots=True)
class SharedSensor:
    """A sensor that the user may see, and the mask of quantities of it that are open to them and were ever sent."""

    id: int
    name: str
    region: str
    category: str
    mask: int

    @property
    def codes(self) -> list[int]:
        """The quantity codes in the mask."""
        return codes_of(self.mask)


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


def sensor(archive: Archive, user: int, sensor_id: int, now_s: float) -> SharedSensor | None:
    """The sensor, or None alike for one that is not granted and one that does not exist."""
    found = grants.candidate(archive, sensor_id)
    return None if found is None else _opened(grants.terms_of(archive, user), *found, now_s)


def sensors(archive: Archive, user: int, now_s: float, after: int = -1, limit: int = MAX_SENSORS) -> list[SharedSensor]:
    """The user's sensors by id, those after `after`, at most `limit`."""
    terms = grants.terms_of(archive, user)
    # The database narrows to sensors that some grant's selectors name; access.opened alone decides.
    found = (_opened(terms, info, seen, now_s) for info, seen in grants.candidates(archive, terms, after))
    return list(islice(filter(None, found), limit))


def overview(archive: Archive, shared: SharedSensor, now_s: float) -> Overview:
    """What the list and the sensor's page say about it."""
    route = queries.route(archive, shared.id)
    # A sensor tells of any relay; a name is for who has to do with it.
    name = queries.known_relay(archive, shared.id, route.relay_id) if route else None
    ahead_until_s = timeline.ahead_until(archive, shared.id, now_s)
    try:
        latest = timeline.latest(archive, shared.id, shared.mask, now_s)
        return Overview(shared, latest, _net_power(archive, shared, now_s), ahead_until_s, route, name)
    except DamagedError as error:
        return Overview(shared, None, None, ahead_until_s, route, name, error)


def _net_power(archive: Archive, shared: SharedSensor, now_s: float) -> int | None:
    """Drawn less fed in; some meters tell one at a time, and the other only when it is not 0."""
    found = []
    for code, sign in ((POWER_IMPORT, 1), (POWER_EXPORT, -1)):
        item = timeline.latest(archive, shared.id, shared.mask & 1 << code, now_s)
        if item:
            found.append((item[:4], sign * item.values[code]))
    if not found:
        return None
    (older, older_w), (newer, newer_w) = min(found), max(found)
    if older == newer and len(found) == 2:
        return sum(power_w for _, power_w in found)
    return newer_w or older_w


def _opened(terms: list[Terms], info: enrol.SensorInfo, seen: int, now_s: float) -> SharedSensor | None:
    mask = access.opened(terms, Place(info.id, info.region, info.category), now_s)
    return SharedSensor(info.id, info.name, info.region, info.category, mask & seen) if mask else None
