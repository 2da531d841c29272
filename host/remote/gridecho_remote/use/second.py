"""Second factors, which people set up for themselves: a code of their phone at each login beside the password (RFC 6238)."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest

from pyotp import TOTP

from ..rules.actor import Actor
from ..rules.errors import RemoteError, UnprovenError
from ..store import second, users
from ..store.second import RECOVERY_CODES, Second
from .audit import note, noted
from .looks import failed_sign_in
from .people import Person
from .site import Site

__all__ = ("RECOVERY_CODES", "Second")

_STEP_S = 30
_DRIFT = 1  # steps by which a phone's clock may differ
_DIGITS = 6


def is_on(site: Site, one: Person) -> bool:
    """Whether a password alone does not log this person in."""
    return second.is_on(site.archive, one.id)


def shows(site: Site, one: Person, code: str) -> bool:
    """Whether this is a code of the person's second factor, or one for when it is lost; either is good once."""
    found = second.of(site.archive, one.id)
    if found is None or found.since_s is None:
        return False
    if _is_new(site, one.id, found, code):
        return True
    with site.archive.writing():
        if not second.use_recovery(site.archive, one.id, code):
            return False
        note(site, one.actor, "second.use_recovery", f"user {one.name}", left=found.left - 1)
    return True


def completes(site: Site, one: Person, code: str) -> bool:
    """Whether this is the second half of a login; one that is not is noted as a sign-in that failed."""
    if shows(site, one, code):
        return True
    failed_sign_in(site, one.name)
    return False


def mine(site: Site, actor: Actor) -> Second | None:
    """The second factor of who asks, if there is one, or one is to be."""
    actor.require_person()
    return second.of(site.archive, actor.id)


def address(site: Site, actor: Actor) -> str:
    """What a phone reads of a picture: the secret and whose it is. Raises RemoteError if none is to be."""
    actor.require_person()
    found = second.of(site.archive, actor.id)
    if found is None or found.since_s is not None:
        raise RemoteError("second-none")
    return _totp(found).provisioning_uri(name=_me(site, actor).name, issuer_name="gridecho")


def prepare(site: Site, actor: Actor) -> None:
    """A new secret, which counts once a code of it was shown. Raises RemoteError if there is a second factor."""
    actor.require_person()
    with noted(site, actor, "second.prepare", f"user {_me(site, actor).name}"):
        second.prepare(site.archive, actor.id)


def confirm(site: Site, actor: Actor, code: str) -> list[str]:
    """From now on a password alone does not do: ten codes for when the phone is lost. Raises UnprovenError for a wrong code."""
    actor.require_person()
    with noted(site, actor, "second.confirm", f"user {_me(site, actor).name}"):
        found = second.of(site.archive, actor.id)
        if found is None or found.since_s is not None:
            raise RemoteError("second-none")
        if not _is_new(site, actor.id, found, code):
            raise UnprovenError("second-wrong")
        second.confirm(site.archive, actor.id, site.clock())
        return second.new_recovery(site.archive, actor.id)


def new_codes(site: Site, actor: Actor, code: str) -> list[str]:
    """Ten codes in place of those there were. Raises UnprovenError for a wrong code."""
    with _proven(site, actor, "second.new_codes", code):
        return second.new_recovery(site.archive, actor.id)


def end(site: Site, actor: Actor, code: str) -> None:
    """A password alone does again. Raises UnprovenError for a wrong code."""
    with _proven(site, actor, "second.end", code):
        second.remove(site.archive, actor.id)


def remove_of_user(site: Site, actor: Actor, name: str) -> None:
    """The same for a user who lost their phone and all codes. Raises RemoteError."""
    actor.require_terminal()
    user_id = users.user_id(site.archive, name)
    with noted(site, actor, "second.remove_of_user", f"user {users.proper_name(site.archive, name)}"):
        if not second.remove(site.archive, user_id):
            raise RemoteError("second-none")


@contextmanager
def _proven(site: Site, actor: Actor, what: str, code: str) -> Iterator[None]:
    """What is changed with a code: the code is used up with the change."""
    actor.require_person()
    one = _me(site, actor)
    with noted(site, actor, what, f"user {one.name}"):
        if not shows(site, one, code):
            raise UnprovenError("second-wrong")
        yield


def _is_new(site: Site, user_id: int, found: Second, code: str) -> bool:
    """Whether this is a code of now, and none like it or later was used before."""
    plain = "".join(code.split())
    if len(plain) != _DIGITS or not plain.isascii():
        return False
    totp, now = _totp(found), int(site.clock()) // _STEP_S
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if compare_digest(totp.generate_otp(step), plain):
            return second.use_step(site.archive, user_id, step)
    return False


def _totp(found: Second) -> TOTP:
    return TOTP(base64.b32encode(found.secret).decode(), digits=_DIGITS, interval=_STEP_S)


def _me(site: Site, actor: Actor) -> Person:
    return users.found_person(site.archive, actor.id)
