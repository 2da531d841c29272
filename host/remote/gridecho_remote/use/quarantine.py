"""Frames that are kept apart because they did not open or clashed with what is stored, and what else was set aside, by sender."""

from ..rules.actor import Actor
from ..store import quarantine, queries
from ..store.quarantine import Aside
from .audit import noted
from .site import Site

__all__ = ("Aside",)

MOST_SHOWN = 100


def counts(site: Site, actor: Actor) -> dict[str, int]:
    """How many frames are kept, by reason."""
    actor.require_terminal()
    return queries.count_quarantined(site.archive)


def take_again(site: Site, actor: Actor) -> int:
    """Takes in what opens now, for its sensor or key was enrolled later: how many frames these are."""
    actor.require_terminal()
    with noted(site, actor, "quarantine.take_again", "quarantine"):
        pass  # what it does is many transactions
    return site.ingest.take_again(site.now_ms())


def purge(site: Site, actor: Actor, sensor_id: int | None = None, relay_id: int | None = None) -> int:
    """Deletes the frames of a sensor, of a relay or (None) of all, and their counts: how many frames these were.

    What came again for a damaged block stays: it may be all that is left of it.
    """
    actor.require_terminal()
    with noted(site, actor, "quarantine.purge", "quarantine", sensor_id=sensor_id, relay_id=relay_id) as fields:
        frames = quarantine.purge(site.archive.connection(), sensor_id, relay_id, site.now_ms())
        fields["frames"] = frames
    return frames


def alarms(site: Site, actor: Actor) -> list[Aside]:
    """The senders of whom something was set aside and not kept, the most first, 100 at most."""
    actor.require_operator()
    return quarantine.not_kept(site.archive, MOST_SHOWN)


def not_kept(site: Site, actor: Actor) -> dict[str, int]:
    """How much was set aside and not kept, by reason."""
    actor.require_terminal()
    return quarantine.not_kept_by_reason(site.archive)
