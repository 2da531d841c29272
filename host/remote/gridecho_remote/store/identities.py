"""Which user somebody is, by what a provider says: its address (the issuer), and its own name for them (the subject)."""

from peewee import IntegrityError

from ..rules.errors import RemoteError
from .database import Archive
from .models import Identity


def user_of(archive: Archive, issuer: str, subject: str) -> int | None:
    """The id of the user; None: nobody here is known by this."""
    found: int | None = (
        Identity.select(Identity.user).where(Identity.issuer == issuer, Identity.subject == subject).scalar(archive.db)
    )
    return found


def add(archive: Archive, user_id: int, issuer: str, subject: str) -> None:
    """From now on the user is known by this. Raises RemoteError if somebody is."""
    try:
        Identity.insert({"user": user_id, "issuer": issuer, "subject": subject}).execute(archive.db)
    except IntegrityError:
        raise RemoteError("identity-taken", subject=subject) from None


def remove(archive: Archive, user_id: int, issuer: str) -> int:
    """The user is known to this provider no more: by how many names they were."""
    gone: int = Identity.delete().where(Identity.user == user_id, Identity.issuer == issuer).execute(archive.db)
    return gone
