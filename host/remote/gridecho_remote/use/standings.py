"""How the sensors of who asks stand, however many: of what is open to them what is newest, what they draw now and used today.

Of few it is read from their readings, as they are now. Of more it is from rollups, a minute late at most (store/standings.py); what
is open to whom is looked at each time.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from gridecho.quantities import ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT
from numpy.typing import NDArray

from ..rules import scopes
from ..rules.actor import Actor
from ..rules.errors import DamagedError
from ..rules.periods import END_S
from ..rules.scopes import METERED, Opened, Place, Resolution, Scope
from ..rules.standing import REPORTING_S, Standing, standing, standings
from ..rules.units import codes_of
from ..store import standings as known
from ..store import undated
from ..store.columns import Flags, Ints
from ..store.standings import Floats, Standings
from . import shared
from .curves import energy_of
from .shared import SharedSensor
from .site import Site

FEW = 50  # sensors of which each is looked at
_POWERS = 1 << POWER_IMPORT | 1 << POWER_EXPORT


@dataclass(frozen=True)
class Mine:
    """The sensors of who asks: `which` of `all`, and how each of these stands (a `Standing`).

    `last_s`: when its newest reading that is open was made, 0: there is none. `power_w`, `energy_wh` (today's import): NaN: none is
    open. `now_w`: the power of those that told it lately, of others NaN. `undated`: whether it has readings without a time.
    """

    all: Standings
    which: Ints
    stands: Ints
    last_s: Ints
    power_w: Floats
    now_w: Floats
    energy_wh: Floats
    undated: Flags

    def __len__(self) -> int:
        return len(self.which)

    @property
    def ids(self) -> Ints:
        """Their ids."""
        return self.all.ids[self.which]


def mine(site: Site, actor: Actor) -> Mine:
    """Those of a person, by id. Raises NotAllowedError."""
    actor.require_person()
    few = shared.sensors(site, actor, limit=FEW + 1)
    return _of_few(site, few) if len(few) <= FEW else _of_many(site, actor)


def live_mask(open_: Opened) -> int:
    """The quantities of which readings are open as they are made now."""
    now_s = open_.now_s
    return next((mask for _, _, mask in open_.segments(METERED, from_s=now_s, to_s=now_s + 1)), 0)


def _of_few(site: Site, few: list[SharedSensor]) -> Mine:
    now_s, size = site.clock(), len(few)
    found = _nothing(known.of_these([(one.id, one.name, one.region, one.category) for one in few]), np.arange(size))
    with site.archive.reading():
        for n, one in enumerate(few):
            live = live_mask(one.opened)
            if live:
                _look(site, replace(one, mask=one.mask & live), found, n, now_s)
            found.energy_wh[n] = _energy(site, one)
            open_ = one.opened.timeless & one.mask
            found.undated[n] = bool(open_ and undated.count(site.archive, one.id, open_))
    return found


def _look(site: Site, one: SharedSensor, found: Mine, n: int, now_s: float) -> None:
    """At the newest reading of a sensor, and its power."""
    overview = shared.overview(site.archive, one, now_s, whole=False)
    latest = overview.latest
    if overview.damaged:
        return
    found.stands[n] = standing(latest.time_s if latest else None, now_s)
    if latest is None:
        return
    found.last_s[n] = latest.time_s
    if overview.power_w is not None:
        found.power_w[n] = overview.power_w
        told = latest if _POWERS & sum(1 << code for code in latest.values) else None
        told = told or shared.newest(site.archive, one.id, one.segments, now_s, _POWERS)
        if told is not None and now_s - told.time_s < REPORTING_S:
            found.now_w[n] = overview.power_w


def _energy(site: Site, one: SharedSensor) -> float:
    """What a sensor imported today, in Wh; NaN if it is not open or there is none."""
    day, span = today(site)
    register = 1 << ENERGY_IMPORT
    if not one.mask & register or not _is_whole(one.opened, register, span):
        return np.nan
    try:
        rise = energy_of(site, one, register, day, day, "day").rise
    except DamagedError:
        return np.nan
    return rise[0] if rise else np.nan


def _of_many(site: Site, actor: Actor) -> Mine:
    now_s = site.clock()
    every, part = shared.scopes_of(site, actor)
    all_ = site.standings.of_all(site.archive, site.days, site.clock)
    groups, group = _groups(site, all_, scopes.held(every, now_s), part)
    which = np.flatnonzero(group >= 0)
    found = _nothing(all_, which)
    _, span = today(site)
    for number, some in enumerate(groups):
        at = np.flatnonzero(group[which] == number)
        if not len(at):
            continue
        open_ = scopes.Opened(some, min(max(0, int(now_s)), END_S - 1), site.days, part)
        _apply(found, at, open_, now_s)
        if _is_whole(open_, 1 << ENERGY_IMPORT, span):
            found.energy_wh[at] = all_.rise_wh[which[at]]
        found.undated[at] = all_.undated[which[at]] & open_.timeless != 0
    return found


def _groups(site: Site, all_: Standings, held: list[Scope], part: Scope | None) -> tuple[list[tuple[Scope, ...]], Ints]:
    """(the scopes that open some sensors alike, which of these open each sensor; -1: none does)."""
    numbers: dict[tuple[Scope, ...], int] = {(): -1}

    def number(some: Iterable[Scope], place: Place) -> int:
        return numbers.setdefault(scopes.matching(some, place, part), len(numbers) - 1)

    # Of one that no scope names by itself: what they say of one they say of all that are where it is.
    of_places = [number(held, Place(-1, region, category)) for region, category in all_.places]
    group = np.array(of_places, np.int64)[all_.place] if of_places else np.zeros(0, np.int64)
    every = held if part is None else [*held, part]
    named: dict[int, list[Scope]] = defaultdict(list)
    for scope in held:
        for sensor_id in scope.sensors or ():
            named[sensor_id].append(scope)
    labels = known.labelled(site.archive, (label for scope in every for label in scope.labels or ()))
    others = [scope for scope in held if scope.sensors is None]
    for sensor_id in {*named, *labels, *(part.sensors or () if part else ())}:
        n = int(np.searchsorted(all_.ids, sensor_id))
        if n < len(all_) and all_.ids[n] == sensor_id:
            place = Place(sensor_id, *all_.places[int(all_.place[n])], labels.get(sensor_id, frozenset()))
            group[n] = number([*others, *named.get(sensor_id, ())], place)
    return [some for some in numbers if some], group


def _apply(found: Mine, at: Ints, open_: Opened, now_s: float) -> None:
    """How those stand that the same scopes open. Of readings only such as are open, where those of now are, too."""
    live = live_mask(open_)
    if not live:
        return
    of = found.which[at]
    segments = open_.segments(live)
    times = {}
    for code in codes_of(live):
        if code in found.all.last_s:
            last_s = found.all.last_s[code][of]
            inside = np.zeros(len(at), np.bool_)
            for from_s, to_s, mask in segments:
                if mask >> code & 1:
                    inside |= (last_s >= from_s) & (last_s < to_s)
            times[code] = np.where(inside, last_s, 0)
    found.last_s[at] = np.max(list(times.values()), axis=0) if times else 0
    found.stands[at] = standings(found.last_s[at], now_s)
    none = np.zeros(len(at), np.int64)
    drawn_s, fed_s = (times.get(code, none) for code in (POWER_IMPORT, POWER_EXPORT))
    drawn = np.where(drawn_s > 0, found.all.power_w[POWER_IMPORT][of], 0)
    fed = np.where(fed_s > 0, -found.all.power_w[POWER_EXPORT][of], 0)
    # Some meters tell one at a time, and the other only when it is not 0.
    newer, older = np.where(drawn_s > fed_s, drawn, fed), np.where(drawn_s > fed_s, fed, drawn)
    net = np.where(drawn_s == fed_s, drawn + fed, np.where(newer != 0, newer, older))
    told_s = np.maximum(drawn_s, fed_s)
    found.power_w[at] = np.where(told_s > 0, net, np.nan)
    found.now_w[at] = np.where((told_s > 0) & (now_s - told_s < REPORTING_S), net, np.nan)


def _nothing(all_: Standings, which: Ints) -> Mine:
    size = len(which)

    def none() -> NDArray[np.float64]:
        return np.full(size, np.nan)

    stands, last_s = np.full(size, int(Standing.HIDDEN), np.int64), np.zeros(size, np.int64)
    return Mine(all_, which, stands, last_s, none(), none(), none(), np.zeros(size, np.bool_))


def today(site: Site) -> tuple[int, tuple[int, int]]:
    """The number of the site's day, and its span."""
    day = int(site.days.number(int(site.clock())))
    return day, (int(site.days.starts_s[day]), int(site.days.starts_s[day + 1]))


def _is_whole(open_: Opened, mask: int, span: tuple[int, int]) -> bool:
    """Whether all of a day is open, also what of it is still to come."""
    spans = scopes.touching(open_.segments(mask, Resolution.DAY, from_s=span[0], to_s=span[1]), mask)
    return spans == [span]
