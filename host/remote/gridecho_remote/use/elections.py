"""Elections of proxies beside what relays bring. What is brought is stored and signed for, whatever becomes of an election."""

import logging
from collections.abc import Callable

from ..store import terms
from .site import Site

log = logging.getLogger("gridecho.remote.elections")


def after_carry(site: Site, group_id: int, number: int, now_ms: int) -> None:
    """The proxy of this term brought something."""
    _hold(site, group_id, lambda: terms.forwarded(site.archive, group_id, number, now_ms))


def after_word(site: Site, heard: terms.Heard, now_ms: int) -> None:
    """A member's heartbeat came."""
    _hold(site, heard.group_id, lambda: terms.look_after(site.archive, heard, now_ms))


def _hold(site: Site, group_id: int, election: Callable[[], None]) -> None:
    try:
        election()
    except Exception:  # its transaction is undone, the term goes on, and the next carry or heartbeat comes to it again
        if site.seldom.now("election"):
            log.exception("election-error group=%d", group_id)
