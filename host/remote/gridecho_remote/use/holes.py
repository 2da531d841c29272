"""What somebody wants to see and the remote does not have yet is asked of the relays that hold it, within what was granted.

Who waits does so until a deadline. What has not come by then is named: holes, each with the reason and when it may come.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from gridecho.holdings import MAX_WANTS

from ..rules.actor import Actor
from ..rules.scopes import Purpose, Resolution, touching
from ..store import holdings
from ..store.database import Archive
from ..store.holdings import Held, Want
from . import pulls, shared
from .audit import note, noted
from .curves import OF_UNIT
from .pulls import Outcome
from .shared import SharedSensor
from .site import Site

MOST_WAIT_S = 30
_MOST_HOLES = 200
_GRID_S = 900  # spans are widened to it as far as is granted, so that who asks a little later asks for the same

Spans = list[tuple[int, int]]
Wants = dict[int, list[Want]]  # by relay
Find = Callable[[Archive, int, int, int], Wants]


@dataclass(frozen=True, slots=True)
class Hole:
    """Readings of a span (Unix seconds, `to_s` not included) are at a relay still; `reason` is the code of why.

    `expected_s`: when they may be here (None: nobody knows). `relay_id` only for who may know which way readings come.
    """

    from_s: int
    to_s: int
    reason: str
    expected_s: int | None
    relay_id: int | None


def fill(
    site: Site,
    actor: Actor,
    sensor_id: int,
    quantities: int,
    from_s: int,
    to_s: int,
    wait_s: float,
    resolution: Resolution = Resolution.RAW,
    purpose: Purpose = Purpose.LOOK,
) -> list[Hole]:
    """Gets what relays hold of what is open of a sensor's data of a span (`to_s` not included), and gives what is missing then.

    With `wait_s` 0 no relay is asked. Raises NotFoundError, NotAllowedError.
    """
    actor.require_person()
    if sensor_id > shared.MOST_ID or not holdings.held_in(site.archive, sensor_id, from_s, to_s):
        return []  # the usual case; whether the sensor is open is said where its readings are asked for
    one = shared.granted(site, actor, sensor_id)
    return _filled(site, actor, one, quantities, from_s, to_s, wait_s, resolution, purpose)


def _filled(
    site: Site,
    actor: Actor,
    one: SharedSensor,
    quantities: int,
    from_s: int,
    to_s: int,
    wait_s: float,
    resolution: Resolution,
    purpose: Purpose = Purpose.LOOK,
) -> list[Hole]:
    from_s, to_s = from_s // _GRID_S * _GRID_S, -(-to_s // _GRID_S) * _GRID_S
    segments = one.opened.segments(quantities, resolution, purpose, from_s, to_s)
    spans = touching(segments, -1)
    wants = _wants(site, one.id, spans)
    outcomes: list[Outcome] = []
    if wants and wait_s:
        party = f"person {actor.id}"

        def begin(relay_id: int) -> bool:
            if relay_id not in _wants(site, one.id, spans):
                return False  # who asked for the same has got it in the meantime
            with noted(site, actor, "holes.fill", f"sensor {one.id}", relay=relay_id, spans=spans):
                pass  # what it asks for comes later
            return True

        outcomes = pulls.pull(site, wants, min(wait_s, MOST_WAIT_S), begin=begin, same=(one.id, spans), party=party)
    why = {outcome.relay_id: outcome.missing or "pull-missing" for outcome in outcomes}
    why |= {relay_id: "pull-more" for relay_id, some in wants.items() if len(some) == MAX_WANTS and relay_id in why}
    left = _left(site, one.id, spans, wants, why, one.opened.technical)
    return _merged(left, holdings.reach_of(site.archive, one.id))


def ask(site: Site, actor: Actor, sensor_id: int, quantities: int, from_s: int, to_s: int) -> None:
    """Asks relays for what they hold of what is open of a sensor's data as it comes, of a span (`to_s` not included). Nobody waits:
    it comes by and by, as readings do.
    """
    if not holdings.wants_since(site.archive, sensor_id, from_s, to_s - 1):
        return
    found = shared.opened(site, actor, sensor_id)
    if found is None:
        return
    spans = touching(found[2].segments(quantities, purpose=Purpose.LIVE, from_s=from_s, to_s=to_s), -1)
    for relay_id, some in _wants(site, sensor_id, spans, holdings.wants_since).items():
        with site.archive.writing():
            if pulls.leave(site, relay_id, some, f"person {actor.id}"):
                note(site, actor, "holes.fill", f"sensor {sensor_id}", relay=relay_id, spans=spans)


def fill_days(
    site: Site, actor: Actor, sensor_id: int, quantities: int, first: date, last: date, unit: str, wait_s: float
) -> list[Hole]:
    """The same for days of the site's, both included, that are looked at by such periods; days that are none have nothing."""
    try:
        first_day, last_day = site.days.day_of(first), site.days.day_of(last)
    except ValueError:
        return []
    from_s, to_s = int(site.days.starts_s[first_day]), int(site.days.starts_s[last_day + 1])
    return fill(site, actor, sensor_id, quantities, from_s, to_s, wait_s, OF_UNIT[unit])


