"""What scopes open, said in plain loops, second by second, by the calendar of the zone; nothing of the product's is in it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = "Europe/Amsterdam"
LOOK, EXPORT, LIVE = "look", "export", "live"  # what somebody wants with readings
MOST_CODE = 40  # from here on a sensor tells of itself


class Fine(IntEnum):
    """How finely somebody sees."""

    RAW = 0
    QUARTER = 1
    HOUR = 2
    DAY = 3
    MONTH = 4


class Where(NamedTuple):
    """A sensor, and where it is."""

    sensor_id: int
    region: str
    category: str
    labels: frozenset[str]


class Allowed(NamedTuple):
    """What one grant allows; None: whichever."""

    region: str | None = None
    category: str | None = None
    labels: frozenset[str] | None = None
    sensors: frozenset[int] | None = None
    quantities: int = (1 << MOST_CODE) - 1
    resolution: Fine = Fine.RAW
    k: int = 1
    first_s: int | None = None
    until_s: int | None = None
    export: bool = True
    live: bool = True
    starts_s: int | None = None
    expires_s: int | None = None
    revoked: bool = False


_STEPS = {Fine.RAW: 1, Fine.QUARTER: 900, Fine.HOUR: 3600}


@lru_cache(1 << 16)
def period_of(resolution: Fine, time_s: int) -> tuple[int, int]:
    """The period (begin, end) in which a moment lies; a second is one, too."""
    if resolution == Fine.RAW:
        return time_s, time_s + 1
    zone = ZoneInfo(ZONE)
    local = datetime.fromtimestamp(time_s, zone)
    midnight = local.replace(hour=0, minute=0, second=0, fold=0)
    if resolution == Fine.MONTH:
        begin = midnight.replace(day=1)
        return int(begin.timestamp()), int((begin + timedelta(31)).replace(day=1).timestamp())
    begin_s = int(midnight.timestamp())
    if resolution == Fine.DAY:
        return begin_s, int(datetime.combine(local.date() + timedelta(1), datetime.min.time(), zone).timestamp())
    step_s = _STEPS[resolution]
    begin_s += (time_s - begin_s) // step_s * step_s
    return begin_s, begin_s + step_s


def holds(scope: Allowed, place: Where, now_s: float) -> bool:
    """Whether it opens anything of the sensor now."""
    steps = place.region.split("/")
    return all(
        [
            scope.region in ({"/".join(steps[: n + 1]) for n in range(len(steps))} | {None}),
            scope.category in (place.category, None),
            scope.sensors is None or place.sensor_id in scope.sensors,
            scope.labels is None or bool(scope.labels & place.labels),
            scope.k < 2,
            not scope.revoked,
            scope.starts_s is None or scope.starts_s <= now_s,
            scope.expires_s is None or scope.expires_s > now_s,
        ]
    )


def is_open(
    scope: Allowed,
    place: Where,
    now_s: int,
    code: int,
    time_s: int,
    resolution: Fine,
    purpose: str,
    asked: tuple[int, int],
) -> bool:
    """Whether a scope opens a quantity at a second, at a resolution, for a purpose, when a span is asked for."""
    if (
        not holds(scope, place, now_s)
        or not scope.quantities & 1 << code
        or code >= MOST_CODE
        or (purpose == EXPORT and not scope.export)
        or (purpose == LIVE and (not scope.live or scope.resolution != Fine.RAW))
        or scope.resolution > resolution
    ):
        return False
    begin_s, end_s = period_of(scope.resolution, time_s)
    today_s, _ = period_of(Fine.DAY, now_s)
    return (
        asked[0] <= begin_s
        and end_s <= asked[1]
        and (scope.first_s is None or scope.first_s <= begin_s)
        and (scope.until_s is None or end_s <= scope.until_s)
        and (scope.live or end_s <= today_s)
        and (scope.resolution == Fine.RAW or end_s <= now_s)
    )


def goes_on(scopes: Iterable[Allowed], now_s: int, code: int, time_s: int, resolution: Fine) -> bool:
    """Whether a step from the period before may lead to a moment: it is in the span of a scope, its period over or not."""
    today_s, _ = period_of(Fine.DAY, now_s)
    return any(
        bool(scope.quantities & 1 << code)
        and scope.resolution <= resolution
        and (scope.first_s is None or scope.first_s <= time_s)
        and (scope.until_s is None or time_s < scope.until_s)
        and (scope.live or time_s < today_s)
        for scope in scopes
    )
