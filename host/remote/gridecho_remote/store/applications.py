"""Applications of others that an operator knows. One that has ended stays, for what it did."""

import json
import secrets
from dataclasses import dataclass
from hmac import compare_digest

from ..rules.errors import RemoteError
from ..rules.names import key_of
from . import consents
from .database import Archive
from .models import Application
from .tokens import digest_of


@dataclass(frozen=True, slots=True)
class ApplicationInfo:
    """An application. `secret`: the digest of what it shows; None: it cannot keep any."""

    id: int
    client_id: str
    name: str
    redirects: list[str]
    secret: bytes | None
    added_s: int
    ended_s: int | None

    def has_secret(self, shown: str) -> bool:
        """Whether this is its secret."""
        return self.secret is not None and compare_digest(digest_of(shown), self.secret)


def add(archive: Archive, name: str, redirects: list[str], secret: str | None, now_s: int) -> str:
    """A new application: the id by which it calls itself. Raises RemoteError if there is one of that name."""
    key = key_of(name)
    if Application.select().where(Application.key == key, Application.ended_s.is_null()).exists(archive.db):
        raise RemoteError("application-taken", name=name)
    client_id = secrets.token_urlsafe(12)
    row = {"client_id": client_id, "name": name, "key": key, "redirects": json.dumps(redirects), "added_s": now_s}
    Application.insert(row | {"secret": None if secret is None else digest_of(secret)}).execute(archive.db)
    return client_id


def find(archive: Archive, client_id: str) -> ApplicationInfo | None:
    """The application that calls itself so, if it has not ended."""
    row = (
        Application.select()
        .where(Application.client_id == client_id, Application.ended_s.is_null())
        .dicts()
        .first(archive.db)
    )
    return None if row is None else _info(row)


def every(archive: Archive) -> list[ApplicationInfo]:
    """All of them, those that have ended too, in the order they came."""
    return [_info(row) for row in Application.select().order_by(Application.id).dicts().execute(archive.db)]


def named(archive: Archive, name: str) -> ApplicationInfo:
    """The application of this name that has not ended. Raises RemoteError."""
    chosen = Application.select().where(Application.key == key_of(name), Application.ended_s.is_null())
    row = chosen.dicts().first(archive.db)
    if row is None:
        raise RemoteError("application-unknown", name=name)
    return _info(row)


def end(archive: Archive, number: int, now_s: int) -> int:
    """Ends it with every consent that it has: how many these were. Within a transaction."""
    Application.update(ended_s=now_s).where(Application.id == number).execute(archive.db)
    return consents.end_of_application(archive, number, now_s)


def _info(row: dict[str, object]) -> ApplicationInfo:
    secret = row["secret"]
    fields = {name: row[name] for name in ("id", "client_id", "name", "added_s", "ended_s")}
    return ApplicationInfo(
        redirects=json.loads(str(row["redirects"])),
        secret=None if secret is None else bytes(secret),  # type: ignore[call-overload]
        **fields,  # type: ignore[arg-type]
    )
