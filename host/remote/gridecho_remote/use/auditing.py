"""What an auditor reads of the audit: rows that fit, the newest first, and whether its chain is whole. Both are looks, too."""

from dataclasses import dataclass
from typing import Any

from ..rules.actor import Actor, Kind
from ..rules.errors import RemoteError
from ..store import audit as rows
from ..store import users
from ..store.audit import Entry
from . import looks
from .audit import verify
from .site import Site

MOST = 100
_MOST_TEXT = 255


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows; what is empty or None fits all. `who`: a user's name; `kind`: of an actor; `what`: how the use case begins."""

    who: str = ""
    kind: str = ""
    what: str = ""
    subject: str = ""
    from_s: int | None = None
    to_s: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A row, with the name and organisation of the person who did it, if it was one and there still is."""

    entry: Entry
    name: str | None
    organisation: str | None


def found(
    site: Site, actor: Actor, sought: Sought, before: int = 0, limit: int = MOST
) -> tuple[list[Told], int | None]:
    """Rows with numbers below `before` (0: from the newest on), and below which others may be. Raises RemoteError.

    A page looks through 100,000 rows at most, so it may have fewer than there are, and none.
    """
    actor.require_auditor()
    by: tuple[str, int | None] | None = None
    if sought.who.strip():
        by = str(Kind.PERSON), users.user_id(site.archive, sought.who)
    elif sought.kind:
        by = sought.kind, None
    asked = {"who": sought.who, "kind": sought.kind, "did": sought.what, "to": sought.subject}
    said: dict[str, Any] = {name: text for name, text in asked.items() if text}
    span = None if sought.from_s is None and sought.to_s is None else (sought.from_s or 0, sought.to_s or _EVER_S)
    looks.look(site, actor, "auditing.found", "audit", span=span, **said)
    some, more = rows.found(
        site.archive,
        before,
        min(limit, MOST),
        sought.subject.strip()[:_MOST_TEXT],
        sought.what.strip()[:_MOST_TEXT],
        by,
        None if sought.from_s is None else 1_000 * sought.from_s,
        None if sought.to_s is None else 1_000 * sought.to_s,
    )
    named = users.names(site.archive, [one.actor_id for one in some if one.actor_kind == Kind.PERSON])
    return [
        Told(one, *(named.get(one.actor_id, _NOBODY) if one.actor_kind == Kind.PERSON else _NOBODY)) for one in some
    ], more


def verified(site: Site, actor: Actor) -> tuple[int, list[RemoteError], int]:
    """As audit.verify, which reads all rows: one such look at a time. Raises RemoteError for a second one."""
    actor.require_auditor()
    if not site.verifying.acquire(blocking=False):
        raise RemoteError("audit-busy")
    try:
        looks.look(site, actor, "auditing.verified", "audit")
        return verify(site, actor)
    finally:
        site.verifying.release()


_NOBODY: tuple[str | None, str | None] = (None, None)
_EVER_S = 1 << 40
