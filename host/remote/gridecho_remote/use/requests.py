"""Requests for access: somebody asks, it is looked who they are, an administrator grants all of it or a part, or refuses.

Who asks sees their own; an administrator sees those whose scope lies in a region of theirs. Others' are as if there were none.
"""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ..outside.registry import RegistryError
from ..rules import plain_scopes
from ..rules.actor import Actor, Kind
from ..rules.errors import NotFoundError, RemoteError
from ..rules.reasons import Reason, kept_reason, reason
from ..rules.requests import OPEN, State, Step, after, checked
from ..rules.roles import EVERYWHERE, RoleKind
from ..rules.scopes import Scope, beyond
from ..rules.scopes import checked as checked_scope
from ..rules.verification import Claim, Finding, judged
from ..store import grants, notices, requests, roles
from ..store.grants import GrantInfo
from ..store.requests import RequestInfo
from . import granting, openid
from .audit import noted
from .site import Site

__all__ = ("OPEN", "Claim", "RequestInfo", "State")

log = logging.getLogger("gridecho.remote")

MOST_OPEN, MOST_OPEN_IN_ALL = 5, 10_000  # of one person, of all
MOST_DAYS = 3_660
_MOST_TEXT = 500
_SHOWN = 500
_IDLE_MS = 60 * 86_400_000  # an open request to which nobody does anything
_AT_ONCE = 100


def draft(site: Site, actor: Actor, claim: Claim, purpose: str, scope: Scope, lasts_days: int) -> int:
    """A request that is not asked yet; its number. Raises RemoteError."""
    actor.require_themselves()
    claim, purpose = checked(claim, purpose)
    if not 0 < lasts_days <= MOST_DAYS:
        raise RemoteError("request-days", most=MOST_DAYS)
    plain = plain_scopes.said(checked_scope(scope._replace(starts_s=None, expires_s=None)))
    with noted(site, actor, "requests.draft", "", scope=plain, lasts_days=lasts_days) as fields:
        site.archive.connection().lock("user", [actor.id])
        if requests.count_open(site.archive, actor.id) >= MOST_OPEN:
            raise RemoteError("request-many", most=MOST_OPEN)
        if requests.count_open(site.archive) >= MOST_OPEN_IN_ALL:
            raise RemoteError("requests-full")
        number = requests.add(site.archive, actor.id, claim, purpose, plain, lasts_days, site.now_ms())
        fields["subject"] = f"request {number}"
    return number


def ask(site: Site, actor: Actor, number: int) -> RequestInfo:
    """Asks what was drafted. Where somebody can say who asks, a register or a provider, they do at once. Raises RemoteError."""
    one = _own(site, actor, number)
    _move(site, actor, one, Step.ASK)
    if site.registry or openid.judged_by_claims(site, one.user_id, one.claim):
        return verify(site, actor, number)
    return requests.find(site.archive, number)


def verify(site: Site, actor: Actor, number: int) -> RequestInfo:
    """Looks who they are: by what an OpenID Connect provider said of them at their login; else the register is asked.

    What is no plain answer that agrees is "not verified". Raises RemoteError.
    """
    one = _visible(site, actor, number)
    after(one.state, Step.DOUBT)
    by_claims = openid.judged_by_claims(site, one.user_id, one.claim)
    if by_claims is not None and (by_claims.verified or site.registry is None):
        return _found(site, actor, one, by_claims, "claims")
    if site.registry is None:
        raise RemoteError("registry-none")
    today = datetime.fromtimestamp(site.clock(), UTC).date()
    try:
        found = judged(one.claim, site.registry.look_up(one.claim), site.settings.registry_fields, today)
    except RegistryError as error:
        log.warning("registry-failed request=%d reason=%s", number, error.reason.kept())
        found = Finding(False, error.reason)
    return _found(site, actor, one, found, "registry")


def confirm(site: Site, actor: Actor, number: int, how: str) -> RequestInfo:
    """An administrator knows for themselves who it is, and says in a sentence how. Raises RemoteError."""
    one = _to_decide(site, actor, number)
    return _found(site, actor, one, Finding(True, reason("verify-by-hand", text=_text(how))), "by hand")


def grant(site: Site, actor: Actor, number: int, lasts_days: int | None = None, **less: Any) -> int:
    """Grants all of a request; or a part of it, for fewer days or with fields of its scope changed to open less.

    Gives the grant's number. Raises RemoteError, also where it would open more than was asked for.
    """
    one = _to_decide(site, actor, number)
    asked = scope_of(one)
    scope = asked._replace(**less)
    days = one.lasts_days if lasts_days is None else lasts_days
    more = "days" if not 0 < days <= one.lasts_days else beyond(scope, asked)
    if more is not None:
        raise RemoteError("grant-not-asked", number=number, what=more)
    whole = (scope, days) == (asked, one.lasts_days)
    expires_s = int(site.clock()) + 86_400 * days
    with site.archive.writing():
        made = granting.grant(site, actor, one.user, scope._replace(expires_s=expires_s))
        _move(site, actor, one, Step.GRANT if whole else Step.GRANT_PART, grant=made)
    return made


def refuse(site: Site, actor: Actor, number: int, why: str) -> None:
    """Refuses a request, with the reason that who asked is told. Raises RemoteError."""
    _move(site, actor, _to_decide(site, actor, number), Step.REFUSE, reason=_text(why))


