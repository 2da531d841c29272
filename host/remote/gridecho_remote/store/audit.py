"""The audit: who did what, and when. A row is written in the transaction of what it tells of, chained to the one before it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass

from ..rules.actor import Actor
from ..rules.chain import CUT, Head, Row, breaks, linked, said_of
from ..rules.errors import RemoteError
from .database import Archive
from .engine import Connection
from .models import Audit

MOST = 10_000
_HEAD, _CUT = "audit_head", "audit_cut"  # of meta: the last row, and the last one that was cut off
_MOST_SEEN = 100_000  # rows that one page of what is found looks through
_AT_ONCE = 10_000  # rows that one transaction cuts off
_FIELDS = "id, at_ms, actor_kind, actor_id, what, subject, fields"


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


def put(archive: Archive, at_ms: int, actor: Actor, what: str, subject: str, fields: Mapping[str, object]) -> int:
    """Writes a row, at the end of the transaction of what it tells of: until that is over, nobody else writes one. Its number."""
    with archive.writing() as connection:
        connection.lock("meta", [_HEAD], "key")
        before = head(connection)
        # PostgreSQL's text has no character 0.
        subject = subject.replace("\0", "\ufffd")
        said = json.dumps(fields, sort_keys=True)
        row = Row(before.id + 1, at_ms, str(actor.kind), actor.id, what, subject, said)
        digest = linked(before.digest, row)
        connection.execute(
            f"INSERT INTO audit ({_FIELDS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # nosec B608  # names of ours, values are bound
            (*astuple(row), digest),
        )
        connection.execute("UPDATE meta SET value = ? WHERE key = ?", (str(Head(row.id, digest)), _HEAD))
    return row.id


def head(connection: Connection) -> Head:
    """Where the chain ends. Raises ValueError if that is not told."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_HEAD,)).fetchone()
    return Head.of(row[0] if row else "")


def cut(archive: Archive, before_ms: int, now_ms: int, actor: Actor) -> int:
    """Cuts off the rows of before this time, up to the first that is not; how many these were. What is left says so."""
    query = "SELECT MIN(id) FROM audit WHERE at_ms >= ?"
    with archive.reading() as connection:
        first_kept = connection.execute(query, (before_ms,)).fetchone()[0] or head(connection).id + 1
    gone = 0
    while part := _cut_some(archive, first_kept - 1, now_ms, actor):
        gone += part
    return gone


def _cut_some(archive: Archive, last: int, now_ms: int, actor: Actor) -> int:
    with archive.writing() as connection:
        connection.lock("meta", [_HEAD], "key")
        query = "SELECT id, digest FROM audit WHERE id <= ? ORDER BY id LIMIT 1 OFFSET ?"
        there = connection.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE id <= ? LIMIT ?) AS part", (last, _AT_ONCE)
        )
        (count,) = there.fetchone()
        if not count:
            return 0
        number, digest = connection.execute(query, (last, count - 1)).fetchone()
        end = Head(number, bytes(digest))
        put(archive, now_ms, actor, CUT, "audit", json.loads(said_of(end)))
        connection.execute("DELETE FROM audit WHERE id <= ?", (number,))
        archive.set_meta(_CUT, str(end))
    return int(count)


def cut_off(connection: Connection) -> Head:
    """The last row that was cut off; its number is 0 if none was. Raises ValueError if what is told is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_CUT,)).fetchone()
    return Head.of(row[0]) if row else Head()


@contextmanager
def chain(archive: Archive) -> Iterator[tuple[Iterator[tuple[Row, bytes]], Head, Head]]:
    """All rows with their digests in order, some in memory at a time; the head; the last row that was cut off. At one moment."""
    with archive.reading() as connection:
        try:
            end = head(connection)
        except ValueError:  # it was changed, so that every row is one too many
            end = Head()
        try:
            begin = cut_off(connection)
        except ValueError:  # so that the first row is one too late
            begin = Head()
        with connection.stream(f"SELECT {_FIELDS}, digest FROM audit ORDER BY id") as rows:  # noqa: S608  # nosec B608  # names of ours, values are bound
            yield ((Row(*row[:-1]), bytes(row[-1])) for row in rows), end, begin


def newest(archive: Archive, limit: int, subject: str | None = None) -> list[Entry]:
    """The last rows, the newest first; with `subject`, of that only."""
    query = Audit.select().order_by(Audit.id.desc()).limit(min(limit, MOST))
    if subject is not None:
        query = query.where(Audit.subject == subject)
    return [entry_of(row) for row in query.execute(archive.db)]


def entry_of(row: Audit) -> Entry:
    return Entry(row.id, row.at_ms, row.actor_kind, row.actor_id, row.what, row.subject, json.loads(row.fields))


def found(
    archive: Archive,
    before: int,
    limit: int,
    subject: str = "",
    what: str = "",
    actor: tuple[str, int | None] | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> tuple[list[Entry], int | None]:
    """Rows below a number (0: from the last on), the newest first, of the last 100,000 of these; and below which others may be.

    `what`: it begins so. `actor`: kind, and id or None for all of it. `to_ms` is not included.
    """
    before = before or head(archive.connection()).id + 1
    least = max(1, before - _MOST_SEEN)
    query = Audit.select().where(Audit.id < before, Audit.id >= least).order_by(Audit.id.desc()).limit(limit)
    if subject:
        query = query.where(Audit.subject == subject)
    if what:
        query = query.where(Audit.what >= what, Audit.what < what + "\x7f")  # they are ASCII
    if actor is not None:
        query = query.where(Audit.actor_kind == actor[0])
        query = query if actor[1] is None else query.where(Audit.actor_id == actor[1])
    if from_ms is not None:
        query = query.where(Audit.at_ms >= from_ms)
    if to_ms is not None:
        query = query.where(Audit.at_ms < to_ms)
    rows = [entry_of(row) for row in query.execute(archive.db)]
    more = rows[-1].id if len(rows) == limit else least
    return rows, more if more > 1 else None


def broken(archive: Archive, anchors: Mapping[int, bytes]) -> Iterator[RemoteError]:
    """What is wrong with the chain; `anchors` as in rules/chain.py."""
    with chain(archive) as (rows, end, begin):
        yield from breaks(rows, end, anchors, begin)
