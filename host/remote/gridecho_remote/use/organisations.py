"""Organisations that people ask for; the operator says which there are."""

from ..rules.actor import Actor
from ..store import organisations
from .audit import noted
from .site import Site


def add(site: Site, actor: Actor, name: str) -> None:
    """A new organisation. Raises RemoteError."""
    actor.require_terminal()
    with noted(site, actor, "organisations.add", f"organisation {name.strip()}"):
        organisations.add(site.archive, name, site.clock())


def remove(site: Site, actor: Actor, name: str) -> None:
    """Removes one that nobody is in. Raises RemoteError."""
    actor.require_terminal()
    proper = organisations.proper_name(site.archive, name)
    with noted(site, actor, "organisations.remove", f"organisation {proper}"):
        organisations.remove(site.archive, proper)


def all_organisations(site: Site, actor: Actor) -> list[tuple[str, int]]:
    """(name, how many people are in it), by name."""
    actor.require_terminal()
    return organisations.all_of_them(site.archive)
