"""The one-time code by which the first administrator makes their account, while there is no user; of it only a digest is kept."""

import secrets
from hashlib import sha256
from hmac import compare_digest

from .database import Archive
from .engine import Connection

HOURS = 24
_KEY = "first_code"  # of meta: the digest, and until when it is good


def offer(archive: Archive, now_s: float) -> str | None:
    """A new code in place of any before; None: there is somebody already."""
    code = secrets.token_urlsafe(24)
    with archive.writing() as connection:
        if not _nobody(connection):
            return None
        archive.set_meta(_KEY, f"{_digest(code)} {int(now_s) + HOURS * 3600}")
    return code


def waits(archive: Archive, now_s: float) -> bool:
    """Whether some code is good now."""
    connection = archive.connection()
    return _kept(connection, now_s) is not None and _nobody(connection)


def use(archive: Archive, code: str, now_s: float) -> bool:
    """Uses the code up, in the transaction that makes the user; of two at once only one finds it still there."""
    with archive.writing() as connection:
        connection.lock("meta", [_KEY], "key")
        kept = _kept(connection, now_s)
        if kept is None or not _nobody(connection) or not compare_digest(kept, _digest(code)):
            return False
        connection.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
    return True


def _nobody(connection: Connection) -> bool:
    return connection.execute('SELECT 1 FROM "user" LIMIT 1').fetchone() is None


def _kept(connection: Connection, now_s: float) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    digest, _, until_s = row[0].partition(" ") if row else ("", "", "0")
    return digest if now_s < int(until_s) else None


def _digest(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
