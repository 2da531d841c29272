"""People who log in: argon2 password hashes, one-time passwords that must be changed, roles."""

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from peewee import JOIN, IntegrityError

from ..rules import passwords
from ..rules.actor import Actor
from ..rules.actor import person as person_with
from ..rules.errors import RemoteError
from ..rules.names import key_of
from ..rules.roles import Role
from . import consents, organisations, roles, sessions, tokens
from .database import Archive
from .models import Grant, HeldRole, Organisation, User

ONE_TIME_HOURS = 24
_MOST_KEY = 255  # one character may become eighteen
_MOST_EMAIL = 254
_LAST = "\U0010fffd"  # after every name that begins so
_EMAIL = re.compile(
    r"[!-?A-~]+@[!-?A-~]+"
)  # printable ASCII around the one @; whether it is read there, only a letter tells

_hasher = PasswordHasher()
# What an unknown name is checked against, so that it takes as long as a known one.
_DECOY = _hasher.hash(secrets.token_hex())


@dataclass(frozen=True, slots=True)
class Person:
    """A user as a session knows them. `actor` has their roles."""

    id: int
    name: str
    must_change: bool
    actor: Actor


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user as a list has them."""

    name: str
    organisation: str | None
    email: str | None
    roles: list[Role]


def add_user(archive: Archive, name: str, now_s: float | None = None) -> str:
    """Makes a user and gives their one-time password: good for one login within 24 hours. Raises RemoteError."""
    password, row = _one_time(now_s)
    _insert(archive, name, time.time() if now_s is None else now_s, row)
    return password


def add_with(archive: Archive, name: str, password_hash: str | None, now_s: float) -> int:
    """Makes a user who chose a password, as `hashed` gave it, or who logs in otherwise: the id. Raises RemoteError."""
    return _insert(archive, name, now_s, {"password_hash": password_hash, "must_change": False})


def is_email(text: str) -> bool:
    """Whether this can be somebody's address."""
    return 3 <= len(text) <= _MOST_EMAIL and _EMAIL.fullmatch(text) is not None


def is_taken(archive: Archive, name: str) -> bool:
    """Whether there is a user of this name."""
    return User.select().where(_named(name)).exists(archive.db)


def nobody(archive: Archive) -> bool:
    """Whether there is no user."""
    return not User.select().exists(archive.db)


def reset_user(archive: Archive, name: str, now_s: float | None = None) -> str:
    """A new one-time password for a user, whose sessions and tokens all end. Raises RemoteError if there is no such user."""
    password, row = _one_time(now_s)
    with archive.writing():
        _change(archive, name, **row)
        sessions.end_all(archive, user_id(archive, name))
        tokens.end_all(archive, user_id(archive, name))
        consents.end_all(archive, user_id(archive, name), int(time.time() if now_s is None else now_s))
    return password


def verified(archive: Archive, name: str, password: str, now_s: float) -> tuple[Person, str | None] | None:
    """The user with this name and password, and what `spend` takes if it is a one-time password; or None."""
    row = User.select().where(_named(name)).dicts().first(archive.db)
    stored = row["password_hash"] if row else None
    if not _verifies(stored or _DECOY, password) or not row or not stored:
        return None
    once = row["one_time_until_s"]
    if once is not None and now_s >= once:
        return None
    return _person(archive, row["id"], row["name"], row["must_change"]), None if once is None else stored


def spend(archive: Archive, user_id: int, stored: str) -> bool:
    """Uses a one-time password up; of two logins at once only one finds it still there."""
    spent = User.update(password_hash=None, one_time_until_s=None)
    return bool(spent.where(User.id == user_id, User.password_hash == stored).execute(archive.db))


def hashed(password: str, *words: str) -> str:
    """What is kept of a password that a user chose, who calls themselves so; do it outside a transaction. Raises RemoteError."""
    return _hasher.hash(passwords.checked(password, words))


def change_password(archive: Archive, user_id: int, password: str) -> None:
    """Sets a password that the user chose, as `set_hash`. Raises RemoteError."""
    set_hash(archive, user_id, hashed(password))


def set_hash(archive: Archive, user_id: int, password_hash: str, but: int = 0) -> None:
    """Sets what `hashed` gave; every session of the user but that one ends. Raises RemoteError."""
    values = {"password_hash": password_hash, "must_change": False, "one_time_until_s": None}
    with archive.writing():
        if not User.update(values).where(User.id == user_id).execute(archive.db):
            raise RemoteError("user-gone")
        sessions.end_all(archive, user_id, but)


def has_password(archive: Archive, user_id: int) -> bool:
    """Whether the user has a password, or logs in otherwise."""
    return User.select().where(User.id == user_id, User.password_hash.is_null(False)).exists(archive.db)


def check_password(archive: Archive, user_id: int, password: str) -> bool:
    """Whether this is the user's present password."""
    stored = User.select(User.password_hash).where(User.id == user_id).scalar(archive.db)
    return stored is not None and _verifies(stored, password)


