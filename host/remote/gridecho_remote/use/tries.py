"""Counting wrong guesses, of whoever makes them: for the limits of the ways in over HTTP."""

from ..store import tries
from .site import Site


def add(site: Site, key: str, lasts_s: int, amount: int = 1) -> int:
    """Counts on: how many there are now. The first of them begins a time of `lasts_s` after which all are forgotten."""
    return tries.add(site.archive, key, site.now_ms(), 1000 * lasts_s, amount)


def state(site: Site, key: str) -> tuple[int, float]:
    """How many there are, and until when (Unix seconds)."""
    count, until_ms = tries.state(site.archive, key, site.now_ms())
    return count, until_ms / 1000


def forget(site: Site, key: str | None = None) -> int:
    """Forgets those of one key, or all: how many counts these were."""
    return tries.forget(site.archive, key)
