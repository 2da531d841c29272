"""Logins: a row each, found by the SHA-256 of the random token that its browser has."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from .database import Archive
from .models import Session

_FIELDS = "id, user_id, begun_s, seen_s, address, agent"


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A login: since when, when its person last did something, and the address and browser that it was begun from."""

    id: int
    user_id: int
    begun_s: int
    seen_s: int
    address: str
    agent: str


def begin(archive: Archive, user_id: int, now_s: int, address: str, agent: str) -> str:
    """A new login: its token, which is kept nowhere here."""
    token, digest = _new()
    row = {"user": user_id, "digest": digest, "begun_s": now_s, "seen_s": now_s, "address": address, "agent": agent}
    Session.insert(row).execute(archive.db)
    return token


def renew(archive: Archive, number: int) -> str:
    """Another token for the same login; the old one is good for nothing any more."""
    token, digest = _new()
    Session.update(digest=digest).where(Session.id == number).execute(archive.db)
    return token


def find(archive: Archive, token: str) -> SessionInfo | None:
    """The login with this token."""
    # Asked for at every request of a person.
    query = f"SELECT {_FIELDS} FROM session WHERE digest = ?"  # noqa: S608  # nosec B608  # names of ours, values are bound
    row = archive.connection().execute(query, (_digest(token),)).fetchone()
    return None if row is None else SessionInfo(*row)


def seen(archive: Archive, number: int, now_s: int) -> None:
    """Its person has done something."""
    with archive.writing() as connection:
        connection.execute("UPDATE session SET seen_s = ? WHERE id = ? AND seen_s < ?", (now_s, number, now_s))


def of(archive: Archive, user_id: int) -> list[SessionInfo]:
    """A user's logins, the last used first."""
    query = f"SELECT {_FIELDS} FROM session WHERE user_id = ? ORDER BY seen_s DESC, id DESC"  # noqa: S608  # nosec B608  # names of ours, values are bound
    return [SessionInfo(*row) for row in archive.connection().execute(query, (user_id,)).fetchall()]


def end(archive: Archive, user_id: int, number: int) -> bool:
    """Ends a login of this user; False: they have none with this number."""
    return bool(Session.delete().where(Session.id == number, Session.user == user_id).execute(archive.db))


def end_all(archive: Archive, user_id: int, but: int = 0) -> int:
    """Ends every login of a user but one: how many these were."""
    ended: int = Session.delete().where(Session.user == user_id, Session.id != but).execute(archive.db)
    return ended


def forget(archive: Archive, begun_s: int, seen_s: int) -> None:
    """Deletes the logins that were begun by then, or last used by then."""
    Session.delete().where((Session.begun_s <= begun_s) | (Session.seen_s <= seen_s)).execute(archive.db)


def _new() -> tuple[str, bytes]:
    token = secrets.token_urlsafe(32)
    return token, _digest(token)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
