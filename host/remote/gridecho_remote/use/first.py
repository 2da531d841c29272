"""The first administrator of a new remote, who has a one-time link from its terminal: there is no default user and no password."""

from ..rules.actor import Actor, person
from ..rules.errors import UnprovenError
from ..rules.roles import Role, RoleKind
from ..store import first, roles, users
from .audit import note, noted
from .people import Person
from .site import Site

HOURS = first.HOURS


def offer(site: Site, actor: Actor) -> str | None:
    """A code that is good once within 24 hours, while there is no user; any before is good no more. None: there is one."""
    actor.require_terminal()
    if not users.nobody(site.archive):
        return None
    with noted(site, actor, "first.offer", "first administrator"):
        return first.offer(site.archive, site.clock())


def waits(site: Site) -> bool:
    """Whether somebody can make the first account now."""
    return first.waits(site.archive, site.clock())


def make(site: Site, code: str, name: str, password: str) -> Person:
    """The first user, who runs the fleet and decides on all grants. Raises UnprovenError for a code that is not good."""
    kept = users.hashed(password, name)
    with site.archive.writing():
        if not first.use(site.archive, code.strip(), site.clock()):
            raise UnprovenError("first-code")
        number = users.add_with(site.archive, name, kept, site.clock())
        for kind in (RoleKind.OPERATOR, RoleKind.ADMINISTRATOR):
            roles.give(site.archive, number, Role(kind))
        note(site, person(number), "first.make", f"user {name.strip()}")
    return users.found_person(site.archive, number)
