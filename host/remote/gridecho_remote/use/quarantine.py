"""Frames that are kept apart because they did not open or clashed with what is stored, for the operator."""

from ..rules.actor import Actor
from ..store import queries
from .audit import noted
from .site import Site


def counts(site: Site, actor: Actor) -> dict[str, int]:
    """How many there are, by reason."""
    actor.require_operator()
    return queries.count_quarantined(site.archive)


def take_again(site: Site, actor: Actor) -> int:
    """Takes in what opens now, for its sensor or key was enrolled later: how many frames these are."""
    actor.require_operator()
    with noted(site, actor, "quarantine.take_again", "quarantine"):
        pass  # what it does is many transactions
    return site.ingest.take_again(site.now_ms())
