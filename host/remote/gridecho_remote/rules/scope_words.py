"""A scope in words and numbers, so that who gives it sees what they give."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from .periods import Resolution
from .scopes import METERED, Scope
from .units import codes_of, label

_HOW = {
    Resolution.RAW: "every reading",
    Resolution.QUARTER: "by quarters of an hour",
    Resolution.HOUR: "hourly",
    Resolution.DAY: "daily",
    Resolution.MONTH: "monthly",
}


def words(scope: Scope, sensors: int | None, zone: ZoneInfo, days: int | None = None) -> str:
    """Such as "37 sensors in north/city-a, daily, from 1 January 2026, no export". Dates are of the zone.

    `days`: for how long it is asked for; one that is given has an end of its own, or none.
    """
    number = "sensors" if sensors is None else f"{sensors:,} sensor{'' if sensors == 1 else 's'}"
    at = _moments(zone)
    parts = _what(scope, number, zone)
    if scope.starts_s is not None:
        parts.append(f"beginning at {at(scope.starts_s)}")
    if days is not None:
        parts.append(f"for {days:,} day{'' if days == 1 else 's'}")
    else:
        parts.append("for good" if scope.expires_s is None else f"until {at(scope.expires_s)}")
    return ", ".join(parts)


def words_of_part(part: Scope, zone: ZoneInfo) -> str:
    """What a token is for of what its owner sees, such as "sensor 7, daily, no export", or "all sensors, every reading, export"."""
    named = sorted(part.sensors or ())
    number = f"sensor{'' if len(named) == 1 else 's'} {', '.join(map(str, named))}" if named else "all sensors"
    return ", ".join(_what(part, number, zone))


def _what(scope: Scope, number: str, zone: ZoneInfo) -> list[str]:
    at = _moments(zone)
    parts = [_which(scope, number), _HOW[scope.resolution]]
    if scope.quantities & METERED != METERED:
        parts.append(" and ".join(label(code) for code in codes_of(scope.quantities)))
    if scope.first_s is not None:
        parts.append(f"from {at(scope.first_s)}")
    if scope.until_s is not None:
        parts.append(f"before {at(scope.until_s)}")
    if not scope.live:
        parts.append("nothing of a day before it is over")
    parts.append("export" if scope.export else "no export")
    return parts


def _which(scope: Scope, number: str) -> str:
    said = number if scope.k == 1 else f"sums over at least {scope.k} of {number} and none of them singly"
    if scope.category is not None:
        said += f", {scope.category}"
    if scope.region is not None:
        said += f", in {scope.region}"
    if scope.labels is not None:
        said += f", labelled {' or '.join(sorted(scope.labels))}"
    return said


def _moments(zone: ZoneInfo) -> Callable[[int], str]:
    def said(time_s: int) -> str:
        when = datetime.fromtimestamp(time_s, zone)
        day = f"{when.day} {when:%B %Y}"
        return day if (when.hour, when.minute, when.second) == (0, 0, 0) else f"{day} {when:%H:%M:%S}"

    return said
