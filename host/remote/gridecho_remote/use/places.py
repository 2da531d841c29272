"""Where sensors are and whose: moving one, what is said of it, and the contracts that tell whose readings are whose."""

from collections.abc import Iterable

from ..rules import categories, regions
from ..rules.actor import Actor
from ..rules.looks import LOOKS
from ..store import lookers, places
from ..store.places import ContractInfo
from .audit import noted
from .site import Site

__all__ = ("ContractInfo",)


def move(site: Site, actor: Actor, sensor_id: int, region: str) -> None:
    """Puts a sensor into another region: all its readings are for those who were granted that one. Raises RemoteError."""
    actor.require_terminal()
    region = regions.parsed(region)
    with noted(site, actor, "places.move", f"sensor {sensor_id}", region=region) as fields:
        fields["before"] = places.region_of(site.archive, sensor_id)
        places.move(site.archive, sensor_id, region)


def categorise(site: Site, actor: Actor, sensor_id: int, category: str) -> None:
    """Says what a sensor measures. Raises RemoteError."""
    actor.require_terminal()
    categories.checked(category)
    with noted(site, actor, "places.categorise", f"sensor {sensor_id}", category=category):
        places.categorise(site.archive, sensor_id, category)


def label(site: Site, actor: Actor, sensor_id: int, more: Iterable[str], less: Iterable[str]) -> list[str]:
    """Gives a sensor labels and takes others off it: those that it has then. Raises RemoteError."""
    actor.require_terminal()
    added, removed = sorted(categories.labels_of(more)), sorted(categories.labels_of(less))
    with noted(site, actor, "places.label", f"sensor {sensor_id}", added=added, removed=removed):
        return places.label(site.archive, sensor_id, added, removed)


def begin_contract(
    site: Site, actor: Actor, sensor_id: int, user: str | None, from_s: int, until_s: int | None = None
) -> int:
    """The number of a contract: a sensor's readings are from a time on a user's, or of nobody with a login. Raises RemoteError."""
    actor.require_terminal()
    fields = {"user": user, "from_s": from_s, "until_s": until_s}
    with noted(site, actor, "places.begin_contract", f"sensor {sensor_id}", **fields) as said:
        number = places.begin_contract(site.archive, sensor_id, user, from_s, until_s)
        said["contract"] = number
        if user is not None:
            lookers.add_earlier(site.archive, places.contract(site.archive, number), LOOKS)
    return number


def end_contract(site: Site, actor: Actor, number: int, until_s: int) -> None:
    """Ends a contract, earlier than was said if that was said. Its subject keeps what is theirs. Raises RemoteError."""
    actor.require_terminal()
    with noted(site, actor, "places.end_contract", "", contract=number, until_s=until_s) as fields:
        fields["subject"] = f"sensor {places.contract(site.archive, number).sensor_id}"
        places.end_contract(site.archive, number, until_s)


def contracts(site: Site, actor: Actor) -> list[ContractInfo]:
    """All contracts, by sensor and time."""
    actor.require_terminal()
    return places.contracts(site.archive)
