"""Organisations that people ask for."""

from typing import Any

from peewee import JOIN, IntegrityError, fn

from ..rules.errors import RemoteError
from ..rules.names import key_of
from .database import Archive
from .models import Organisation, User

_MOST, _MOST_KEY = 100, 255


def add(archive: Archive, name: str, now_s: float) -> None:
    """A new organisation. Raises RemoteError."""
    name = name.strip()
    if not 0 < len(name) <= _MOST or len(key_of(name)) > _MOST_KEY or not name.isprintable():
        raise RemoteError("organisation-name", most=_MOST)
    try:
        Organisation.insert(name=name, key=key_of(name), added_s=int(now_s)).execute(archive.db)
    except IntegrityError:
        raise RemoteError("organisation-taken", name=name) from None


def remove(archive: Archive, name: str) -> None:
    """Removes one that nobody is in. Raises RemoteError."""
    number = organisation_id(archive, name)
    if User.select().where(User.organisation == number).exists(archive.db):
        raise RemoteError("organisation-needed", name=name)
    Organisation.delete().where(Organisation.id == number).execute(archive.db)


def all_of_them(archive: Archive) -> list[tuple[str, int]]:
    """(name, how many people are in it), by name."""
    query = Organisation.select(Organisation.name, fn.COUNT(User.id)).join(User, JOIN.LEFT_OUTER)
    return list(query.group_by(Organisation.name).order_by(Organisation.name).tuples().execute(archive.db))


def organisation_id(archive: Archive, name: str) -> int:
    """The id of an organisation. Raises RemoteError if there is none of this name."""
    found: int | None = Organisation.select(Organisation.id).where(_named(name)).scalar(archive.db)
    if found is None:
        raise RemoteError("organisation-unknown", name=name)
    return found


def proper_name(archive: Archive, name: str) -> str:
    """An organisation's name as it was given at first. Raises RemoteError if there is none."""
    found: str | None = Organisation.select(Organisation.name).where(_named(name)).scalar(archive.db)
    if found is None:
        raise RemoteError("organisation-unknown", name=name)
    return found


def _named(name: str) -> Any:
    return Organisation.key == key_of(name)
