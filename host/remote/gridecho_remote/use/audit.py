"""Who changed what: every use case that changes something says so within its transaction, and the operator reads it.

What relays bring (batches, pieces of the index, heartbeats) is not noted: it is no change that anybody decided on.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

from ..rules.actor import Actor
from ..rules.errors import RemoteError
from ..store import anchors as anchors_
from ..store import audit, lookers
from ..store.audit import Entry
from .site import Site

__all__ = ("Entry",)

log = logging.getLogger("gridecho.remote")

_MOST_BREAKS = 100
_DAY_MS = 86_400_000


@contextmanager
def noted(site: Site, actor: Actor, what: str, subject: str, **fields: object) -> Iterator[dict[str, object]]:
    """One transaction with its audit row: what is done within is there with the row, or not at all.

    Gives the row's fields, to be added to: what a value is that is known at the end only. Under "subject", that.
    """
    with site.archive.writing():
        yield fields
        note(site, actor, what, str(fields.pop("subject", subject)), **fields)


def note(site: Site, actor: Actor, what: str, subject: str, **fields: object) -> int:
    """An audit row's number; within the transaction of the change. Of a program it says by which token it came."""
    said = fields if actor.by is None else fields | actor.by.said
    return audit.put(site.archive, site.now_ms(), actor, what, subject, said)


def newest(site: Site, actor: Actor, limit: int, subject: str | None = None) -> list[Entry]:
    """The last changes, the newest first; with `subject` ("sensor 7", "user ada"), of that only."""
    actor.require_auditor()
    return audit.newest(site.archive, limit, subject)


def verify(site: Site, actor: Actor, anchors: Path | None = None) -> tuple[int, list[RemoteError], int]:
    """How many rows there are, what is wrong with their chain, 100 at most, and up to which row it was cut off. Raises RemoteError.

    `anchors`: a file of what was noted outside the database, at the terminal; by default the one that the settings name.
    """
    actor.require_auditor()
    if anchors:
        actor.require_terminal()
    file = anchors or (Path(site.settings.audit_anchors) if site.settings.audit_anchors else None)
    there = anchors_.read(file) if file and (anchors or file.exists()) else {}
    with audit.chain(site.archive) as (_, end, begin):
        return end.id - begin.id, list(islice(audit.broken(site.archive, there), _MOST_BREAKS)), begin.id


def rows(site: Site, actor: Actor) -> Iterator[dict[str, object]]:
    """All rows in order with their digests, from which anybody can make the chain anew (docs/remote.md)."""
    actor.require_terminal()
    with audit.chain(site.archive) as (found, *_):
        for row, digest in found:
            yield asdict(row) | {"digest": digest.hex()}


def cut(site: Site, actor: Actor) -> int:
    """Cuts off what is older than `audit_keep_days`, if the settings say so; how many rows these were. The chain stays whole."""
    actor.require_terminal()
    days = site.settings.audit_keep_days
    if not days:
        return 0
    now_ms = site.now_ms()
    gone = audit.cut(site.archive, now_ms - days * _DAY_MS, now_ms, actor)
    if gone:
        with audit.chain(site.archive) as (_, _, last):
            pass
        lookers.forget(site.archive, last.id)
    return gone


def anchor(site: Site, noted: date | None) -> date:
    """Notes once a day (UTC) outside the database where the chain ends: in the log, and in a file if the settings name one.

    `noted`: the day on which this process did so last. Gives today.
    """
    day = datetime.fromtimestamp(site.clock(), UTC).date()
    if day == noted:
        return day
    with audit.chain(site.archive) as (_, end, _):
        log.info("audit-head day=%s row=%d digest=%s", day, end.id, end.digest.hex())
    file = site.settings.audit_anchors
    try:
        if file:
            anchors_.add(Path(file), day, end)
    except OSError as error:
        log.error("anchor-failed file=%s reason=%s; tried again tomorrow", file, error.strerror)
    return day