def find_person(archive: Archive, user_id: int) -> Person | None:
    """The user with this id, with the roles that they have now."""
    # Asked for at every request of a person.
    query = 'SELECT id, name, must_change FROM "user" WHERE id = ?'
    row = archive.connection().execute(query, (user_id,)).fetchone()
    return None if row is None else _person(archive, row[0], row[1], bool(row[2]))


def found_person(archive: Archive, user_id: int) -> Person:
    """The user with this id. Raises RemoteError if there is none any more."""
    person = find_person(archive, user_id)
    if person is None:
        raise RemoteError("user-gone")
    return person


def set_organisation(archive: Archive, name: str, organisation: str | None) -> None:
    """Whom a user asks for; None: for themselves. Raises RemoteError if there is no such user or organisation."""
    found = None if organisation is None else organisations.organisation_id(archive, organisation)
    _change(archive, name, organisation=found)


def set_email(archive: Archive, name: str, email: str | None) -> None:
    """Where a user is written to; None: nowhere. Raises RemoteError."""
    if email is not None and not is_email(email):
        raise RemoteError("email-form")
    _change(archive, name, email=email)


def count_without_grant(archive: Archive) -> int:
    """How many users never had a grant nor have a role."""
    had = Grant.select(Grant.user), HeldRole.select(HeldRole.user)
    return int(User.select().where(*(User.id.not_in(one) for one in had)).count(archive.db))


def users(archive: Archive) -> list[UserInfo]:
    """All users by name."""
    held = roles.of_all(archive)
    rows = _infos().order_by(User.name).tuples().execute(archive.db)
    return [UserInfo(name, of, email, held.get(number, [])) for number, name, of, email in rows]


def some(archive: Archive, begins: str, after: str, limit: int) -> list[UserInfo]:
    """Users by `key_of` their name, those after that of `after`, whose name begins so."""
    low = key_of(begins)
    query = _infos().where(User.key > key_of(after)) if after.strip() else _infos()
    if low:
        query = query.where(User.key >= low, User.key < low + _LAST)
    rows = query.order_by(User.key).limit(limit).tuples().execute(archive.db)
    return [UserInfo(name, of, email, roles.of(archive, number)) for number, name, of, email in rows]


def names(archive: Archive, user_ids: Iterable[int]) -> dict[int, tuple[str, str | None]]:
    """(name, organisation) of users, by id; of those that there are."""
    query = _infos().where(User.id.in_(sorted(set(user_ids))))
    return {number: (name, of) for number, name, of, _ in query.tuples().execute(archive.db)}


def info(archive: Archive, user_id: int) -> UserInfo:
    """The user with this id. Raises RemoteError."""
    row = _infos().where(User.id == user_id).tuples().first(archive.db)
    if row is None:
        raise RemoteError("user-gone")
    _, name, organisation, email = row
    return UserInfo(name, organisation, email, roles.of(archive, user_id))


def proper_name(archive: Archive, name: str) -> str:
    """A user's name as it was given at first. Raises RemoteError if there is no such user."""
    found: str | None = User.select(User.name).where(_named(name)).scalar(archive.db)
    if found is None:
        raise RemoteError("user-unknown", name=name)
    return found


def user_id(archive: Archive, name: str) -> int:
    """The id of a user. Raises RemoteError if there is no such user."""
    found: int | None = User.select(User.id).where(_named(name)).scalar(archive.db)
    if found is None:
        raise RemoteError("user-unknown", name=name)
    return found


def _named(name: str) -> Any:
    return User.key == key_of(name)


def _insert(archive: Archive, name: str, now_s: float, row: dict[str, Any]) -> int:
    name = name.strip()
    if not 0 < len(name) <= 100 or len(key_of(name)) > _MOST_KEY:
        raise RemoteError("user-name")
    values = {"name": name, "key": key_of(name), "added_s": int(now_s), **row}
    try:
        number: int = User.insert(values).execute(archive.db)
    except IntegrityError:
        raise RemoteError("user-taken", name=name) from None
    return number


def _change(archive: Archive, name: str, **values: Any) -> None:
    if not User.update(**values).where(_named(name)).execute(archive.db):
        raise RemoteError("user-unknown", name=name)


def _infos() -> Any:
    return User.select(User.id, User.name, Organisation.name, User.email).join(Organisation, JOIN.LEFT_OUTER)


def _person(archive: Archive, number: int, name: str, must_change: bool) -> Person:
    return Person(number, name, must_change, person_with(number, roles.of(archive, number)))


def _one_time(now_s: float | None) -> tuple[str, dict[str, Any]]:
    password = "-".join(secrets.token_hex(2) for _ in range(5))
    until_s = int((time.time() if now_s is None else now_s) + ONE_TIME_HOURS * 3600)
    return password, {
        "password_hash": _hasher.hash(password),
        "must_change": True,
        "one_time_until_s": until_s,
    }


def _verifies(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password[: passwords.MOST + 1])
    except VerificationError:
        return False
