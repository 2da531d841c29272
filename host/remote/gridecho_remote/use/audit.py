"""Who changed what: every use case that changes something says so within its transaction, and the operator reads it.

What relays bring (batches, pieces of the index, heartbeats) is not noted: it is no change that anybody decided on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ..rules.actor import Actor
from ..store import audit
from ..store.audit import Entry
from .site import Site

__all__ = ("Entry",)


@contextmanager
def noted(site: Site, actor: Actor, what: str, subject: str, **fields: object) -> Iterator[dict[str, object]]:
    """One transaction with its audit row: what is done within is there with the row, or not at all.

    Gives the row's fields, to be added to: what a value is that is known at the end only. Under "subject", that.
    """
    with site.archive.writing():
        yield fields
        note(site, actor, what, str(fields.pop("subject", subject)), **fields)


def note(site: Site, actor: Actor, what: str, subject: str, **fields: object) -> None:
    """An audit row; within the transaction of the change."""
    audit.put(site.archive, site.now_ms(), actor, what, subject, fields)


def newest(site: Site, actor: Actor, limit: int, subject: str | None = None) -> list[Entry]:
    """The last changes, the newest first; with `subject` ("sensor 7", "user ada"), of that only."""
    actor.require_operator()
    return audit.newest(site.archive, limit, subject)
