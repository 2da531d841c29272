"""Sums over regions, for who may see no sensor singly: only such from which nothing about a smaller group can be worked out.

A sum is over all sensors of a region, of one category or of all, of whole days of the site's that have been over for a day. Of whom
the user sees each reading anyway, those protect nobody and do not count. What was given once stays as it was.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from ..rules import regions, scopes
from ..rules.actor import Actor
from ..rules.categories import checked as checked_category
from ..rules.errors import RemoteError
from ..rules.scopes import Place, Resolution, Scope
from ..rules.smallest_group import told
from ..rules.units import unit as unit_of
from ..store import curves, grants, sums
from ..store.curves import DAY_S
from ..store.engine import Connection
from ..store.sums import Given
from . import looks
from .site import Site

UNITS = ("day", "month")
MOST_DAYS = 366
_OVER_S = DAY_S  # a day may be told when it has been over for so long: readings come late


@dataclass(frozen=True, slots=True)
class Sum:
    """What the registers rose by in a day or month, of how many sensors; None, None: this is not given, or there is nothing."""

    date: date
    sensors: int | None
    wh: int | None


def energy(
    site: Site, actor: Actor, region: str, category: str, code: int, first: date, last: date, unit: str = "day"
) -> list[Sum]:
    """The sums of each day or month between two days, both included. Raises RemoteError for what cannot be asked.

    Of a region that is not granted, or that there is not, none is given.
    """
    actor.require_person()
    place = sums.Place(regions.parsed(region) if region.strip() else "", checked_category(category) if category else "")
    if unit_of(code) != "Wh":
        raise RemoteError("query-register")
    if not 0 <= (last - first).days < MOST_DAYS:
        raise RemoteError("query-days", most=MOST_DAYS)
    try:
        first_day, last_day = site.days.day_of(first), site.days.day_of(last)
    except ValueError:  # before or after all times
        return []
    fine = Resolution.DAY if unit == "day" else Resolution.MONTH
    found = _given(site, actor, place, code, first_day, last_day, fine)
    shown = _by_day(site, found, first_day, last_day) if unit == "day" else _by_month(site, found, first_day, last_day)
    span = int(site.days.starts_s[first_day]), int(site.days.starts_s[last_day + 1])
    count = sum(one.wh is not None for one in shown)
    of: dict[str, Any] = {"category": place.category} if place.category else {}
    looks.look(site, actor, "sums.energy", f"region {place.region}", 1 << code, span, by=unit, count=count, **of)
    return shown


def _given(
    site: Site, actor: Actor, place: sums.Place, code: int, first_day: int, last_day: int, fine: Resolution
) -> dict[int, Given]:
    now_s = site.clock()
    held = [scope for scope in grants.scopes_of(site.archive, actor.id) if scope.holds(now_s)]
    wide = [scope for scope in held if _covers(scope, place, code, fine)]
    days = [day for day in range(first_day, last_day + 1) if _is_open(site, wide, day, now_s)]
    if actor.by is not None:
        # What is kept of sums is of the person: a program is given such as are theirs, or none.
        part = [actor.by.part] if actor.by.consent is None and _covers(actor.by.part, place, code, fine) else []
        days = [day for day in days if _is_open(site, part, day, now_s)]
    if not days:
        return {}
    # A user with several has the largest: what one of them promises to a household, no other undoes.
    k = max(scope.k for scope in held)
    with site.archive.writing() as connection:
        connection.lock("user", [actor.id])
        found = sums.given(connection, actor.id, code, place, days[0], days[-1])
        new = [day for day in days if day not in found]
        if new:
            singly = [scope for scope in held if scope.k == 1]
            found |= _new(site, connection, actor.id, place, code, new, k, singly)
    return {day: one for day, one in found.items() if day in set(days)}


def _new(
    site: Site,
    connection: Connection,
    user_id: int,
    place: sums.Place,
    code: int,
    days: list[int],
    k: int,
    singly: list[Scope],
) -> dict[int, Given]:
    """The sums that may be given and were not before; they are kept."""
    sensor_ids, numbers, rise = curves.rises_of_region(
        connection, site.days, place.region, days[0], days[-1], code, place.category
    )
    classes = sums.classes(connection, user_id, code, days[0], days[-1])
    whole, part = _seen_singly(site, singly, code, set(sensor_ids.tolist()), days)
    found = {}
    for day in days:
        there = numbers == day
        told_of, of_day = sensor_ids[there], rise[there]
        if not len(told_of):
            continue
        if not whole[day].issuperset(told_of.tolist()):
            counted = np.setdiff1d(told_of, np.array(sorted(part[day]), np.int64))
            every, before = sums.spread(classes.get(day), counted)
            after = told(before, np.isin(every, counted), k)
            if after is None:
                continue
            sums.keep_classes(connection, user_id, code, day, every, after)
        found[day] = Given(len(told_of), round(float(of_day.sum())))
        sums.keep(connection, user_id, code, place, day, found[day])
    return found


def _seen_singly(
    site: Site, singly: list[Scope], code: int, sensor_ids: set[int], days: list[int]
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """By day, those of the sensors whose energy of the day the user sees anyway; and those of which they see anything then, such
    as the energy of the month that the day is in.
    """
    whole: dict[int, set[int]] = {day: set() for day in days}
    part: dict[int, set[int]] = {day: set() for day in days}
    for info, _, labels in grants.candidates(site.archive, singly):
        if info.id not in sensor_ids:
            continue
        open_ = scopes.opened(singly, Place(info.id, info.region, info.category, labels), site.clock(), site.days)
        for resolution, seen in ((Resolution.DAY, whole), (Resolution.MONTH, part)):
            spans = scopes.touching(open_.segments(1 << code, resolution), 1 << code)
            for day in days if spans else ():
                from_s, to_s = site.days.starts_s[day : day + 2].tolist()
                if any(
                    begin <= from_s and to_s <= end if seen is whole else begin < to_s and from_s < end
                    for begin, end in spans
                ):
                    seen[day].add(info.id)
    return whole, part


def _covers(scope: Scope, place: sums.Place, code: int, fine: Resolution) -> bool:
    return (
        scope.labels is None
        and scope.sensors is None
        and (scope.region is None or regions.inside(place.region, scope.region))
        and scope.category in (None, place.category)
        and bool(scope.quantities >> code & 1)
        and scope.resolution <= fine
    )


def _is_open(site: Site, wide: list[Scope], day: int, now_s: float) -> bool:
    from_s, to_s = site.days.starts_s[day : day + 2].tolist()
    return to_s + _OVER_S <= now_s and any(
        (scope.first_s is None or scope.first_s <= from_s) and (scope.until_s is None or to_s <= scope.until_s)
        for scope in wide
    )


def _by_day(site: Site, found: dict[int, Given], first_day: int, last_day: int) -> list[Sum]:
    return [
        Sum(site.days.date_of(day), found[day].sensors, found[day].wh)
        if day in found
        else Sum(site.days.date_of(day), None, None)
        for day in range(first_day, last_day + 1)
    ]


def _by_month(site: Site, found: dict[int, Given], first_day: int, last_day: int) -> list[Sum]:
    """Of months of which each day was asked for and is given; the number of sensors is the least of its days."""
    months: dict[date, list[int]] = {}
    for day in range(first_day, last_day + 1):
        months.setdefault(site.days.date_of(day).replace(day=1), []).append(day)
    shown = []
    for first, days in months.items():
        begins = site.days.date_of(days[0]) == first
        ends = site.days.date_of(days[-1] + 1).month != first.month
        whole = [found[day] for day in days if day in found]
        if begins and ends and len(whole) == len(days):
            shown.append(Sum(first, min(one.sensors for one in whole), sum(one.wh for one in whole)))
        else:
            shown.append(Sum(first, None, None))
    return shown
