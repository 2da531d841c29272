"""Logins, and how long they last: to an absolute end, and to one that comes when nobody does anything.

Who logged in lists and ends their own, one by one; an operator those of anybody.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from ..rules.actor import Actor
from ..rules.errors import NotFoundError, StorageAwayError, StorageFullError
from ..store import sessions, users
from ..store.sessions import SessionInfo
from .audit import note, noted
from .people import Person
from .site import Site

__all__ = ("SessionInfo",)

_OFTEN_S = 60  # so often at most it is written down that somebody did something
_MOST_AGENT = 200


class How(StrEnum):
    """By what somebody showed who they are."""

    PASSWORD = "password"  # noqa: S105 - a word, not one
    OPENID = "OpenID Connect"
    ACCOUNT = "new account"  # that they made a moment ago


@dataclass(frozen=True, slots=True)
class Login:
    """A login that holds, and whose it is."""

    id: int
    person: Person


def begin(site: Site, one: Person, how: How, second: bool, address: str, agent: str) -> str:
    """A person has shown who they are: the token of their new login. Those that are over, of anybody, are forgotten.

    `second`: they showed a code, too.
    """
    now_s = int(site.clock())
    told = {"how": f"{how} and code" if second else str(how), "address": address[:_MOST_AGENT]}
    shown = "".join(character for character in agent if character.isprintable())[:_MOST_AGENT]
    with site.archive.writing():
        sessions.forget(site.archive, *_ends(site, now_s))
        note(site, one.actor, "sessions.begin", f"user {one.name}", **told)
        return sessions.begin(site.archive, one.id, now_s, told["address"], shown)


def find(site: Site, token: str, *, active: bool) -> Login | None:
    """The login with this token, if it holds still; `active`: its person has done something by asking."""
    found = sessions.find(site.archive, token)
    now_s = int(site.clock())
    if found is None or not _lasts(site, now_s)(found):
        return None
    person = users.find_person(site.archive, found.user_id)
    if person is None:
        return None
    if active and now_s >= found.seen_s + _OFTEN_S:
        with suppress(StorageFullError, StorageAwayError):  # what is there is shown all the same
            sessions.seen(site.archive, found.id, now_s)
    return Login(found.id, person)


def mine(site: Site, actor: Actor) -> list[SessionInfo]:
    """The logins of who asks, the last used first."""
    actor.require_person()
    return _of(site, actor.id)


def end(site: Site, actor: Actor, number: int) -> None:
    """Ends one of them. Raises NotFoundError for one that is not theirs, as for one that there is not."""
    actor.require_person()
    with noted(site, actor, "sessions.end", f"user {_name(site, actor)}", session=number):
        if not sessions.end(site.archive, actor.id, number):
            raise NotFoundError("session-unknown", number=number)


def end_others(site: Site, actor: Actor, this: int) -> int:
    """Ends all of them but this one: how many these were."""
    actor.require_person()
    with noted(site, actor, "sessions.end_others", f"user {_name(site, actor)}") as fields:
        fields["ended"] = ended = sessions.end_all(site.archive, actor.id, this)
    return ended


def of_user(site: Site, actor: Actor, name: str) -> list[SessionInfo]:
    """A user's logins, the last used first. Raises RemoteError."""
    actor.require_staff()
    return _of(site, users.user_id(site.archive, name))


def end_of_user(site: Site, actor: Actor, name: str, number: int | None = None) -> int:
    """Ends a user's login with this number, or all: how many these were. Raises RemoteError."""
    actor.require_staff()
    user_id, subject = users.user_id(site.archive, name), f"user {users.proper_name(site.archive, name)}"
    with noted(site, actor, "sessions.end_of_user", subject, session=number) as fields:
        if number is None:
            ended = sessions.end_all(site.archive, user_id)
        elif sessions.end(site.archive, user_id, number):
            ended = 1
        else:
            raise NotFoundError("session-unknown", number=number)
        fields["ended"] = ended
    return ended


def _of(site: Site, user_id: int) -> list[SessionInfo]:
    return list(filter(_lasts(site, int(site.clock())), sessions.of(site.archive, user_id)))


def _lasts(site: Site, now_s: int) -> Callable[[SessionInfo], bool]:
    begun_s, seen_s = _ends(site, now_s)
    return lambda one: one.begun_s > begun_s and one.seen_s > seen_s


def _ends(site: Site, now_s: int) -> tuple[int, int]:
    """A login that was begun by the first, or last used by the second, is over."""
    return now_s - site.settings.session_hours * 3600, now_s - site.settings.session_idle_minutes * 60


def _name(site: Site, actor: Actor) -> str:
    found = users.find_person(site.archive, actor.id)
    return "" if found is None else found.name
