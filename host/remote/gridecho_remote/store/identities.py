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


def tell(archive: Archive, issuer: str, subject: str, claims: str, now_s: float) -> None:
    """What the provider says of somebody now, as JSON, in place of what it said before."""
    said = Identity.update(claims=claims, claims_s=int(now_s))
    said.where(Identity.issuer == issuer, Identity.subject == subject).execute(archive.db)


def told(archive: Archive, user_id: int, issuer: str) -> tuple[str, int] | None:
    """What a provider said of a user last, as JSON, and when; None: nothing ever."""
    query = Identity.select(Identity.claims, Identity.claims_s).where(
        Identity.user == user_id, Identity.issuer == issuer, Identity.claims_s.is_null(False)
    )
    row: tuple[str, int] | None = query.order_by(Identity.claims_s.desc()).tuples().first(archive.db)
    return row


def remove(archive: Archive, user_id: int, issuer: str) -> int:
    """The user is known to this provider no more: by how many names they were."""
    gone: int = Identity.delete().where(Identity.user == user_id, Identity.issuer == issuer).execute(archive.db)
    return gone