def withdraw(site: Site, actor: Actor, number: int) -> None:
    """Takes one's own request back. Raises RemoteError."""
    _move(site, actor, _own(site, actor, number), Step.WITHDRAW)


def expire(site: Site, actor: Actor) -> int:
    """Ends requests to which nobody did anything for long: how many."""
    actor.require_terminal()
    gone = requests.unchanged_since(site.archive, site.now_ms() - _IDLE_MS, _AT_ONCE)
    for one in gone:
        _move(site, actor, one, Step.EXPIRE)
    return len(gone)


def mine(site: Site, actor: Actor) -> list[RequestInfo]:
    """One's own requests, the newest first."""
    actor.require_themselves()
    return requests.of_user(site.archive, actor.id, _SHOWN)


def inbox(
    site: Site, actor: Actor, states: Iterable[State] = OPEN - {State.DRAFT}, after: int = 0
) -> list[RequestInfo]:
    """Requests in some states on which who asks decides, by number, those after `after`; 500 at most."""
    actor.require_administrator()
    found: list[RequestInfo] = []
    while some := requests.in_states(site.archive, list(states), after, _SHOWN):
        found += [one for one in some if actor.administers(region_of(one))]
        after = some[-1].id
        if len(found) >= _SHOWN:
            break
    return found[:_SHOWN]


def look(site: Site, actor: Actor, number: int) -> RequestInfo:
    """One request, to who asked it and to who decides on it. Raises RemoteError."""
    return _visible(site, actor, number)


def would_see(site: Site, actor: Actor, one: RequestInfo) -> granting.Preview:
    """What a request would open if all of it were granted. Raises RemoteError."""
    return granting.preview(site, actor, one.user, scope_of(one))


def granted(site: Site, actor: Actor, number: int) -> GrantInfo | None:
    """What became of a request, to who sees it: the grant as it is now. None: there is none. Raises RemoteError."""
    one = _visible(site, actor, number)
    return None if one.grant is None else grants.find(site.archive, one.grant)


def scope_of(one: RequestInfo) -> Scope:
    """What is asked for."""
    return plain_scopes.scope_from(one.scope)


def region_of(one: RequestInfo) -> str:
    """Where what is asked for lies."""
    return str(one.scope.get("region") or EVERYWHERE)


def finding_of(one: RequestInfo) -> tuple[bool, Reason, dict[str, Any]] | None:
    """(whether it was verified who asks, why or why not, what was found); None: nobody looked yet."""
    if not one.finding:
        return None
    return one.finding["verified"], kept_reason(one.finding["reason"]), one.finding["told"]


def _found(site: Site, actor: Actor, one: RequestInfo, found: Finding, how: str) -> RequestInfo:
    kept = {"verified": found.verified, "how": how, "reason": found.reason.kept(), "told": found.told}
    step = Step.VERIFY if found.verified else Step.DOUBT
    _move(site, actor, one, step, finding=json.dumps(kept | {"at_ms": site.now_ms()}))
    return requests.find(site.archive, one.id)


def _move(site: Site, actor: Actor, one: RequestInfo, step: Step, **more: Any) -> None:
    """A step, with its audit row and what both sides are told. Raises RemoteError, also where another was quicker."""
    now = after(one.state, step)
    told = {name: value for name, value in more.items() if name != "finding"}
    if "finding" in more:
        told["found"] = json.loads(more["finding"])
    with noted(site, actor, f"requests.{step.name.lower()}", f"request {one.id}", state=now, **told):
        if not requests.move(site.archive, one.id, one.state, now, site.now_ms(), **more):
            raise RemoteError("request-moved", number=one.id)
        people = {one.user_id} | (_deciders(site, one) if now in OPEN or step is Step.WITHDRAW else set())
        people -= {actor.id} if actor.kind is Kind.PERSON and step is not Step.VERIFY else set()
        said = reason("notice-request", number=one.id, user=one.user, state=now)
        if step is Step.REFUSE:
            said = reason("notice-refused", number=one.id, user=one.user, text=more["reason"])
        notices.put(site.archive, people, said, site.now_ms(), by_mail=site.post is not None)


def _deciders(site: Site, one: RequestInfo) -> set[int]:
    region = region_of(one)
    return {
        user_id
        for user_id, held in roles.of_all(site.archive).items()
        if any(each.kind is RoleKind.ADMINISTRATOR and each.covers(region) for each in held)
    }


def _visible(site: Site, actor: Actor, number: int) -> RequestInfo:
    one = requests.find(site.archive, number)
    own = actor.kind is Kind.PERSON and actor.by is None and actor.id == one.user_id
    if not own and (one.state is State.DRAFT or not actor.administers(region_of(one))):
        raise NotFoundError("request-unknown", number=number)
    return one


def _own(site: Site, actor: Actor, number: int) -> RequestInfo:
    actor.require_themselves()
    one = _visible(site, actor, number)
    if actor.id != one.user_id:
        raise NotFoundError("request-unknown", number=number)
    return one


def _to_decide(site: Site, actor: Actor, number: int) -> RequestInfo:
    """A request on which who asks decides; nobody decides on their own."""
    one = _visible(site, actor, number)
    if not actor.administers(region_of(one)):
        raise NotFoundError("request-unknown", number=number)
    if actor.kind is Kind.PERSON and actor.id == one.user_id:
        raise RemoteError("request-own")
    return one


def _text(text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= _MOST_TEXT or not text.isprintable():
        raise RemoteError("request-text", field="reason", most=_MOST_TEXT)
    return text
