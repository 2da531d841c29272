"""What people let applications see: each consent with the code that takes it up once, and the tokens that it gave."""

import json
from dataclasses import dataclass

from peewee import JOIN, fn

from ..rules.plain_scopes import said, scope_from
from ..rules.scopes import Scope
from . import tokens
from .database import Archive
from .models import Application, Consent, Token
from .tokens import Kind

_FIELDS = (
    "c.id, c.user_id, c.application_id, a.name, c.scope, c.given_s, c.expires_s, c.redirect, c.challenge, "
    "c.code_until_s, c.taken_s"
)
_JOINED = 'FROM consent c JOIN application a ON a.id = c.application_id JOIN "user" u ON u.id = c.user_id '
_GOOD = "c.ended_s IS NULL AND a.ended_s IS NULL AND NOT u.must_change"


@dataclass(frozen=True, slots=True)
class Given:
    """A consent that has not ended. `taken_s`: when its code was used; None: it was not, and is good up to `code_until_s`."""

    id: int
    user_id: int
    application_id: int
    application: str
    part: Scope
    given_s: int
    expires_s: int
    redirect: str
    challenge: str
    code_until_s: int
    taken_s: int | None


@dataclass(frozen=True, slots=True)
class ConsentInfo:
    """A consent as its user has it in a list. `used_s`: when the application last came; None: never."""

    id: int
    application: str
    part: Scope
    given_s: int
    expires_s: int
    used_s: int | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A token by which an application gets the next ones. `used_s`: when it did."""

    id: int
    expires_s: int
    used_s: int | None
    consent: Given


def give(
    archive: Archive,
    user_id: int,
    application_id: int,
    part: Scope,
    code: str,
    redirect: str,
    challenge: str,
    now_s: int,
    code_until_s: int,
    expires_s: int,
) -> int:
    """Keeps a consent and the digest of its code: its number. Those of the user whose code nobody came for are forgotten."""
    Consent.delete().where(Consent.user == user_id, Consent.taken_s.is_null(), Consent.code_until_s < now_s).execute(
        archive.db
    )
    row = {"user": user_id, "application": application_id, "scope": json.dumps(said(part)), "given_s": now_s}
    row |= {"expires_s": expires_s, "digest": tokens.digest_of(code), "redirect": redirect, "challenge": challenge}
    number: int = Consent.insert(row | {"code_until_s": code_until_s}).execute(archive.db)
    return number


def of_code(archive: Archive, code: str) -> Given | None:
    """The consent that a code takes up, or did."""
    return _given(archive, "c.digest = ?", tokens.digest_of(code))


def take(archive: Archive, number: int, now_s: int) -> bool:
    """Uses its code up; of two at once only one finds it unused."""
    taken = Consent.update(taken_s=now_s).where(
        Consent.id == number, Consent.taken_s.is_null(), Consent.ended_s.is_null()
    )
    return bool(taken.execute(archive.db))


def renewal(archive: Archive, token: str) -> Renewal | None:
    """The token by which an application gets the next ones."""
    query = "SELECT id, consent_id, expires_s, used_s FROM token WHERE digest = ? AND kind = 'refresh'"
    row = archive.connection().execute(query, (tokens.digest_of(token),)).fetchone()
    found = None if row is None else _given(archive, "c.id = ?", row[1])
    return None if row is None or found is None else Renewal(row[0], row[2], row[3], found)


def use_renewal(archive: Archive, number: int, now_s: int) -> bool:
    """Uses it up; of two at once only one finds it unused."""
    used = Token.update(used_s=now_s).where(Token.id == number, Token.used_s.is_null())
    return bool(used.execute(archive.db))


def forget(archive: Archive, number: int, now_s: int) -> None:
    """Deletes the tokens of a consent that are over by their time."""
    Token.delete().where(Token.consent == number, Token.expires_s <= now_s).execute(archive.db)


def of_token(archive: Archive, token: str) -> tuple[int, Kind, Given] | None:
    """A token of an application's, what it is for, and the consent that gave it."""
    query = "SELECT id, kind, consent_id FROM token WHERE digest = ? AND consent_id IS NOT NULL"
    row = archive.connection().execute(query, (tokens.digest_of(token),)).fetchone()
    found = None if row is None else _given(archive, "c.id = ?", row[2])
    return None if row is None or found is None else (row[0], Kind(row[1]), found)


def end_token(archive: Archive, number: int) -> None:
    """Ends one token."""
    Token.delete().where(Token.id == number).execute(archive.db)


def of(archive: Archive, user_id: int, now_s: int) -> list[ConsentInfo]:
    """A user's consents that were taken up and hold, the newest first."""
    query = (
        Consent.select(
            Consent.id,
            Application.name,
            Consent.scope,
            Consent.given_s,
            Consent.expires_s,
            fn.MAX(Token.used_s),
        )
        .join(Application)
        .join(Token, JOIN.LEFT_OUTER, on=(Token.consent == Consent.id))
        .where(
            Consent.user == user_id,
            Consent.ended_s.is_null(),
            Consent.taken_s.is_null(False),
            Consent.expires_s > now_s,
        )
        .group_by(Consent.id, Application.name, Consent.scope, Consent.given_s, Consent.expires_s)
        .order_by(Consent.id.desc())
    )
    return [
        ConsentInfo(number, name, scope_from(json.loads(scope)), given_s, expires_s, used_s)
        for number, name, scope, given_s, expires_s, used_s in query.tuples().execute(archive.db)
    ]


def open_of(archive: Archive, user_id: int, now_s: int) -> int:
    """How many of a user's hold, or may be taken up yet."""
    mine = (Consent.user == user_id) & Consent.ended_s.is_null() & (Consent.expires_s > now_s)
    return int(Consent.select().where(mine).count(archive.db))


def end(archive: Archive, user_id: int, number: int, now_s: int) -> str | None:
    """Ends a consent of this user's, and its tokens: the application's name; None: they have none with this number."""
    mine = (Consent.id == number) & (Consent.user == user_id) & Consent.ended_s.is_null()
    name: str | None = Consent.select(Application.name).join(Application).where(mine).scalar(archive.db)
    if name is None or not Consent.update(ended_s=now_s).where(mine).execute(archive.db):
        return None
    Token.delete().where(Token.consent == number).execute(archive.db)
    return name


def end_all(archive: Archive, user_id: int, now_s: int) -> None:
    """Ends all of a user's; their tokens end otherwise."""
    Consent.update(ended_s=now_s).where(Consent.user == user_id, Consent.ended_s.is_null()).execute(archive.db)


def end_of_application(archive: Archive, application_id: int, now_s: int) -> int:
    """Ends all that an application has: how many these were."""
    theirs = Consent.select(Consent.id).where(Consent.application == application_id)
    Token.delete().where(Token.consent.in_(theirs)).execute(archive.db)
    ended = Consent.update(ended_s=now_s).where(Consent.application == application_id, Consent.ended_s.is_null())
    return int(ended.execute(archive.db))


def _given(archive: Archive, which: str, value: object) -> Given | None:
    query = f"SELECT {_FIELDS} {_JOINED} WHERE {which} AND {_GOOD}"  # nosec B608  # names of ours, values are bound
    row = archive.connection().execute(query, (value,)).fetchone()
    if row is None:
        return None
    number, user_id, application_id, application, scope, *rest = row
    return Given(number, user_id, application_id, application, scope_from(json.loads(scope)), *rest)
