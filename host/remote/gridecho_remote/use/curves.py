"""Curves and energy of what is open of a sensor: one span in the usual case, else of each what is open, as finely as it is."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..rules.periods import END_S, begin_of, end_of
from ..rules.scopes import Purpose, Resolution, touching
from ..rules.units import unit as unit_of
from ..store import curves, timeline
from ..store.curves import NO_ENERGY, Energy
from ..store.timeline import NOTHING, Span, Thinned
from .shared import SharedSensor
from .site import Site

OF_UNIT = {"quarter": Resolution.QUARTER, "hour": Resolution.HOUR, "day": Resolution.DAY, "month": Resolution.MONTH}


def curve(site: Site, one: SharedSensor, code: int, span: Span, points: int) -> Thinned:
    """About `points` readings, or means of periods, of a quantity."""
    layers = list(_layers(one, code, span))
    if [layer[1:] for layer in layers] == [(span.from_s, span.to_s)] and layers[0][0] is Resolution.RAW:
        return site.curves.thinned(site.archive, site.days, one.id, code, span, points)
    found = [_part(site, one, code, *layer, max(2, points // len(layers))) for layer in layers]
    found = [part for part in found if part.items]
    if not found:
        return NOTHING
    breaks = [one for part in found for one in part.breaks]
    breaks += [(a.items[-1].time_s, b.items[0].time_s) for a, b in pairwise(found)]
    cuts = [part.cut_s for part in found if part.cut_s is not None]
    items = [item for part in found for item in part.items]
    return Thinned(items, max(part.bucket_s for part in found), max(cuts, default=None), sorted(breaks))


def _part(
    site: Site, one: SharedSensor, code: int, resolution: Resolution, from_s: int, to_s: int, points: int
) -> Thinned:
    span = Span(from_s, to_s)
    if resolution is Resolution.RAW:
        found = site.curves.thinned(site.archive, site.days, one.id, code, span, points)
        # The numbering tells of what lies around the span, too.
        breaks = [(after_s, before_s) for after_s, before_s in found.breaks if from_s <= after_s and before_s < to_s]
        return Thinned(found.items, found.bucket_s, found.cut_s, breaks)
    if unit_of(code) == "Wh":
        return NOTHING
    items, width_s = timeline.means(site.archive, site.days, one.id, code, span, resolution, points)
    return Thinned(items, width_s, None, [])


def _layers(one: SharedSensor, code: int, span: Span) -> Iterator[tuple[Resolution, int, int]]:
    """(resolution, from, to) of what is open of a span, in order, each part as finely as it is."""
    found: list[tuple[int, int, Resolution]] = []
    for resolution in one.opened.resolutions:
        segments = one.opened.segments(1 << code, resolution, from_s=span.from_s, to_s=span.to_s)
        for from_s, to_s in touching(segments, 1 << code):
            at_s = from_s
            for begin_s, stop_s, _ in [*sorted(found), (to_s, to_s, resolution)]:
                if begin_s > at_s and at_s < to_s:
                    found.append((at_s, min(begin_s, to_s), resolution))
                at_s = max(at_s, stop_s)
    for from_s, to_s, resolution in sorted(found):
        days = one.opened.days
        if resolution:
            from_s, to_s = end_of(days, resolution, from_s), begin_of(days, resolution, to_s)
        if from_s < to_s:
            yield resolution, from_s, to_s


def energy_of(
    site: Site,
    one: SharedSensor,
    mask: int,
    first_day: int,
    last_day: int,
    unit: str,
    purpose: Purpose = Purpose.LOOK,
) -> Energy:
    """What a register rose by in the hours, days or months between two days, both included, that are wholly open."""
    days, resolution, code = site.days, OF_UNIT[unit], mask.bit_length() - 1
    asked = int(days.starts_s[first_day]), min(END_S, int(days.starts_s[last_day + 1]))
    found = []
    for from_s, to_s in touching(one.opened.segments(mask, resolution, purpose, *asked), mask):
        begin_s = from_s if from_s == asked[0] else end_of(days, resolution, from_s)
        stop_s = to_s if to_s == asked[1] else begin_of(days, resolution, to_s)
        if begin_s < stop_s:
            first, last = days.number([begin_s, stop_s - 1]).tolist()
            reach_s = one.opened.reach(code, resolution, stop_s - 1)
            within = begin_s, stop_s
            found.append(curves.by_unit(site.archive, days, one.id, code, first, last, unit, within, reach_s))
    if len(found) < 2:
        return found[0] if found else NO_ENERGY
    return Energy(
        np.concatenate([part.begins_s for part in found]),
        [when for part in found for when in part.dates],
        [rise for part in found for rise in part.rise],
        np.concatenate([part.stats for part in found]),
    )
