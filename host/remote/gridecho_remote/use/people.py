"""Users: their logins and passwords, which are their own matter, and who there is, which is the operator's."""

from ..rules.actor import Actor
from ..store import users
from ..store.users import MAX_PASSWORD, MIN_PASSWORD, ONE_TIME_HOURS, Person
from .site import Site

__all__ = ("MAX_PASSWORD", "MIN_PASSWORD", "ONE_TIME_HOURS", "Person")


def log_in(site: Site, name: str, password: str) -> Person | None:
    """The user with this name and password, or None. A one-time password is used up by it."""
    return users.log_in(site.archive, name, password, site.clock())


def person_of(site: Site, user_id: int, session: str) -> Person | None:
    """The user with this id, if that session of theirs still holds."""
    person = users.find_person(site.archive, user_id)
    return person if person is not None and person.session == session else None


def log_out(site: Site, actor: Actor) -> None:
    """Ends every session of the user: a copy of a cookie that somebody took must not outlive it."""
    users.end_sessions(site.archive, actor.id)


def is_password(site: Site, actor: Actor, password: str) -> bool:
    """Whether this is the user's present password."""
    return users.check_password(site.archive, actor.id, password)


def set_password(site: Site, actor: Actor, password: str) -> Person:
    """Sets a password that the user chose; their sessions end, the one that is given back begins. Raises RemoteError."""
    return users.change_password(site.archive, actor.id, password)


def add(site: Site, actor: Actor, name: str, *, admin: bool) -> str:
    """A new user's one-time password: good for one login within 24 hours. Raises RemoteError."""
    actor.require_operator()
    return users.add_user(site.archive, name, site.clock(), admin=admin)


def reset(site: Site, actor: Actor, name: str) -> str:
    """A new one-time password for a user, whose sessions all end. Raises RemoteError."""
    actor.require_operator()
    return users.reset_user(site.archive, name, site.clock())


def set_admin(site: Site, actor: Actor, name: str, admin: bool) -> None:
    """Whether a user is an administrator, from their next request on. Raises RemoteError."""
    actor.require_operator()
    users.set_admin(site.archive, name, admin)


def all_users(site: Site, actor: Actor) -> list[tuple[str, bool]]:
    """All users' names, and whether they are administrators."""
    actor.require_operator()
    return users.users(site.archive)
