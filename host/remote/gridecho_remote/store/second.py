"""Second factors: the secret that a user's phone shares (RFC 6238), and codes for when it is lost; each code is good once."""

import base64
import secrets
from dataclasses import dataclass
from hashlib import sha256

from ..rules.errors import RemoteError
from .database import Archive
from .models import Recovery, Totp

TOTP = "totp"  # whose wrapped secrets these are
SECRET_BYTES = 20  # as long as an HMAC-SHA-1 (RFC 4226, 4)
RECOVERY_CODES = 10
_CODE_BYTES = 10


@dataclass(frozen=True, slots=True)
class Second:
    """A user's second factor. `since_s`: None while no code of it was shown; `left`: recovery codes that are not used."""

    secret: bytes
    since_s: int | None
    left: int


def of(archive: Archive, user_id: int) -> Second | None:
    """The second factor of a user, if there is one, or one is to be."""
    row = Totp.select(Totp.wrapped, Totp.since_s).where(Totp.user == user_id).tuples().first(archive.db)
    if row is None:
        return None
    left = Recovery.select().where(Recovery.user == user_id).count(archive.db)
    return Second(archive.vault.unwrap(TOTP, user_id, bytes(row[0])), row[1], left)


def is_on(archive: Archive, user_id: int) -> bool:
    """Whether a password alone does not log this user in."""
    return Totp.select().where(Totp.user == user_id, Totp.since_s.is_null(False)).exists(archive.db)


def prepare(archive: Archive, user_id: int) -> None:
    """A new secret in place of one of which no code was shown. Raises RemoteError if there is a second factor."""
    wrapped = archive.vault.wrap(TOTP, user_id, secrets.token_bytes(SECRET_BYTES))
    with archive.writing():
        if is_on(archive, user_id):
            raise RemoteError("second-there")
        Totp.delete().where(Totp.user == user_id).execute(archive.db)
        Totp.insert({"user": user_id, "wrapped": wrapped, "step": 0, "since_s": None}).execute(archive.db)


def confirm(archive: Archive, user_id: int, now_s: float) -> bool:
    """From now on a password alone does not do. False: it did not before."""
    on = Totp.update(since_s=int(now_s)).where(Totp.user == user_id, Totp.since_s.is_null())
    return bool(on.execute(archive.db))


def use_step(archive: Archive, user_id: int, step: int) -> bool:
    """Uses up the code of a time step and all before it; of two at once only one finds it unused."""
    return bool(Totp.update(step=step).where(Totp.user == user_id, Totp.step < step).execute(archive.db))


def new_recovery(archive: Archive, user_id: int) -> list[str]:
    """Ten codes in place of any before; kept are their digests."""
    codes = [_shown(secrets.token_bytes(_CODE_BYTES)) for _ in range(RECOVERY_CODES)]
    with archive.writing():
        Recovery.delete().where(Recovery.user == user_id).execute(archive.db)
        for code in codes:
            Recovery.insert({"user": user_id, "digest": _digest(code)}).execute(archive.db)
    return codes


def use_recovery(archive: Archive, user_id: int, code: str) -> bool:
    """Uses a code up; of two at once only one finds it there."""
    gone = Recovery.delete().where(Recovery.user == user_id, Recovery.digest == _digest(code))
    return bool(gone.execute(archive.db))


def remove(archive: Archive, user_id: int) -> bool:
    """A password alone does again. False: there was no second factor."""
    with archive.writing():
        Recovery.delete().where(Recovery.user == user_id).execute(archive.db)
        return bool(Totp.delete().where(Totp.user == user_id).execute(archive.db))


def _shown(code: bytes) -> str:
    text = base64.b32encode(code).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _digest(code: str) -> bytes:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(plain.encode("utf-8", "surrogatepass")).digest()
