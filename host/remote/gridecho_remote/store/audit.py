"""The audit: who changed what, and when. Rows are written in the transaction of the change, and never altered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..rules.actor import Actor
from .database import Archive
from .models import Audit

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: `what` is the use case, `subject` what it was done to; `fields` say more, and hold no secret."""

    id: int
    at_ms: int
    actor_kind: str
    actor_id: int  # 0: the operator, or nobody
    what: str
    subject: str
    fields: dict[str, object]


def put(archive: Archive, at_ms: int, actor: Actor, what: str, subject: str, fields: Mapping[str, object]) -> None:
    """Writes a row. Within the transaction of the change."""
    Audit.insert(
        at_ms=at_ms,
        actor_kind=str(actor.kind),
        actor_id=actor.id,
        what=what,
        subject=subject,
        fields=json.dumps(fields, sort_keys=True),
    ).execute(archive.db)


def newest(archive: Archive, limit: int, subject: str | None = None) -> list[Entry]:
    """The last rows, the newest first; with `subject`, of that only."""
    query = Audit.select().order_by(Audit.id.desc()).limit(min(limit, MOST))
    if subject is not None:
        query = query.where(Audit.subject == subject)
    return [
        Entry(row.id, row.at_ms, row.actor_kind, row.actor_id, row.what, row.subject, json.loads(row.fields))
        for row in query.execute(archive.db)
    ]
