"""Strangers make an account of their own, with which they can ask for access and do nothing else."""

from ..rules.actor import person
from ..rules.errors import NotFoundError, RemoteError
from ..store import users
from .audit import note
from .people import Person
from .site import Site

MOST_WAITING = 10_000  # accounts to which nothing was granted yet


def join(site: Site, name: str, password: str, email: str) -> Person:
    """A new user, who has nothing granted. Raises RemoteError."""
    if not site.settings.open_accounts:
        raise NotFoundError("nothing-here")
    kept = users.hashed(password, name, email)
    with site.archive.writing():
        if users.count_without_grant(site.archive) >= MOST_WAITING:
            raise RemoteError("accounts-full")
        number = users.add_with(site.archive, name, kept, site.clock())
        users.set_email(site.archive, name, email.strip() or None)
        note(site, person(number), "joining.join", f"user {name.strip()}")
    return users.found_person(site.archive, number)
