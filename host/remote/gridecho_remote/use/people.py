"""Users: their logins and passwords, which are their own matter, and who there is and with which roles, which is the operator's."""

from collections.abc import Iterable

from ..rules.actor import Actor, Kind
from ..rules.errors import NotFoundError, RemoteError
from ..rules.passwords import LEAST as MIN_PASSWORD
from ..rules.passwords import MOST as MAX_PASSWORD
from ..rules.roles import EVERYWHERE, Role
from ..store import organisations, sessions, users
from ..store import roles as roles_
from ..store.users import ONE_TIME_HOURS, Person, UserInfo
from .audit import note, noted
from .looks import failed_password, failed_sign_in
from .site import Site

__all__ = ("MAX_PASSWORD", "MIN_PASSWORD", "ONE_TIME_HOURS", "Person", "UserInfo")

MOST_LISTED = 100
_MOST_NAME = 100


def log_in(site: Site, name: str, password: str) -> Person | None:
    """The user with this name and password, or None. A one-time password is used up by it."""
    found = users.verified(site.archive, name, password, site.clock())
    if found is None:
        failed_sign_in(site, name)
        return None
    one, once = found
    if once is not None:
        with site.archive.writing():
            if not users.spend(site.archive, one.id, once):
                return None
            note(site, one.actor, "people.log_in", f"user {one.name}", one_time=True)
    return one


def find(site: Site, user_id: int) -> Person | None:
    """The user with this id, who is still to show that it is them."""
    return users.find_person(site.archive, user_id)


def log_out(site: Site, actor: Actor, session: int) -> None:
    """Ends this session of the user: a copy of its cookie that somebody took does not outlive it."""
    actor.require_person()
    with noted(site, actor, "people.log_out", f"user {_name(site, actor)}"):
        sessions.end(site.archive, actor.id, session)


def me(site: Site, actor: Actor) -> UserInfo:
    """Who asks."""
    actor.require_person()
    return users.info(site.archive, actor.id)


def has_password(site: Site, actor: Actor) -> bool:
    """Whether who asks has a password, or logs in otherwise."""
    actor.require_person()
    return users.has_password(site.archive, actor.id)


def is_password(site: Site, actor: Actor, password: str) -> bool:
    """Whether this is the user's present password; a wrong one is noted."""
    actor.require_person()
    if users.check_password(site.archive, actor.id, password):
        return True
    failed_password(site, actor, _name(site, actor))
    return False


def set_password(site: Site, actor: Actor, password: str, session: int) -> str:
    """Sets a password that the user chose; their other sessions end, and this one has a new token. Raises RemoteError."""
    actor.require_person()
    kept = users.hashed(password, _name(site, actor))
    with noted(site, actor, "people.set_password", f"user {_name(site, actor)}"):
        users.set_hash(site.archive, actor.id, kept, but=session)
        return sessions.renew(site.archive, session)


def add(site: Site, actor: Actor, name: str, roles: Iterable[Role] = ()) -> str:
    """A new user's one-time password: good for one login within 24 hours. Raises RemoteError."""
    actor.require_terminal()
    given = sorted(roles)
    with noted(site, actor, "people.add", f"user {name.strip()}", roles=[str(one) for one in given]):
        password = users.add_user(site.archive, name, site.clock())
        for one in given:
            roles_.give(site.archive, users.user_id(site.archive, name), one)
    return password


def reset(site: Site, actor: Actor, name: str) -> str:
    """A new one-time password for a user, whose sessions and tokens all end. Raises RemoteError."""
    actor.require_terminal()
    with noted(site, actor, "people.reset", f"user {users.proper_name(site.archive, name)}"):
        return users.reset_user(site.archive, name, site.clock())


def set_organisation(site: Site, actor: Actor, name: str, organisation: str | None) -> None:
    """Whom a user asks for; None: for themselves. Raises RemoteError."""
    actor.require_terminal()
    proper = organisation and organisations.proper_name(site.archive, organisation)
    subject = f"user {users.proper_name(site.archive, name)}"
    with noted(site, actor, "people.set_organisation", subject, organisation=proper):
        users.set_organisation(site.archive, name, organisation)


def set_email(site: Site, actor: Actor, name: str, email: str | None) -> None:
    """Where a user is written to; None: nowhere. Raises RemoteError."""
    actor.require_terminal()
    with noted(site, actor, "people.set_email", f"user {users.proper_name(site.archive, name)}", email=email):
        users.set_email(site.archive, name, email)


def give_role(site: Site, actor: Actor, name: str, role: Role) -> None:
    """A user has this role from their next request on. Raises RemoteError."""
    actor.require_administrator(EVERYWHERE)
    with noted(site, actor, "people.give_role", f"user {users.proper_name(site.archive, name)}", role=str(role)):
        roles_.give(site.archive, users.user_id(site.archive, name), role)


def take_role(site: Site, actor: Actor, name: str, role: Role) -> None:
    """A user has this role no more, from their next request on. Nobody takes their own. Raises RemoteError."""
    actor.require_administrator(EVERYWHERE)
    if actor.kind is Kind.PERSON and users.user_id(site.archive, name) == actor.id:
        raise RemoteError("role-own")
    with noted(site, actor, "people.take_role", f"user {users.proper_name(site.archive, name)}", role=str(role)):
        roles_.take(site.archive, users.user_id(site.archive, name), role)


def all_users(site: Site, actor: Actor) -> list[UserInfo]:
    """All users by name."""
    actor.require_terminal()
    return users.users(site.archive)


def listed(
    site: Site, actor: Actor, begins: str = "", after: str = "", limit: int = MOST_LISTED
) -> tuple[list[UserInfo], str | None]:
    """Users by name, those after a name, whose name begins so; and after whom the next page begins (None: there is no more)."""
    actor.require_staff()
    limit = min(limit, MOST_LISTED)
    found = users.some(site.archive, begins[:_MOST_NAME], after[:_MOST_NAME], limit + 1)
    return found[:limit], found[limit - 1].name if len(found) > limit else None


def look(site: Site, actor: Actor, name: str) -> UserInfo:
    """One user. Raises NotFoundError."""
    actor.require_staff()
    try:
        return users.info(site.archive, users.user_id(site.archive, name))
    except RemoteError:
        raise NotFoundError("user-unknown", name=name) from None


def _name(site: Site, actor: Actor) -> str:
    found = users.find_person(site.archive, actor.id)
    return "" if found is None else found.name
