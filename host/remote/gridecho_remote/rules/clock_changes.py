"""When a zone's clocks change every year, as Green Button says it (NAESB REQ.21 ESPI, DstRuleType)."""

import re
from dataclasses import dataclass
from importlib.resources import files

NEVER = 0xFFFF_FFFF

# The last line of a zone's file (RFC 9636, section 3.3.1, and POSIX): CET-1CEST,M3.5.0,M10.5.0/3
_NAME, _TIME = r"(?:<[^>]+>|[A-Za-z]+)", r"([-+]?\d+(?::\d+){0,2})"
_RULE = r"M(\d+)\.(\d)\.(\d)(?:/" + _TIME + ")?"
_LINE = re.compile(rf"{_NAME}{_TIME}(?:{_NAME}{_TIME}?,{_RULE},{_RULE})?")
_LAST = 7  # of the operators: the last such weekday of the month


@dataclass(frozen=True, slots=True)
class ClockChanges:
    """Seconds east of UTC in winter, how much clocks are put forward, and the bits that say when that begins and ends."""

    offset_s: int
    forward_s: int = 0
    begins: int = NEVER
    ends: int = NEVER


def clock_changes(zone: str) -> ClockChanges:
    """Those of a zone by its IANA name, as they are now; none where the form has no bits for its rule."""
    line = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes().rsplit(b"\n", 2)[-2].decode()
    found = _LINE.fullmatch(line)
    if not found:
        return ClockChanges(0)
    winter, summer, *rules = found.groups()
    offset_s = -_seconds(winter)
    if rules[0] is None:
        return ClockChanges(offset_s)
    forward_s = -_seconds(summer) - offset_s if summer else 3_600
    begins, ends = _bits(*rules[:4]), _bits(*rules[4:])
    if forward_s < 0:  # Dublin: its law calls summer the standard
        offset_s, forward_s, begins, ends = offset_s + forward_s, -forward_s, ends, begins
    if NEVER in (begins, ends):
        return ClockChanges(offset_s)
    return ClockChanges(offset_s, forward_s, begins, ends)


def _bits(month: str, week: str, weekday: str, time: str | None) -> int:
    """Month, operator, weekday (Monday is 1), hour, seconds; NEVER for an hour that is of another day."""
    seconds = 7_200 if time is None else _seconds(time)
    if not 0 <= seconds < 86_400:
        return NEVER
    operator = _LAST if week == "5" else int(week) + 1
    return int(month) << 28 | operator << 25 | (int(weekday) or 7) << 17 | seconds // 3_600 << 12 | seconds % 3_600


def _seconds(time: str) -> int:
    sign = -1 if time.startswith("-") else 1
    parts = [int(part) for part in time.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3_600 + parts[1] * 60 + parts[2])
