"""Grants: who may see what, until when. Given after a look at what they would open, narrowed, revoked."""

from dataclasses import dataclass, replace
from typing import Any

from ..rules import regions, scopes
from ..rules.actor import Actor
from ..rules.errors import NotFoundError, RemoteError
from ..rules.plain_scopes import said
from ..rules.roles import EVERYWHERE
from ..rules.scopes import Scope, beyond, checked
from ..store import grants, users
from ..store.grants import GrantInfo
from .audit import noted
from .site import Site

__all__ = ("GrantInfo",)

MOST_LISTED = 100
_NEWEST = 1 << 31


@dataclass(frozen=True, slots=True)
class Preview:
    """What a scope opens of what there is now: how many sensors, and how many of these the user would see for the first time."""

    user: str
    scope: Scope
    sensors: int
    new: int


def preview(site: Site, actor: Actor, user: str, scope: Scope) -> Preview:
    """What a grant would open, which is not given by it. Raises RemoteError as `grant` does."""
    scope = _decided(actor, scope)
    name = users.proper_name(site.archive, user)
    chosen = grants.matching(site.archive, scope)
    held = scopes.held(grants.scopes_of(site.archive, users.user_id(site.archive, user)), site.clock())
    seen = {number for one in held for number in grants.matching(site.archive, one)}
    return Preview(name, scope, len(chosen), len(set(chosen) - seen) if scope.k == 1 else 0)


def grant(site: Site, actor: Actor, user: str, scope: Scope) -> int:
    """Lets a user see what a scope opens: the grant's number. Raises RemoteError for an unknown user, or a scope that cannot be."""
    scope = _decided(actor, scope)
    with noted(site, actor, "granting.grant", "", user=user, **said(scope)) as fields:
        number = grants.put(site.archive, user, scope, site.clock())
        fields["subject"] = f"grant {number}"
    return number


def narrow(site: Site, actor: Actor, number: int, **less: Any) -> GrantInfo:
    """Changes fields of a grant's scope so that it opens less from the user's next request on. Raises RemoteError if it does not.

    A running download ends if it reads what is not open any more.
    """
    actor.require_administrator()
    with noted(site, actor, "granting.narrow", f"grant {number}") as fields:
        there = _theirs(site, actor, number)
        scope = _decided(actor, there.scope._replace(**less))
        more = beyond(scope, there.scope)
        if more is not None:
            raise RemoteError("grant-not-less", number=number, what=more)
        before = said(there.scope)
        fields |= {name: value for name, value in said(scope).items() if value != before.get(name)}
        grants.replace(site.archive, number, scope)
    return replace(there, scope=scope)


def revoke(site: Site, actor: Actor, number: int) -> None:
    """Ends a grant from the user's next request on. Raises RemoteError if there is none to revoke."""
    actor.require_administrator()
    with noted(site, actor, "granting.revoke", f"grant {number}"):
        _theirs(site, actor, number)
        grants.revoke_grant(site.archive, number, site.clock())


def mine(site: Site, actor: Actor, before: int = 0, limit: int = MOST_LISTED) -> tuple[list[GrantInfo], int | None]:
    """What was granted to who asks and has not ended, as `listed`."""
    actor.require_themselves()
    found = grants.newest(site.archive, [EVERYWHERE], actor.id, True, site.clock(), before or _NEWEST, limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def listed(
    site: Site, actor: Actor, user: str = "", holds: bool | None = True, before: int = 0, limit: int = MOST_LISTED
) -> tuple[list[GrantInfo], int | None]:
    """Grants on which who asks decides, the newest first, those given before `before` (0: from the newest on).

    Of a user, if one is named; those that have not ended, or (False) that have, or (None) all. With them, before which one the
    next page begins; None: there is no more. Raises RemoteError for an unknown user.
    """
    actor.require_administrator()
    of = users.user_id(site.archive, user) if user.strip() else None
    from_ = before or _NEWEST
    found = grants.newest(site.archive, actor.regions, of, holds, site.clock(), from_, min(limit, MOST_LISTED) + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return found[:limit], more


def look(site: Site, actor: Actor, number: int) -> tuple[GrantInfo, int]:
    """A grant on which who asks decides, also one that has ended, and how many sensors it names now. Raises NotFoundError."""
    actor.require_administrator()
    try:
        info = grants.find(site.archive, number)
    except RemoteError:
        raise NotFoundError("grant-unknown", number=number) from None
    if not actor.administers(info.scope.region or EVERYWHERE):
        raise NotFoundError("grant-unknown", number=number)
    return info, len(grants.matching(site.archive, info.scope))


def all_grants(site: Site, actor: Actor) -> list[GrantInfo]:
    """All grants on which who asks decides, revoked ones too, in the order they were given."""
    actor.require_administrator()
    return [info for info in grants.list_grants(site.archive) if actor.administers(info.scope.region or EVERYWHERE)]


def _decided(actor: Actor, scope: Scope) -> Scope:
    """The scope, if who asks may give it: it lies within a region of theirs. Raises RemoteError."""
    region = None if scope.region is None else regions.parsed(scope.region)
    actor.require_administrator(region or EVERYWHERE)
    return checked(scope._replace(region=region))


def _theirs(site: Site, actor: Actor, number: int) -> GrantInfo:
    """A grant on which who asks decides; one of others is as one that is not there. Raises RemoteError."""
    info = grants.grant_of(site.archive, number)
    if not actor.administers(info.scope.region or EVERYWHERE):
        raise RemoteError("grant-unknown", number=number)
    return info
