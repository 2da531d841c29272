"""What grants open: of which sensors, which quantities, how finely, of which span, for what. Every answer passes here.

Somebody sees the union of their scopes: quantity by quantity, span by span, resolution by resolution. What is opened comes as
segments of time, which do not overlap, each with its quantities.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, reduce
from itertools import pairwise
from operator import or_
from typing import NamedTuple

from gridecho.quantities import FIRST_STATE_CODE

from .days import Days
from .errors import RemoteError
from .periods import END_S, Resolution, begin_of, end_of
from .regions import inside

__all__ = ("METERED", "Opened", "Place", "Purpose", "Resolution", "Scope", "Segment", "covered", "opened")

METERED = (1 << FIRST_STATE_CODE) - 1  # every quantity that a meter measures, as a mask of codes
MOST_NAMED = 1000  # sensors, or labels, in one scope
MOST_K = 1_000_000


class Purpose(Enum):
    """What somebody wants with readings: to look at them, to take them away as a file, to have them as they come."""

    LOOK = "look"
    EXPORT = "export"
    LIVE = "live"


class Segment(NamedTuple):
    """A span (`to_s` not included) and the mask of quantities that are open in it."""

    from_s: int
    to_s: int
    mask: int


class Scope(NamedTuple):
    """What one grant says. A selector that is None matches every sensor; all that are set must match, of a set one.

    `resolution`: the finest that it opens, and with it every coarser one; coarser than raw, periods that are over and lie wholly
    within the span. `k`: from 2 on it opens sums over at least so many sensors, and no sensor. `first_s`, `until_s` (not included):
    the times of the readings. Not `live`: nothing of the site's day that is not over. `starts_s`, `expires_s`: when it holds.
    """

    region: str | None = None
    category: str | None = None
    labels: frozenset[str] | None = None
    sensors: frozenset[int] | None = None
    quantities: int = METERED
    resolution: Resolution = Resolution.RAW
    k: int = 1
    first_s: int | None = None
    until_s: int | None = None
    export: bool = True
    live: bool = True
    starts_s: int | None = None
    expires_s: int | None = None
    revoked: bool = False

    @property
    def timeless(self) -> bool:
        """Whether it opens every reading, whenever it was made."""
        return self.first_s is None and self.until_s is None and self.live and not self.resolution

    def holds(self, now_s: float) -> bool:
        """Whether it opens anything now."""
        return (
            not self.revoked
            and (self.expires_s is None or now_s < self.expires_s)
            and (self.starts_s is None or now_s >= self.starts_s)
        )

    def state(self, now_s: float) -> str:
        """What has become of a grant: "comes", "holds", "ended" by its time, or "revoked"."""
        if self.revoked:
            return "revoked"
        if self.expires_s is not None and now_s >= self.expires_s:
            return "ended"
        return "holds" if self.holds(now_s) else "comes"

    def matches(self, place: "Place") -> bool:
        """Whether the sensor is one of its."""
        return (
            (self.sensors is None or place.sensor_id in self.sensors)
            and (self.category is None or self.category == place.category)
            and (self.region is None or inside(place.region, self.region))
            and (self.labels is None or not self.labels.isdisjoint(place.labels))
        )


class Place(NamedTuple):
    """What the rule needs to know of a sensor."""

    sensor_id: int
    region: str
    category: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Opened:
    """What is open of one sensor at a moment: the scopes that open it, none if it is not to be seen at all.

    `part`: whatever they open, no more than this opens, too; a token's.
    """

    scopes: tuple[Scope, ...]
    now_s: int
    days: Days
    part: Scope | None = None

    def __bool__(self) -> bool:
        return bool(self.scopes)

    @property
    def mask(self) -> int:
        """The quantities of which anything is open."""
        return self._mask_where(lambda _: True)

    @cached_property
    def timeless(self) -> int:
        """The quantities of which every reading is open whenever it was made: those of readings without a time, too."""
        return self._mask_where(lambda scope: scope.timeless)

    @property
    def timeless_export(self) -> int:
        """Those of which every reading may be taken away as a file."""
        return self._mask_where(lambda scope: scope.timeless and scope.export)

    @property
    def technical(self) -> bool:
        """Whether what is known of the sensor beside its readings is open: to who sees each reading as it comes."""
        return any(map(self._is_technical, self.scopes)) and (self.part is None or self._is_technical(self.part))

    @property
    def resolutions(self) -> list[Resolution]:
        """How finely anything is open, each way once, the finest first."""
        finest = Resolution.RAW if self.part is None else self.part.resolution
        return sorted({max(scope.resolution, finest) for scope in self.scopes})

    def segments(
        self,
        mask: int,
        resolution: Resolution = Resolution.RAW,
        purpose: Purpose = Purpose.LOOK,
        from_s: int = 0,
        to_s: int = END_S,
    ) -> list[Segment]:
        """What is open of a span at a resolution, of the quantities of `mask`; in order, without overlaps, none is empty.

        Of a scope that is coarser than raw, whole periods of it; so a period is open if it lies within segments that touch.
        """
        mask &= METERED
        if self.part is not None:
            mask &= self.part.quantities
            from_s, to_s = self._span(self.part, resolution, purpose, from_s, to_s)
        parts = []
        for scope in self.scopes:
            wanted = mask & scope.quantities
            if wanted:
                begin_s, stop_s = self._span(scope, resolution, purpose, from_s, to_s)
                if begin_s < stop_s:
                    parts.append(Segment(begin_s, stop_s, wanted))
        return parts if len(parts) < 2 else _union(parts)

    def reach(self, code: int, resolution: Resolution, at_s: int) -> int:
        """Up to when readings are open, or will be when their period is over, without a break from a time on: for a step that
        leads from one period into the next.
        """
        reach_s = self._reach(self.scopes, code, resolution, at_s)
        return reach_s if self.part is None else min(reach_s, self._reach((self.part,), code, resolution, at_s))

    def _reach(self, scopes: tuple[Scope, ...], code: int, resolution: Resolution, at_s: int) -> int:
        moved = True
        while moved:
            moved = False
            for scope in scopes:
                if scope.quantities >> code & 1 and scope.resolution <= resolution:
                    stop_s = END_S if scope.until_s is None else scope.until_s
                    if not scope.live:
                        stop_s = min(stop_s, begin_of(self.days, Resolution.DAY, self.now_s))
                    if (scope.first_s or 0) <= at_s < stop_s:
                        at_s, moved = stop_s, stop_s < END_S
        return at_s

    def _mask_where(self, holds: Callable[[Scope], bool]) -> int:
        mask = _mask_of(filter(holds, self.scopes))
        return mask if self.part is None else mask & self.part.quantities * holds(self.part)

    def _is_technical(self, scope: Scope) -> bool:
        return (
            scope.live
            and not scope.resolution
            and (scope.first_s is None or scope.first_s <= self.now_s)
            and (scope.until_s is None or self.now_s < scope.until_s)
        )

    def _span(self, scope: Scope, resolution: Resolution, purpose: Purpose, from_s: int, to_s: int) -> tuple[int, int]:
        """The part of a span that a scope opens; none if it does not begin before it ends."""
        if (
            scope.resolution > resolution
            or (purpose is Purpose.EXPORT and not scope.export)
            or (purpose is Purpose.LIVE and (not scope.live or scope.resolution))
        ):
            return 0, 0
        if scope.first_s is not None:
            from_s = max(from_s, scope.first_s)
        if scope.until_s is not None:
            to_s = min(to_s, scope.until_s)
        if not scope.live:
            to_s = min(to_s, begin_of(self.days, Resolution.DAY, self.now_s))
        if scope.resolution:
            to_s = min(to_s, self.now_s)
            if from_s >= to_s:
                return 0, 0
            return end_of(self.days, scope.resolution, from_s), begin_of(self.days, scope.resolution, to_s)
        return from_s, to_s


def held(scopes: Iterable[Scope], now_s: float) -> list[Scope]:
    """Those that open any single sensor now; one for sums opens none."""
    return [scope for scope in scopes if scope.k == 1 and scope.holds(now_s)]


def opened(scopes: Iterable[Scope], place: Place, now_s: float, days: Days, part: Scope | None = None) -> Opened:
    """What scopes open of a sensor now; with `part`, what that opens, too."""
    found = matching(held(scopes, now_s), place, part)
    return Opened(found, min(max(0, int(now_s)), END_S - 1), days, part)


def matching(scopes: Iterable[Scope], place: Place, part: Scope | None = None) -> tuple[Scope, ...]:
    """Those of which the sensor is one; none if it is none of the part."""
    if part is not None and not part.matches(place):
        return ()
    return tuple([scope for scope in scopes if scope.matches(place)])


def _mask_of(scopes: Iterable[Scope]) -> int:
    return reduce(or_, (scope.quantities for scope in scopes), 0) & METERED


def covered(wanted: Iterable[Segment], given: list[Segment]) -> bool:
    """Whether all of some segments is in others."""
    for one in wanted:
        at_s = one.from_s
        for other in given:
            if other.from_s <= at_s < other.to_s and not one.mask & ~other.mask:
                at_s = other.to_s
        if at_s < one.to_s:
            return False
    return True


def touching(segments: Iterable[Segment], mask: int) -> list[tuple[int, int]]:
    """The spans in which one of the quantities in `mask` is open, those that touch as one. `segments` are in order."""
    spans: list[tuple[int, int]] = []
    for from_s, to_s, there in segments:
        if there & mask:
            if spans and spans[-1][1] >= from_s:
                from_s, to_s = spans[-1][0], max(spans.pop()[1], to_s)
            spans.append((from_s, to_s))
    return spans


def checked(scope: Scope) -> Scope:
    """The scope. Raises RemoteError for one that says nothing, or what cannot be."""
    if not scope.region and not scope.category and not scope.labels and not scope.sensors:
        raise RemoteError("grant-empty")
    return _possible(scope)


def checked_part(scope: Scope) -> Scope:
    """The scope, as the part that a token is for: it need not name anything. Raises RemoteError for what cannot be."""
    if scope.k != 1 or scope.starts_s is not None or scope.expires_s is not None:
        raise RemoteError("token-part")
    return _possible(scope)


def _possible(scope: Scope) -> Scope:
    if not scope.quantities & METERED or scope.labels == frozenset() or scope.sensors == frozenset():
        raise RemoteError("grant-nothing")
    if max(len(scope.labels or ()), len(scope.sensors or ())) > MOST_NAMED:
        raise RemoteError("grant-many", most=MOST_NAMED)
    if not 1 <= scope.k <= MOST_K:
        raise RemoteError("grant-k", most=MOST_K)
    for begin_s, end_s in ((scope.first_s, scope.until_s), (scope.starts_s, scope.expires_s)):
        if begin_s is not None and end_s is not None and begin_s >= end_s:
            raise RemoteError("grant-span")
    return scope


def beyond(scope: Scope, other: Scope) -> str | None:
    """In what a scope opens more than another one, the name of a field; None: in nothing, whatever there is."""
    less = {
        "region": other.region is None or (scope.region is not None and inside(scope.region, other.region)),
        "category": other.category in (None, scope.category),
        "labels": other.labels is None or (scope.labels is not None and scope.labels <= other.labels),
        "sensors": other.sensors is None or (scope.sensors is not None and scope.sensors <= other.sensors),
        "quantities": not scope.quantities & ~other.quantities,
        "resolution": scope.resolution >= other.resolution,
        "k": scope.k >= other.k,
        "first_s": other.first_s is None or (scope.first_s is not None and scope.first_s >= other.first_s),
        "until_s": other.until_s is None or (scope.until_s is not None and scope.until_s <= other.until_s),
        "export": scope.export <= other.export,
        "live": scope.live <= other.live,
        "starts_s": other.starts_s is None or (scope.starts_s is not None and scope.starts_s >= other.starts_s),
        "expires_s": other.expires_s is None or (scope.expires_s is not None and scope.expires_s <= other.expires_s),
    }
    return next((name for name, holds in less.items() if not holds), None)


def _union(parts: list[Segment]) -> list[Segment]:
    edges = sorted({edge for from_s, to_s, _ in parts for edge in (from_s, to_s)})
    found: list[Segment] = []
    for begin_s, stop_s in pairwise(edges):
        mask = 0
        for from_s, to_s, there in parts:
            if from_s <= begin_s and stop_s <= to_s:
                mask |= there
        if found and found[-1].mask == mask and found[-1].to_s == begin_s:
            begin_s = found.pop().from_s
        if mask:
            found.append(Segment(begin_s, stop_s, mask))
    return found
