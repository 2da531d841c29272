"""Applications of others, which an operator makes known; people consent to what they see (consents.py)."""

from dataclasses import dataclass

from ..rules import redirects
from ..rules.actor import Actor
from ..rules.errors import RemoteError
from ..store import applications, tokens
from ..store.applications import ApplicationInfo
from .audit import noted
from .site import Site

__all__ = ("ApplicationInfo",)

_MOST_NAME = 100
_MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class NewApplication:
    """By what a new application calls itself, and what it proves that with (None: it has nothing)."""

    client_id: str
    secret: str | None


def add(site: Site, actor: Actor, name: str, addresses: list[str], *, secret: bool) -> NewApplication:
    """Makes an application known; people are led back to these addresses only. Raises RemoteError."""
    actor.require_terminal()
    name = name.strip()
    if not 0 < len(name) <= _MOST_NAME or not name.isprintable():
        raise RemoteError("application-name", most=_MOST_NAME)
    if not 0 < len(addresses) <= _MOST_REDIRECTS:
        raise RemoteError("redirect-many", most=_MOST_REDIRECTS)
    known = [redirects.checked(one) for one in addresses]
    kept = tokens.new() if secret else None
    with noted(site, actor, "applications.add", f"application {name}", redirects=known, secret=secret) as fields:
        fields["client_id"] = client_id = applications.add(site.archive, name, known, kept, int(site.clock()))
    return NewApplication(client_id, kept)


def all_applications(site: Site, actor: Actor) -> list[ApplicationInfo]:
    """All of them, those that have ended too."""
    actor.require_terminal()
    return applications.every(site.archive)


def end(site: Site, actor: Actor, name: str) -> int:
    """Ends an application with every consent that it has: how many these were. Raises RemoteError."""
    actor.require_terminal()
    found = applications.named(site.archive, name)
    with noted(site, actor, "applications.end", f"application {found.name}") as fields:
        fields["consents"] = ended = applications.end(site.archive, found.id, int(site.clock()))
    return ended


def find(site: Site, client_id: str) -> ApplicationInfo | None:
    """The application that calls itself so."""
    return applications.find(site.archive, client_id)
