"""Setting a new remote up: what is done and what is left, its name and time zone. Relays and sensors: enrolment.py."""

from dataclasses import dataclass

from ..rules.actor import Actor
from ..rules.days import ZONES
from ..rules.errors import RemoteError
from ..store import enrol, queries
from .audit import noted
from .site import Site

MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a site is. `zone_open`: the time zone can be chosen still."""

    name: str
    zone: str
    zone_open: bool
    relays: int
    sensors: int
    readings: bool


def progress(site: Site, actor: Actor) -> Progress:
    """How far it is."""
    actor.require_operator()
    relays, sensors = enrol.counts(site.archive)
    readings = queries.any_data(site.archive)
    return Progress(site.about.name, site.days.name, _zone_open(site, readings), relays, sensors, readings)


def describe(site: Site, actor: Actor, name: str, zone: str | None = None) -> None:
    """Gives the site a name, and a time zone (None: as it is), of which all days are from now on. Raises RemoteError.

    A zone can be chosen until the first reading is there: later it would move what people have seen already, so that whoever has
    the settings file in hand decides.
    """
    actor.require_operator()
    name = name.strip()
    if len(name) > MOST_NAME or not (name.isprintable() and name):
        raise RemoteError("site-name", most=MOST_NAME)
    if zone == site.days.name:
        zone = None
    if zone is not None and zone not in ZONES:
        raise RemoteError("zone-unknown")
    with noted(site, actor, "setting_up.describe", "site", name=name, zone=zone):
        if zone is not None and not _zone_open(site, queries.any_data(site.archive)):
            raise RemoteError("zone-late")
        site.about.keep(name, zone)
    site.renew()


def _zone_open(site: Site, readings: bool) -> bool:
    return not (readings or site.settings.time_zone)
