"""The overview: what is to be seen at once of all that somebody may see, and for who runs the fleet, what is to be looked after."""

from dataclasses import dataclass

import numpy as np
from gridecho.quantities import POWER_IMPORT

from ..rules.actor import Actor
from ..rules.errors import DamagedError
from ..rules.standing import Standing
from ..store import fleet, grants
from ..store.fleet import Care
from ..store.readings import Item
from ..store.timeline import NOTHING, Span
from . import looks, shared
from .curves import curve
from .sensors import moments
from .shared import Overview
from .site import Site
from .standings import FEW, Mine, mine, today

__all__ = ("Care",)

MOST_GLANCES = 4  # of so many sensors each is shown by itself
_CURVE_S, _POINTS = 86_400, 120


@dataclass(frozen=True, slots=True)
class Glance:
    """One of few sensors, with its power of the last day."""

    overview: Overview
    energy_wh: float | None
    standing: Standing
    items: list[Item]
    breaks: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is open of how many sensors. `power_w` is of the `power_of` that told it lately, `energy_wh` what `energy_of` imported
    today; None: none does. `hidden`: of so many nothing is open as it comes.

    `sums`: whether sums over regions were granted. `care`: for who runs the fleet; else None.
    """

    sensors: int
    power_w: int | None
    power_of: int
    energy_wh: int | None
    energy_of: int
    reporting: int
    late: int
    silent: int
    hidden: int
    undated: int
    glances: list[Glance]
    sums: bool
    care: Care | None


def summary(site: Site, actor: Actor) -> Summary:
    """The overview of who asks. Raises NotAllowedError."""
    found = mine(site, actor)
    now_s = site.clock()
    glances = _glances(site, actor, found) if len(found) <= MOST_GLANCES else []
    told_w, told_wh = found.now_w[~np.isnan(found.now_w)], found.energy_wh[~np.isnan(found.energy_wh)]
    stands = np.bincount(found.stands + 1, minlength=4).tolist()
    _noted(site, actor, found, glances)
    return Summary(
        len(found),
        round(float(told_w.sum())) if len(told_w) else None,
        len(told_w),
        round(float(told_wh.sum())) if len(told_wh) else None,
        len(told_wh),
        stands[1 + Standing.REPORTING],
        stands[1 + Standing.LATE],
        stands[1 + Standing.SILENT],
        stands[1 + Standing.HIDDEN],
        int(found.undated.sum()),
        glances,
        not len(found) and any(one.k > 1 and one.holds(now_s) for one in grants.scopes_of(site.archive, actor.id)),
        fleet.care(site.archive, site.now_ms()) if actor.operator else None,
    )


def _glances(site: Site, actor: Actor, found: Mine) -> list[Glance]:
    now_s = site.clock()
    span = Span(int(now_s) - _CURVE_S, int(now_s) + 1)
    glances = []
    for one in shared.some(site, actor, found.ids.tolist()):
        n = int(np.searchsorted(found.ids, one.id))
        energy_wh = float(found.energy_wh[n])
        try:
            drawn = curve(site, one, POWER_IMPORT, span, _POINTS)
        except DamagedError:  # which the overview of it says
            drawn = NOTHING
        glances.append(
            Glance(
                shared.overview(site.archive, one, now_s),
                None if np.isnan(energy_wh) else energy_wh,
                Standing(int(found.stands[n])),
                drawn.items,
                drawn.breaks,
            )
        )
    return glances


def _noted(site: Site, actor: Actor, found: Mine, glances: list[Glance]) -> None:
    """A look at the newest readings and the day of few sensors, or at sums over many, which are a look at none of them."""
    seen: dict[int, list[tuple[int, int]]] = {}
    if len(found) <= FEW:
        parts = zip(found.ids.tolist(), found.last_s.tolist(), np.isnan(found.energy_wh).tolist(), strict=True)
        for sensor_id, last_s, is_none in parts:
            seen[sensor_id] = [] if is_none else [today(site)[1]]
            seen[sensor_id] += [(last_s, last_s + 1)] if last_s else []
    for one in glances:
        seen[one.overview.sensor.id] += moments(one.overview, site.clock())
        if one.items:
            seen[one.overview.sensor.id].append((one.items[0].time_s, one.items[-1].time_s + 1))
    looks.look(site, actor, "summary.summary", "sensors", seen=seen, sensors=len(found))
