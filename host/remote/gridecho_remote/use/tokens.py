"""Tokens for programs: what their owner sees or a part of it, for a time, without the owner's roles. Each is shown once."""

from contextlib import suppress
from dataclasses import dataclass

from ..rules.actor import Actor, Bearer, Kind
from ..rules.errors import NotFoundError, RemoteError, StorageAwayError, StorageFullError
from ..rules.plain_scopes import said
from ..rules.scopes import Scope, checked_part
from ..store import tokens, users
from ..store.tokens import TokenInfo
from .audit import noted
from .looks import refused_token
from .site import Site

__all__ = ("TokenInfo",)

MOST_DAYS = 366
MOST = 50  # of one user
_MOST_NAME = 100
_OFTEN_S = 60  # so often at most it is written down that one was used
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, which is kept nowhere here, and its number."""

    id: int
    token: str


def add(site: Site, actor: Actor, name: str, part: Scope, days: int) -> NewToken:
    """A new token of who asks. Raises RemoteError."""
    actor.require_themselves()
    return _add(site, actor, "tokens.add", actor.id, name, part, days)


def mine(site: Site, actor: Actor) -> list[TokenInfo]:
    """Their tokens, the newest first."""
    actor.require_themselves()
    return tokens.of(site.archive, actor.id)


def end(site: Site, actor: Actor, number: int) -> None:
    """Ends one of them from its next request on. Raises NotFoundError for one that is not theirs, as for one that there is not."""
    actor.require_themselves()
    _end(site, actor, "tokens.end", actor.id, number)


def add_of_user(site: Site, actor: Actor, name: str, called: str, part: Scope, days: int) -> NewToken:
    """A new token of a user's. Raises RemoteError."""
    actor.require_terminal()
    return _add(site, actor, "tokens.add_of_user", users.user_id(site.archive, name), called, part, days)


def of_user(site: Site, actor: Actor, name: str) -> list[TokenInfo]:
    """A user's tokens, the newest first. Raises RemoteError."""
    actor.require_terminal()
    return tokens.of(site.archive, users.user_id(site.archive, name))


def end_of_user(site: Site, actor: Actor, name: str, number: int) -> None:
    """Ends a user's token. Raises RemoteError."""
    actor.require_terminal()
    _end(site, actor, "tokens.end_of_user", users.user_id(site.archive, name), number)


def find(site: Site, shown: str) -> Actor | None:
    """For whom a program comes that shows this, and for which part of what they see; None, whatever is wrong with it."""
    found = tokens.find(site.archive, shown)
    now_s = int(site.clock())
    if found is None or now_s >= found.expires_s or found.waits:
        refused_token(site, None if found is None else found.user_id)
        return None
    if found.used_s is None or not 0 <= now_s - found.used_s < _OFTEN_S:
        with suppress(StorageFullError, StorageAwayError):  # what is there is shown all the same
            tokens.used(site.archive, found.id, now_s)
    by = Bearer(found.id, found.part, found.consent, found.application)
    return Actor(Kind.PERSON, found.user_id, by=by)


def _add(site: Site, actor: Actor, what: str, user_id: int, name: str, part: Scope, days: int) -> NewToken:
    name = name.strip()
    if not 0 < len(name) <= _MOST_NAME or not name.isprintable():
        raise RemoteError("token-name", most=_MOST_NAME)
    if not 1 <= days <= MOST_DAYS:
        raise RemoteError("token-days", most=MOST_DAYS)
    part = checked_part(part)
    now_s, token = int(site.clock()), tokens.new()
    expires_s = now_s + days * _DAY_S
    subject = f"user {users.found_person(site.archive, user_id).name}"
    with noted(site, actor, what, subject, name=name, expires_s=expires_s, **said(part)) as fields:
        site.archive.connection().lock("user", [user_id])
        if len(tokens.of(site.archive, user_id)) >= MOST:
            raise RemoteError("token-many", most=MOST)
        number = tokens.add(site.archive, user_id, token, part, now_s, expires_s, name=name)
        fields["token"] = number
    return NewToken(number, token)


def _end(site: Site, actor: Actor, what: str, user_id: int, number: int) -> None:
    subject = f"user {users.found_person(site.archive, user_id).name}"
    with noted(site, actor, what, subject, token=number) as fields:
        name = tokens.end(site.archive, user_id, number)
        if name is None:
            raise NotFoundError("token-unknown", number=number)
        fields["name"] = name
