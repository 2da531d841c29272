"""The fleet as who runs it sees it: ways of sensors to relays, orders, firmware, what is set aside. No readings, of nobody."""

from dataclasses import dataclass

from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED

from ..rules.actor import Actor
from ..store import enrol, fleet, orders, quarantine, routes
from ..store.fleet import Alarm
from ..store.orders import OrderInfo
from ..store.routes import FLASHED, UNKNOWN, UNTOLD, Firmware, Known, Way
from .site import Site

__all__ = ("CLONE", "FLASHED", "UNKNOWN", "UNTOLD", "Alarm", "Firmware", "Known")

CLONE = quarantine.CLONE
ORDER_STATES = ("waiting", "failed", "taken", "withdrawn", "replaced")
_VERSIONS = {"settings": CONFIG_VERSION, "key": CONFIG_VERSION, "firmware": FIRMWARE_VERSION}


@dataclass(frozen=True, slots=True)
class Ways:
    """A sensor, and the relays that it told of: the first is the one that it chose; none: it told of none yet."""

    sensor: Known
    ways: list[Way]


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order. The sensor said last that it runs version `has` of that kind (None: it never said), and when; and the version of
    the last order that it took back.
    """

    order: OrderInfo
    sensor: Known | None
    has: int | None
    told_s: int | None
    took_back: int | None


def ways(
    site: Site, actor: Actor, named: str = "", relay_id: int | None = None, after: int = -1, limit: int = 50
) -> list[Ways]:
    """Sensors by id with their ways; with `named`, those with it in their name, region or number; those that chose a relay."""
    actor.require_operator()
    with site.archive.reading():
        found = routes.sensors(site.archive, named, relay_id, after, limit)
        return [Ways(one, routes.ways(site.archive, one.id)) for one in found]


def relay_name(site: Site, actor: Actor, relay_id: int) -> str | None:
    """A relay's name; None: there is none of that number."""
    actor.require_operator()
    return enrol.relay_names(site.archive, [relay_id]).get(relay_id)


def ordered(
    site: Site, actor: Actor, state: str = "", after: tuple[int, int] = (-1, -1), limit: int = 50
) -> list[Ordered]:
    """Orders by sensor and version, those after `after`; with one of ORDER_STATES, of that state."""
    actor.require_operator()
    with site.archive.reading():
        found = orders.orders(site.archive, after, limit, state)
        ids = sorted({one.sensor for one in found})
        sensors = routes.known(site.archive, ids)
        told = routes.told(site.archive, ids, (CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED))
    rows = []
    for one in found:
        has, told_s = told.get((one.sensor, _VERSIONS[one.kind]), (None, None))
        took_back, _ = told.get((one.sensor, ORDER_FAILED), (None, None))
        rows.append(Ordered(one, sensors.get(one.sensor), has, told_s, took_back or None))
    return rows


def firmwares(site: Site, actor: Actor) -> list[Firmware]:
    """How many sensors run which set, the most first."""
    actor.require_operator()
    return routes.firmwares(site.archive)


def that_run(site: Site, actor: Actor, number: int, after: int = -1, limit: int = 50) -> list[Known]:
    """The sensors that run a set, by id, those after `after`."""
    actor.require_operator()
    return routes.that_run(site.archive, number, after, limit)


def alarms(site: Site, actor: Actor, begin: int = 0, limit: int = 50) -> list[tuple[Alarm, Known | None]]:
    """What was set aside, by sender and reason, and its sensor if that is enrolled: sensors that seem to be two first, then the
    newest; those from place `begin` on.
    """
    actor.require_operator()
    with site.archive.reading():
        found = fleet.alarms(site.archive, begin, limit)
        sensors = routes.known(site.archive, sorted({one.sensor_id for one in found}))
    return [(one, sensors.get(one.sensor_id)) for one in found]
