"""A scope in words and numbers, so that who gives it sees what they give."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from .language import ENGLISH, Language
from .periods import Resolution
from .scopes import METERED, Scope
from .units import codes_of, label

HOW_FINE = {
    Resolution.RAW: "every reading",
    Resolution.QUARTER: "by quarters of an hour",
    Resolution.HOUR: "hourly",
    Resolution.DAY: "daily",
    Resolution.MONTH: "monthly",
}


def words(
    scope: Scope, sensors: int | None, zone: ZoneInfo, days: int | None = None, language: Language = ENGLISH
) -> str:
    """Such as "37 sensors in north/city-a, daily, from 1 January 2026, no export". Dates are of the zone.

    `days`: for how long it is asked for; one that is given has an end of its own, or none.
    """
    say, at = language.say, _moments(zone, language)
    number = say("sensors") if sensors is None else language.say_many("{count} sensor", "{count} sensors", sensors)
    parts = _what(scope, number, zone, language)
    if scope.starts_s is not None:
        parts.append(say("beginning at {time}", time=at(scope.starts_s)))
    if days is not None:
        parts.append(language.say_many("for {count} day", "for {count} days", days))
    elif scope.expires_s is None:
        parts.append(say("for good"))
    else:
        parts.append(say("until {time}", time=at(scope.expires_s)))
    return language.listed(parts)


def words_of_part(part: Scope, zone: ZoneInfo, language: Language = ENGLISH) -> str:
    """What a token is for of what its owner sees, such as "sensor 7, daily, no export", or "all sensors, every reading, export"."""
    named = sorted(part.sensors or ())
    numbers = ", ".join(map(str, named))
    number = language.say_many("sensor {numbers}", "sensors {numbers}", len(named), numbers=numbers)
    return language.listed(_what(part, number if named else language.say("all sensors"), zone, language))


def _what(scope: Scope, number: str, zone: ZoneInfo, language: Language) -> list[str]:
    say, at = language.say, _moments(zone, language)
    parts = [_which(scope, number, language), say(HOW_FINE[scope.resolution])]
    if scope.quantities & METERED != METERED:
        parts.append(say(" and ").join(label(code, language) for code in codes_of(scope.quantities)))
    if scope.first_s is not None:
        parts.append(say("from {time}", time=at(scope.first_s)))
    if scope.until_s is not None:
        parts.append(say("before {time}", time=at(scope.until_s)))
    if not scope.live:
        parts.append(say("nothing of a day before it is over"))
    parts.append(say("export") if scope.export else say("no export"))
    return parts


def _which(scope: Scope, number: str, language: Language) -> str:
    say, parts = language.say, [number]
    if scope.k > 1:
        parts = [say("sums over at least {k} of {number} and none of them singly", k=scope.k, number=number)]
    if scope.category is not None:
        parts.append(say(scope.category))
    if scope.region is not None:
        parts.append(say("in {region}", region=scope.region))
    if scope.labels is not None:
        parts.append(say("labelled {labels}", labels=say(" or ").join(sorted(scope.labels))))
    return language.listed(parts)


def _moments(zone: ZoneInfo, language: Language) -> Callable[[int], str]:
    def said(time_s: int) -> str:
        when = datetime.fromtimestamp(time_s, zone)
        day = language.day(when.date())
        return day if (when.hour, when.minute, when.second) == (0, 0, 0) else f"{day} {when:%H:%M:%S}"

    return said
