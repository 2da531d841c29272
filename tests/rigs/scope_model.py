"""What scopes open, said in plain loops, second by second, by the calendar of the zone and not by the product's."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gridecho_remote.rules.scopes import Place, Purpose, Resolution, Scope

ZONE = "Europe/Amsterdam"
_STEPS = {Resolution.RAW: 1, Resolution.QUARTER: 900, Resolution.HOUR: 3600}


@lru_cache(1 << 16)
def period_of(resolution: Resolution, time_s: int) -> tuple[int, int]:
    """The period (begin, end) in which a moment lies; a second is one, too."""
    if resolution is Resolution.RAW:
        return time_s, time_s + 1
    zone = ZoneInfo(ZONE)
    local = datetime.fromtimestamp(time_s, zone)
    midnight = local.replace(hour=0, minute=0, second=0, fold=0)
    if resolution is Resolution.MONTH:
        begin = midnight.replace(day=1)
        return int(begin.timestamp()), int((begin + timedelta(31)).replace(day=1).timestamp())
    begin_s = int(midnight.timestamp())
    if resolution is Resolution.DAY:
        return begin_s, int(datetime.combine(local.date() + timedelta(1), datetime.min.time(), zone).timestamp())
    step_s = _STEPS[resolution]
    begin_s += (time_s - begin_s) // step_s * step_s
    return begin_s, begin_s + step_s


def holds(scope: Scope, place: Place, now_s: float) -> bool:
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
    scope: Scope,
    place: Place,
    now_s: int,
    code: int,
    time_s: int,
    resolution: Resolution,
    purpose: Purpose,
    asked: tuple[int, int],
) -> bool:
    """Whether a scope opens a quantity at a second, at a resolution, for a purpose, when a span is asked for."""
    if (
        not holds(scope, place, now_s)
        or not scope.quantities & 1 << code
        or code >= 40
        or (purpose is Purpose.EXPORT and not scope.export)
        or (purpose is Purpose.LIVE and (not scope.live or scope.resolution is not Resolution.RAW))
        or scope.resolution > resolution
    ):
        return False
    begin_s, end_s = period_of(scope.resolution, time_s)
    today_s, _ = period_of(Resolution.DAY, now_s)
    return (
        asked[0] <= begin_s
        and end_s <= asked[1]
        and (scope.first_s is None or scope.first_s <= begin_s)
        and (scope.until_s is None or end_s <= scope.until_s)
        and (scope.live or end_s <= today_s)
        and (scope.resolution is Resolution.RAW or end_s <= now_s)
    )


def goes_on(scopes: Iterable[Scope], now_s: int, code: int, time_s: int, resolution: Resolution) -> bool:
    """Whether a step from the period before may lead to a moment: it is in the span of a scope, its period over or not."""
    today_s, _ = period_of(Resolution.DAY, now_s)
    return any(
        bool(scope.quantities & 1 << code)
        and scope.resolution <= resolution
        and (scope.first_s is None or scope.first_s <= time_s)
        and (scope.until_s is None or time_s < scope.until_s)
        and (scope.live or time_s < today_s)
        for scope in scopes
    )
