"""Requests for access in the database. Ended ones stay: they say why a grant was given."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from peewee import JOIN

from ..rules.errors import NotFoundError
from ..rules.requests import OPEN, State
from ..rules.verification import Claim
from .database import Archive
from .models import AccessRequest, User

_MOST_NUMBER = 1 << 31
_FIELDS = (
    AccessRequest.id, AccessRequest.user, User.name.alias("user_name"), AccessRequest.state, AccessRequest.name,
    AccessRequest.organisation, AccessRequest.role, AccessRequest.evidence, AccessRequest.purpose, AccessRequest.scope,
    AccessRequest.lasts_days, AccessRequest.made_ms, AccessRequest.changed_ms, AccessRequest.finding,
    AccessRequest.reason, AccessRequest.grant,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request, as rules/requests.py has it. `finding`: what came of looking who they are; empty: nobody looked yet."""

    id: int
    user_id: int
    user: str
    state: State
    claim: Claim
    purpose: str
    scope: dict[str, Any]
    lasts_days: int
    made_ms: int
    changed_ms: int
    finding: dict[str, Any]
    reason: str
    grant: int | None


def add(
    archive: Archive, user_id: int, claim: Claim, purpose: str, scope: dict[str, Any], lasts_days: int, now_ms: int
) -> int:
    """A draft. Gives its number."""
    number: int = AccessRequest.insert(
        user=user_id,
        state=State.DRAFT,
        name=claim.name,
        organisation=claim.organisation,
        role=claim.role,
        evidence=claim.evidence,
        purpose=purpose,
        scope=json.dumps(scope),
        lasts_days=lasts_days,
        made_ms=now_ms,
        changed_ms=now_ms,
    ).execute(archive.db)
    return number


def move(archive: Archive, number: int, before: State, now: State, now_ms: int, **more: Any) -> bool:
    """Takes a request from one state to another, with what else changes. False: it is not in that state any more."""
    moved = AccessRequest.update(state=now, changed_ms=now_ms, **more)
    return bool(moved.where(AccessRequest.id == number, AccessRequest.state == before).execute(archive.db))


def find(archive: Archive, number: int) -> RequestInfo:
    """The request with this number. Raises NotFoundError."""
    there = 0 < number < _MOST_NUMBER
    row = _query().where(AccessRequest.id == number).tuples().first(archive.db) if there else None
    if row is None:
        raise NotFoundError("request-unknown", number=number)
    return _info(row)


def of_user(archive: Archive, user_id: int, most: int) -> list[RequestInfo]:
    """A person's requests, the newest first."""
    query = _query().where(AccessRequest.user == user_id).order_by(AccessRequest.id.desc()).limit(most)
    return [_info(row) for row in query.tuples().execute(archive.db)]


def in_states(archive: Archive, states: Collection[State], after: int, most: int) -> list[RequestInfo]:
    """Requests in some states by number, those after `after`."""
    query = _query().where(AccessRequest.state.in_(sorted(states)), AccessRequest.id > after)
    return [_info(row) for row in query.order_by(AccessRequest.id).limit(most).tuples().execute(archive.db)]


def count_open(archive: Archive, user_id: int | None = None) -> int:
    """How many requests have not ended, of a person or of all."""
    query = AccessRequest.select().where(AccessRequest.state.in_(sorted(OPEN)))
    return int((query if user_id is None else query.where(AccessRequest.user == user_id)).count(archive.db))


def unchanged_since(archive: Archive, before_ms: int, most: int) -> list[RequestInfo]:
    """Requests that have not ended and that nobody did anything to since then, the oldest first."""
    query = _query().where(AccessRequest.state.in_(sorted(OPEN)), AccessRequest.changed_ms < before_ms)
    return [_info(row) for row in query.order_by(AccessRequest.changed_ms).limit(most).tuples().execute(archive.db)]


def _query() -> Any:
    return AccessRequest.select(*_FIELDS).join(User, JOIN.INNER)


def _info(row: tuple[Any, ...]) -> RequestInfo:
    number, user_id, user, state, name, organisation, role, evidence, purpose, scope, *rest = row
    lasts_days, made_ms, changed_ms, finding, reason, grant = rest
    claim = Claim(name, organisation, role, evidence)
    told = json.loads(finding) if finding else {}
    return RequestInfo(
        number, user_id, user, State(state), claim, purpose, json.loads(scope), lasts_days, made_ms, changed_ms, told,
        reason, grant,
    )  # fmt: skip
