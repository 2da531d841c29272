"""What programs show in a person's stead: a row each, found by the SHA-256 of a random token that is kept nowhere here."""

import json
import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from ..rules.plain_scopes import said, scope_from
from ..rules.scopes import Scope
from .database import Archive
from .models import Token

_MARK = "gridecho_"  # so that who finds one in a file knows what it is
_OF_PROGRAM = (
    "SELECT t.id, t.user_id, t.scope, t.expires_s, t.used_s, u.must_change, t.consent_id, a.name FROM token t "
    'JOIN "user" u ON u.id = t.user_id LEFT JOIN consent c ON c.id = t.consent_id '
    "LEFT JOIN application a ON a.id = c.application_id WHERE t.digest = ? AND t.kind <> 'refresh'"
)


class Kind(StrEnum):
    """What a token is for: a person's own program; an application, for a while; getting the next one."""

    OWN = "own"
    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Shown:
    """A token that somebody showed. `waits`: its user has to choose a password first. `consent`, `application`: of whose it is."""

    id: int
    user_id: int
    part: Scope
    expires_s: int
    used_s: int | None
    waits: bool
    consent: int | None
    application: str | None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A user's own token. `used_s`: when it was last used; None: never."""

    id: int
    name: str
    part: Scope
    begun_s: int
    expires_s: int
    used_s: int | None


def new() -> str:
    """A random token, or another secret of that kind."""
    return _MARK + secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """What is kept of it."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def add(
    archive: Archive,
    user_id: int,
    token: str,
    part: Scope,
    now_s: int,
    expires_s: int,
    kind: Kind = Kind.OWN,
    name: str = "",
    consent: int | None = None,
) -> int:
    """Keeps the digest of a token: its number."""
    row = {"user": user_id, "consent": consent, "name": name, "kind": kind, "digest": digest_of(token)}
    row |= {"scope": json.dumps(said(part)), "begun_s": now_s, "expires_s": expires_s}
    number: int = Token.insert(row).execute(archive.db)
    return number


def find(archive: Archive, token: str) -> Shown | None:
    """The token that a program shows."""
    # Asked for at every request of a program.
    row = archive.connection().execute(_OF_PROGRAM, (digest_of(token),)).fetchone()
    if row is None:
        return None
    number, user_id, scope, expires_s, used_s, waits, consent, application = row
    return Shown(number, user_id, scope_from(json.loads(scope)), expires_s, used_s, bool(waits), consent, application)


def holds(archive: Archive, number: int, now_s: float) -> bool:
    """Whether a token is there still, and good."""
    query = "SELECT 1 FROM token WHERE id = ? AND expires_s > ?"
    return archive.connection().execute(query, (number, int(now_s))).fetchone() is not None


def used(archive: Archive, number: int, now_s: int) -> None:
    """A program has shown it."""
    with archive.writing() as connection:
        connection.execute("UPDATE token SET used_s = ? WHERE id = ?", (now_s, number))


def of(archive: Archive, user_id: int) -> list[TokenInfo]:
    """A user's own tokens, the newest first; also those that are over by their time."""
    query = "SELECT id, name, scope, begun_s, expires_s, used_s FROM token WHERE user_id = ? AND kind = 'own' ORDER BY id DESC"
    return [
        TokenInfo(number, name, scope_from(json.loads(scope)), *times)
        for number, name, scope, *times in archive.connection().execute(query, (user_id,)).fetchall()
    ]


def end(archive: Archive, user_id: int, number: int) -> str | None:
    """Ends a token of this user's own: its name; None: they have none with this number."""
    mine = (Token.id == number) & (Token.user == user_id) & (Token.kind == Kind.OWN)
    name: str | None = Token.select(Token.name).where(mine).scalar(archive.db)
    return name if name is not None and Token.delete().where(mine).execute(archive.db) else None


def end_all(archive: Archive, user_id: int) -> int:
    """Ends every token of a user, those of applications too: how many these were."""
    ended: int = Token.delete().where(Token.user == user_id).execute(archive.db)
    return ended
