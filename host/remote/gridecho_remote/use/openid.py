"""Logging in by an OpenID Connect provider, which the settings name (outside/openid.py)."""

import json
from datetime import UTC, datetime
from hmac import compare_digest

from ..outside.openid import Asked, Claims, Provider
from ..rules.actor import Actor, person
from ..rules.errors import RemoteError, UnprovenError
from ..rules.reasons import reason
from ..rules.verification import Claim, Finding, judged
from ..store import identities, users
from .audit import note, noted
from .people import Person
from .site import Site

__all__ = ("Asked",)

_MOST_SUBJECT, _MOST_NAME = 255, 90
_COUNTS_S = 86_400  # for so long claims verify a request
_TRIES = 100  # names with a number behind, where a new user's is taken


def is_there(site: Site) -> bool:
    """Whether the settings name a provider."""
    return site.provider is not None


def begin(site: Site, back: str) -> Asked:
    """A login that begins; `back` is where the browser returns to. Raises RemoteError if the provider is away."""
    return _provider(site).begin(back)


def finish(site: Site, asked: Asked, back: str, state: str, code: str, issuer: str | None) -> Person:
    """Who has come back with this. Raises UnprovenError for who shows nothing, or is nobody here; RemoteError as above.

    `issuer`: who says to have sent them, if the provider does say so (RFC 9207).
    """
    if not compare_digest(state.encode("utf-8", "surrogatepass"), asked.state.encode()):
        raise UnprovenError("openid-refused")
    if issuer is not None and issuer != site.settings.oidc_issuer:
        raise UnprovenError("openid-refused")
    claims = _provider(site).finish(asked, back, code, site.clock())
    known = identities.user_of(site.archive, claims.issuer, claims.subject)
    if known is None:
        if not site.settings.oidc_new_users:
            raise UnprovenError("openid-nobody")
        known = _new(site, claims)
    with site.archive.writing():
        identities.tell(site.archive, claims.issuer, claims.subject, json.dumps(claims.told), site.clock())
    return users.found_person(site.archive, known)


def judged_by_claims(site: Site, user_id: int, claim: Claim) -> Finding | None:
    """Whether a user is who they say by what the provider said of them at a login within a day; None: nobody is asked that way."""
    settings = site.settings
    if not settings.oidc_issuer or not settings.oidc_claims:
        return None
    told = identities.told(site.archive, user_id, settings.oidc_issuer)
    if told is None:
        return None
    claims, at_s = told
    of = {"issuer": settings.oidc_issuer, "claimed_s": at_s}
    if not at_s <= site.clock() < at_s + _COUNTS_S:
        return Finding(False, reason("verify-claims-old"), of)
    today = datetime.fromtimestamp(site.clock(), UTC).date()
    found = judged(claim, json.loads(claims), settings.oidc_claims, today)
    why = found.reason
    if why.code == "verify-form":
        why = reason("verify-claim-form", field=why.fields["field"])
    elif why.code == "verify-differs":
        why = reason("verify-claim-differs", field=why.fields["field"])
    return Finding(found.verified, why, of | found.told)


def identify(site: Site, actor: Actor, name: str, subject: str) -> None:
    """A user is who the provider calls by this name of its own. Raises RemoteError."""
    actor.require_terminal()
    _provider(site)
    if not 0 < len(subject) <= _MOST_SUBJECT:
        raise RemoteError("identity-form", most=_MOST_SUBJECT)
    user_id = users.user_id(site.archive, name)
    with noted(
        site, actor, "openid.identify", _subject(site, name), issuer=site.settings.oidc_issuer, identity=subject
    ):
        identities.add(site.archive, user_id, site.settings.oidc_issuer, subject)


def forget(site: Site, actor: Actor, name: str) -> None:
    """A user is known to the provider no more. Raises RemoteError if they were not."""
    actor.require_terminal()
    user_id = users.user_id(site.archive, name)
    with noted(site, actor, "openid.forget", _subject(site, name), issuer=site.settings.oidc_issuer):
        if not identities.remove(site.archive, user_id, site.settings.oidc_issuer):
            raise RemoteError("identity-none", name=name)


def _new(site: Site, claims: Claims) -> int:
    """A user whom the provider knows and this remote does not yet: without a password, a role or a grant."""
    wanted = next(filter(None, map(_plain, (claims.name or "", claims.subject))), "user")
    with site.archive.writing():
        name = _free(site, wanted)
        number = users.add_with(site.archive, name, None, site.clock())
        identities.add(site.archive, number, claims.issuer, claims.subject)
        if claims.email is not None and users.is_email(claims.email):
            users.set_email(site.archive, name, claims.email)
        fields = {"issuer": claims.issuer, "identity": claims.subject}
        note(site, person(number), "openid.new_user", f"user {name}", **fields)
    return number


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_MOST_NAME]


def _free(site: Site, wanted: str) -> str:
    """The name, or with the first number behind that nobody has: whoever bears a name here already stays it."""
    for number in range(1, _TRIES):
        name = wanted if number == 1 else f"{wanted} {number}"
        if not users.is_taken(site.archive, name):
            return name
    raise RemoteError("user-taken", name=wanted)


def _subject(site: Site, name: str) -> str:
    return f"user {users.proper_name(site.archive, name)}"


def _provider(site: Site) -> Provider:
    if site.provider is None:
        raise RemoteError("openid-none")
    return site.provider
