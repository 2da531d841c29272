"""Calls: a relay leaves a question with the remote, which is answered when its next heartbeat would bring something new."""

from collections.abc import Callable, Iterable
from hashlib import sha256

from ..rules.actor import Actor
from ..store import interest, pulls
from .site import Site


def fingerprint(live: Iterable[int], waiting: Iterable[int]) -> str:
    """What stands for the sensors that are looked at and the pulls that wait for a relay: another one when they are others."""
    return sha256(repr((sorted(live), sorted(waiting))).encode()).hexdigest()[:16]


def news(site: Site, actor: Actor) -> str:
    """The fingerprint of what there is for a relay now."""
    actor.require_relay()
    return all_news(site)(actor.id)


def all_news(site: Site) -> Callable[[int], str]:
    """The fingerprints by relay, as things are now."""
    live = interest.wanted(site.archive.connection(), site.now_ms())
    waiting = pulls.waiting(site.archive)
    return lambda relay_id: fingerprint(live, waiting.get(relay_id, ()))