def left(site: Site, actor: Actor, sensor_id: int, quantities: int, from_s: int, to_s: int) -> list[Hole]:
    """What of a span relays hold still; none is asked for it. Raises NotFoundError, NotAllowedError."""
    one = shared.granted(site, actor, sensor_id)
    return _filled(site, actor, one, quantities, from_s, to_s, 0, Resolution.MONTH)


def _wants(site: Site, sensor_id: int, spans: Spans, find: Find = holdings.wants_in) -> Wants:
    wants: Wants = {}
    for from_s, to_s in spans:
        for relay_id, some in find(site.archive, sensor_id, from_s, to_s - 1).items():
            wants.setdefault(relay_id, []).extend(some)
    return {relay_id: some[:MAX_WANTS] for relay_id, some in wants.items()}


def _left(
    site: Site, sensor_id: int, spans: Spans, wants: Wants, why: dict[int, str], is_technical: bool
) -> Iterator[Hole]:
    """What of spans relays hold, a hole a run; `wants` is what they were asked for and `why` what kept them from bringing it."""
    expected: dict[int, int | None] = {}
    for from_s, to_s in spans:
        for held in holdings.held_in(site.archive, sensor_id, from_s, to_s - 1):
            reason = why.get(held.relay_id, "pull-not-asked")
            if reason == "pull-missing" and not any(_overlaps(held, want) for want in wants[held.relay_id]):
                reason = "pull-not-asked"  # it came to the relay after the question
            if held.relay_id not in expected:
                expected[held.relay_id] = _expected_s(site, held.relay_id) if reason == "pull-waits" else None
            # One that begins before the span reaches into it.
            begin_s, end_s = max(held.first_s, from_s), max(held.last_s, from_s) + 1
            relay_id = held.relay_id if is_technical else None
            yield Hole(begin_s, min(end_s, to_s), reason, expected[held.relay_id], relay_id)


def _expected_s(site: Site, relay_id: int) -> int | None:
    """When a relay that calls will have brought what waits for it: with the heartbeat after the next one."""
    said = holdings.said(site.archive, relay_id)
    return max(math.ceil(said.heard_ms / 1000 + 2 * said.every_s), int(site.clock()))


def _overlaps(held: Held, want: Want) -> bool:
    _, epoch, first_seq, last_seq, *_ = want
    return held.epoch == epoch and held.first_seq <= last_seq and held.last_seq >= first_seq


def _merged(holes: Iterable[Hole], near_s: int) -> list[Hole]:
    """Holes by time; of one relay and reason those that lie near each other as one, and at the end all that are too many."""
    found: list[Hole] = []
    for hole in sorted(holes, key=lambda one: (one.relay_id or 0, one.reason, one.from_s)):
        before = found[-1] if found else None
        if before and _kind(hole) == _kind(before) and hole.from_s <= before.to_s + near_s:
            found[-1] = replace(before, to_s=max(before.to_s, hole.to_s))
        else:
            found.append(hole)
    found.sort(key=lambda one: (one.from_s, one.to_s))
    if len(found) > _MOST_HOLES:
        rest = found[_MOST_HOLES - 1 :]
        found[_MOST_HOLES - 1 :] = [replace(rest[0], to_s=max(one.to_s for one in rest), expected_s=None)]
    return found


def _kind(hole: Hole) -> tuple[str, int | None, int | None]:
    return hole.reason, hole.expected_s, hole.relay_id
