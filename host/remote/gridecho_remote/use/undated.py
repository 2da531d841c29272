"""Readings without a time, for the operator: where there are any, and the times that they are given."""

from ..rules.actor import Actor
from ..store import undated
from ..store.undated import Stretch
from .audit import noted
from .site import Site

__all__ = ("Stretch",)


def stretches(site: Site, actor: Actor) -> list[Stretch]:
    """Where meter readings have no time, by sensor and epoch."""
    actor.require_terminal()
    return undated.stretches(site.archive)


def date(site: Site, actor: Actor, sensor_id: int, epoch: int, first_s: int, period_s: int) -> int:
    """Gives the undated readings of an epoch their times: the first one's, and from each to the next. How many these are.

    It may be said anew, and is to be when more of the same epoch came in. Raises RemoteError.
    """
    actor.require_terminal()
    said = {"epoch": epoch, "first_s": first_s, "period_s": period_s}
    with noted(site, actor, "undated.date", f"sensor {sensor_id}", **said) as fields:
        count = undated.date(site.archive, sensor_id, epoch, first_s, period_s, site.days)
        fields["readings"] = count
    return count
