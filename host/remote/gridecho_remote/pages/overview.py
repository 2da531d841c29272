"""The overview, which is the first page of whoever is logged in."""

from typing import Any

from flask import render_template
from gridecho.quantities import POWER_IMPORT

from ..rules.units import shown, shown_power
from ..use import summary
from ..use.summary import Care, Glance
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import the_language
from .blueprint import pages
from .sensors import row_of

_EXACT_H = 10  # up to here with a decimal
_WIDE, _HIGH = 300, 60  # of a small curve, in units of its own


@pages.get("/")
@needs(Need.PERSON)
def home() -> str:
    """What is to be seen at once."""
    site = the_site()
    found = summary.summary(site, the_actor())
    care = found.care
    return render_template(
        "overview.html",
        found=found,
        power=None if found.power_w is None else shown_power(found.power_w, the_language()),
        energy=None if found.energy_wh is None else shown(found.energy_wh, "Wh"),
        glances=[_glance(one, site.clock()) for one in found.glances],
        oldest_h=_hours(care, site.clock()),
    )


def _hours(care: Care | None, now_s: float) -> float | None:
    """Since the oldest was made that is on a relay still."""
    if care is None or care.oldest_s is None:
        return None
    hours = max(0.0, now_s - care.oldest_s) / 3_600
    return round(hours, 1 if hours < _EXACT_H else 0)


def _glance(one: Glance, now_s: float) -> dict[str, Any]:
    return row_of(one.overview, now_s) | {
        "state": one.standing.word,
        "energy": None if one.energy_wh is None else shown(round(one.energy_wh), "Wh"),
        "lines": _lines(one, now_s),
    }


def _lines(one: Glance, now_s: float) -> list[str]:
    """The power of the last day as points of lines, which are broken where readings are missing."""
    begin_s, most = now_s - 86_400, max((item.values[POWER_IMPORT] for item in one.items), default=0)
    breaks = {before_s for _, before_s in one.breaks}
    lines: list[list[str]] = []
    for item in one.items:
        if not lines or item.time_s in breaks:
            lines.append([])
        x = (item.time_s - begin_s) / 86_400 * _WIDE
        lines[-1].append(f"{x:.1f},{_HIGH - 2 - item.values[POWER_IMPORT] / max(1, most) * (_HIGH - 4):.1f}")
    return [" ".join(line) for line in lines]
