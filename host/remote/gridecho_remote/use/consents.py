"""What people let applications of others see: of sensors that are theirs by contract, a part, for a time, until they end it.

What was granted to somebody is not theirs to hand on. A consent gives a code; the code gives an hour's token and one by which the
next hour's comes, each once. Who shows one that was used has it from somebody: all that the consent gave ends (RFC 9700, 4.14).
"""

from dataclasses import dataclass, replace

from ..rules.actor import Actor, Bearer, Kind
from ..rules.errors import NotFoundError, RemoteError
from ..rules.plain_scopes import said
from ..rules.scopes import Scope, checked_part
from ..store import consents, tokens, users
from ..store.applications import ApplicationInfo
from ..store.consents import ConsentInfo, Given, Renewal
from . import shared
from .audit import note, noted
from .shared import SharedSensor
from .site import Site

__all__ = ("ConsentInfo", "Given", "Renewal")

MOST_DAYS = 366
MOST = 50  # of one user
CODE_S = 120
TOKEN_S = 3_600
RENEWAL_S = 30 * 86_400  # an application that does not come for so long has to ask again
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Fresh:
    """Tokens that nobody has seen yet, and for how long the first is good."""

    token: str
    renewal: str
    lasts_s: int


def offered(site: Site, actor: Actor) -> list[SharedSensor]:
    """The sensors of who asks: those that they may let an application see."""
    actor.require_themselves()
    return shared.sensors(site, replace(actor, by=Bearer(0, Scope(), 0)))


def give(
    site: Site,
    actor: Actor,
    application: ApplicationInfo,
    part: Scope,
    days: int,
    code: str,
    redirect: str,
    challenge: str,
) -> None:
    """Lets an application see a part, once it comes with the code. Raises RemoteError.

    `redirect`: to where the person is led back; `challenge`: what it shows with the code hashes to (RFC 7636).
    """
    actor.require_themselves()
    if not 1 <= days <= MOST_DAYS:
        raise RemoteError("token-days", most=MOST_DAYS)
    part = checked_part(part)
    now_s = int(site.clock())
    fields = {"application": application.name, "expires_s": now_s + days * _DAY_S, **said(part)}
    with noted(site, actor, "consents.give", _subject(site, actor.id), **fields) as row:
        site.archive.connection().lock("user", [actor.id])
        if consents.open_of(site.archive, actor.id, now_s) >= MOST:
            raise RemoteError("consent-many", most=MOST)
        times = now_s, now_s + CODE_S, now_s + days * _DAY_S
        row["consent"] = consents.give(site.archive, actor.id, application.id, part, code, redirect, challenge, *times)


def mine(site: Site, actor: Actor) -> list[ConsentInfo]:
    """To what who asks has consented, the newest first."""
    actor.require_themselves()
    return consents.of(site.archive, actor.id, int(site.clock()))


def end(site: Site, actor: Actor, number: int) -> None:
    """Ends a consent from the application's next request on. Raises NotFoundError for one that is not theirs, as for none."""
    actor.require_themselves()
    with noted(site, actor, "consents.end", _subject(site, actor.id), consent=number) as fields:
        name = consents.end(site.archive, actor.id, number, int(site.clock()))
        if name is None:
            raise NotFoundError("consent-unknown", number=number)
        fields["application"] = name


def of_code(site: Site, application: ApplicationInfo, code: str) -> Given | None:
    """The consent that an application takes up with a code; None if that is good for nothing. One that was used ends it."""
    found = consents.of_code(site.archive, code)
    if found is None or found.application_id != application.id:
        return None
    if found.taken_s is not None:
        _end_stolen(site, found)
        return None
    return found if site.clock() < found.code_until_s and not _is_over(site, found) else None


def take_up(site: Site, given: Given, fresh: Fresh) -> bool:
    """The application has shown its code: from now on these tokens are good. False: the code was used in the meantime."""
    with site.archive.writing() as connection:
        connection.lock("consent", [given.id])
        if consents.take(site.archive, given.id, int(site.clock())):
            _keep(site, given, fresh)
            _note(site, given, "consents.take_up")
            return True
    _end_stolen(site, given)
    return False


def renewal(site: Site, application: ApplicationInfo, token: str) -> Renewal | None:
    """The token by which an application gets the next ones; None if it is good for nothing. One that was used ends the consent."""
    found = consents.renewal(site.archive, token)
    if found is None or found.consent.application_id != application.id:
        return None
    if found.used_s is not None:
        _end_stolen(site, found.consent)
        return None
    return found if site.clock() < found.expires_s and not _is_over(site, found.consent) else None


def renew(site: Site, shown: Renewal, fresh: Fresh) -> bool:
    """The application has these tokens from now on. False: the one that it showed was used in the meantime."""
    now_s = int(site.clock())
    with site.archive.writing() as connection:
        connection.lock("consent", [shown.consent.id])
        if consents.use_renewal(site.archive, shown.id, now_s):
            consents.forget(site.archive, shown.consent.id, now_s)
            _keep(site, shown.consent, fresh)
            _note(site, shown.consent, "consents.renew")
            return True
    _end_stolen(site, shown.consent)
    return False


def revoke(site: Site, application: ApplicationInfo, token: str) -> None:
    """The application gives a token back (RFC 7009); with the one by which it gets the next ones, the whole consent."""
    found = consents.of_token(site.archive, token)
    if found is None or found[2].application_id != application.id:
        return
    number, kind, given = found
    with site.archive.writing():
        if kind is tokens.Kind.REFRESH:
            consents.end(site.archive, given.user_id, given.id, int(site.clock()))
        else:
            consents.end_token(site.archive, number)
        _note(site, given, "consents.revoke", kind=kind.value)


def new_secret() -> str:
    """A code or a token that nobody can guess."""
    return tokens.new()


def lasts_s(site: Site, given: Given) -> int:
    """For how long a new token is good."""
    return min(TOKEN_S, max(1, given.expires_s - int(site.clock())))


def _keep(site: Site, given: Given, fresh: Fresh) -> None:
    now_s = int(site.clock())
    for kind, token, lasts_s_ in (
        (tokens.Kind.ACCESS, fresh.token, fresh.lasts_s),
        (tokens.Kind.REFRESH, fresh.renewal, RENEWAL_S),
    ):
        until_s = min(now_s + lasts_s_, given.expires_s)
        tokens.add(site.archive, given.user_id, token, given.part, now_s, until_s, kind, consent=given.id)


def _end_stolen(site: Site, given: Given) -> None:
    with site.archive.writing():
        if consents.end(site.archive, given.user_id, given.id, int(site.clock())) is not None:
            _note(site, given, "consents.used_twice")


def _is_over(site: Site, given: Given) -> bool:
    return site.clock() >= given.expires_s


def _note(site: Site, given: Given, what: str, **fields: object) -> None:
    by = Bearer(0, given.part, given.id, given.application)
    note(site, Actor(Kind.PERSON, given.user_id, by=by), what, _subject(site, given.user_id), **fields)


def _subject(site: Site, user_id: int) -> str:
    return f"user {users.found_person(site.archive, user_id).name}"
