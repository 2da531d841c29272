"""One-time codes by which a relay enrols itself: an administrator makes one, the relay shows it once and gets its id and secret."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from ..rules.errors import RemoteError
from .database import Archive
from .enrol import enrol_relay, relay_secret, replace_relay
from .models import EnrolCode, Relay

_BYTES = 16
_AGAIN_S = 600  # so long a relay that lost the answer gets it again


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a relay learns by its code."""

    relay_id: int
    name: str
    secret: bytes


def make_code(archive: Archive, name: str, expires_s: int, replaces: int | None = None) -> str:
    """A code for one relay that is to be called so; only its digest is kept. Raises RemoteError.

    With `replaces`, the relay takes the place of the one with that id when it shows the code; its name may stay (empty).
    """
    if replaces is not None and relay_secret(archive, replaces) is None:
        raise RemoteError("relay-not-to-replace", relay_id=replaces)
    if not name.strip() and replaces is None:
        raise RemoteError("name-missing")
    code = secrets.token_urlsafe(_BYTES)
    row = {"digest": _digest(code), "name": name, "expires_s": expires_s, "relay_id": replaces}
    EnrolCode.insert(**row).execute(archive.db)
    return code


def is_code(archive: Archive, code: str) -> bool:
    """Whether there is such a code, used or not."""
    return bool(EnrolCode.select().where(EnrolCode.digest == _digest(code)).exists(archive.db))


def use_code(archive: Archive, code: str, nonce: str, now_s: int) -> Enrolled | None:
    """Enrols the relay that shows this code; None if it is unknown, expired, or used with another nonce or too long ago."""
    digest = _digest(code)
    with archive.writing() as connection:
        connection.lock("enrol_code", [digest], "digest")
        row: EnrolCode | None = EnrolCode.select().where(EnrolCode.digest == digest).first(archive.db)
        if row is None:
            return None
        if row.used_s is not None:
            if row.nonce is None or row.relay_id is None or now_s > row.used_s + _AGAIN_S:
                return None
            kept = relay_secret(archive, row.relay_id)
            if kept is None or not secrets.compare_digest(row.nonce.encode(), nonce.encode()):
                return None
            return Enrolled(row.relay_id, row.name or _name(archive, row.relay_id), kept)
        if now_s >= row.expires_s:
            return None
        secret = secrets.token_bytes(32)
        if row.relay_id is not None:  # of a relay that is lost
            relay_id = row.relay_id
            replace_relay(archive, relay_id, secret, row.name)
        else:
            connection.lock("relay")
            relay_id = _free_id(archive)
            enrol_relay(archive, relay_id, row.name, secret, now_s)
        used = EnrolCode.update(used_s=now_s, nonce=nonce, relay_id=relay_id)
        used.where(EnrolCode.digest == digest).execute(archive.db)
    return Enrolled(relay_id, row.name or _name(archive, relay_id), secret)


def _name(archive: Archive, relay_id: int) -> str:
    name: str = Relay.select(Relay.name).where(Relay.id == relay_id).scalar(archive.db)
    return name


def _free_id(archive: Archive) -> int:
    taken = {relay_id for (relay_id,) in Relay.select(Relay.id).tuples().execute(archive.db)}
    return next(relay_id for relay_id in range(1, len(taken) + 2) if relay_id not in taken)


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()
