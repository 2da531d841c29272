"""Notices: what people are told, on a page and by e-mail."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..rules.reasons import Reason, kept_reason
from .database import Archive
from .models import Notice

_MOST_KEPT = 200  # of one person; older ones go when new ones come
_ROW = (Notice.id, Notice.at_ms, Notice.told, Notice.read_ms)


@dataclass(frozen=True, slots=True)
class NoticeInfo:
    """A notice of a person; `read`: they saw it."""

    id: int
    at_ms: int
    told: Reason
    read: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice that is to be sent, and to which address."""

    id: int
    at_ms: int
    told: Reason
    email: str
    tries: int


def put(archive: Archive, users: Iterable[int], told: Reason, now_ms: int, *, by_mail: bool) -> None:
    """Tells each of these people something, on the page and perhaps by mail; within the transaction of what it is about."""
    mail_ms = now_ms if by_mail else None
    for user_id in sorted(set(users)):
        Notice.insert(user=user_id, at_ms=now_ms, told=told.kept(), mail_ms=mail_ms).execute(archive.db)
        archive.connection().execute(
            "DELETE FROM notice WHERE user_id = ? AND id <= (SELECT id FROM notice WHERE user_id = ? "
            "ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (user_id, user_id, _MOST_KEPT),
        )


def newest(archive: Archive, user_id: int) -> list[NoticeInfo]:
    """What a person was told, the newest first."""
    query = Notice.select(*_ROW).where(Notice.user == user_id).order_by(Notice.id.desc()).limit(_MOST_KEPT)
    return [
        NoticeInfo(number, at_ms, kept_reason(told), read_ms is not None)
        for number, at_ms, told, read_ms in query.tuples().execute(archive.db)
    ]


def unread(archive: Archive, user_id: int) -> int:
    """How many of them they did not see yet."""
    return int(Notice.select().where(Notice.user == user_id, Notice.read_ms.is_null()).count(archive.db))


def mark_read(archive: Archive, user_id: int, up_to: int, now_ms: int) -> None:
    """They saw those up to this number."""
    seen = Notice.update(read_ms=now_ms).where(Notice.user == user_id, Notice.id <= up_to, Notice.read_ms.is_null())
    seen.execute(archive.db)


def claimed(archive: Archive, now_ms: int, until_ms: int, most: int) -> list[Letter]:
    """Letters that are due; no other process takes them before `until_ms`, when they would be due again."""
    with archive.writing() as connection:
        connection.lock("notice")
        rows = connection.execute(
            'SELECT n.id, n.at_ms, n.told, u.email, n.tries FROM notice AS n JOIN "user" AS u ON u.id = n.user_id '
            "WHERE n.mail_ms <= ? ORDER BY n.mail_ms LIMIT ?",
            (now_ms, most),
        ).fetchall()
        connection.executemany(
            "UPDATE notice SET mail_ms = ?, tries = tries + 1 WHERE id = ?", [(until_ms, row[0]) for row in rows]
        )
    return [Letter(row[0], row[1], kept_reason(row[2]), row[3] or "", row[4] + 1) for row in rows]


def settle(archive: Archive, number: int, again_ms: int | None) -> None:
    """A letter was sent, or is not to be sent; or, with a time, is tried again then."""
    Notice.update(mail_ms=again_ms).where(Notice.id == number).execute(archive.db)
