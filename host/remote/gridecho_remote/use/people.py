"""Users: their logins and passwords, which are their own matter, and who there is, which is the operator's."""

from ..rules.actor import Actor, person
from ..store import users
from ..store.users import MAX_PASSWORD, MIN_PASSWORD, ONE_TIME_HOURS, Person
from .audit import note, noted
from .site import Site

__all__ = ("MAX_PASSWORD", "MIN_PASSWORD", "ONE_TIME_HOURS", "Person")


def log_in(site: Site, name: str, password: str) -> Person | None:
    """The user with this name and password, or None. A one-time password is used up by it."""
    found = users.verified(site.archive, name, password, site.clock())
    if found is None:
        return None
    one, once = found
    if once is not None:
        with site.archive.writing():
            if not users.spend(site.archive, one.id, once):
                return None
            note(site, person(one.id), "people.log_in", f"user {one.name}", one_time=True)
    return one


def person_of(site: Site, user_id: int, session: str) -> Person | None:
    """The user with this id, if that session of theirs still holds."""
    person = users.find_person(site.archive, user_id)
    return person if person is not None and person.session == session else None


def log_out(site: Site, actor: Actor) -> None:
    """Ends every session of the user: a copy of a cookie that somebody took must not outlive it."""
    actor.require_person()
    with noted(site, actor, "people.log_out", f"user {_name(site, actor)}"):
        users.end_sessions(site.archive, actor.id)


def is_password(site: Site, actor: Actor, password: str) -> bool:
    """Whether this is the user's present password."""
    actor.require_person()
    return users.check_password(site.archive, actor.id, password)


def set_password(site: Site, actor: Actor, password: str) -> Person:
    """Sets a password that the user chose; their sessions end, the one that is given back begins. Raises RemoteError."""
    actor.require_person()
    kept = users.hashed(password)
    with noted(site, actor, "people.set_password", f"user {_name(site, actor)}"):
        return users.set_hash(site.archive, actor.id, kept)


def add(site: Site, actor: Actor, name: str, *, admin: bool) -> str:
    """A new user's one-time password: good for one login within 24 hours. Raises RemoteError."""
    actor.require_operator()
    with noted(site, actor, "people.add", f"user {name.strip()}", admin=admin):
        return users.add_user(site.archive, name, site.clock(), admin=admin)


def reset(site: Site, actor: Actor, name: str) -> str:
    """A new one-time password for a user, whose sessions all end. Raises RemoteError."""
    actor.require_operator()
    with noted(site, actor, "people.reset", f"user {users.proper_name(site.archive, name)}"):
        return users.reset_user(site.archive, name, site.clock())


def set_admin(site: Site, actor: Actor, name: str, admin: bool) -> None:
    """Whether a user is an administrator, from their next request on. Raises RemoteError."""
    actor.require_operator()
    with noted(site, actor, "people.set_admin", f"user {users.proper_name(site.archive, name)}", admin=admin):
        users.set_admin(site.archive, name, admin)


def all_users(site: Site, actor: Actor) -> list[tuple[str, bool]]:
    """All users' names, and whether they are administrators."""
    actor.require_operator()
    return users.users(site.archive)


def _name(site: Site, actor: Actor) -> str:
    found = users.find_person(site.archive, actor.id)
    return "" if found is None else found.name
