"""Quarters of an hour, hours, days and months of the site's: where one begins, and where the next one does."""

from datetime import timedelta
from enum import IntEnum

from .days import HOUR_S, QUARTER_S, Days

END_S = 1 << 32  # after every time that can be said


class Resolution(IntEnum):
    """How finely somebody sees: every reading, or periods of the site's."""

    RAW = 0
    QUARTER = 1
    HOUR = 2
    DAY = 3
    MONTH = 4


_STEP_S = {Resolution.QUARTER: QUARTER_S, Resolution.HOUR: HOUR_S}


def begin_of(days: Days, resolution: Resolution, time_s: int) -> int:
    """When the period begins in which a time lies. Hours are counted from midnight, as rollups have them."""
    number = int(days.number(time_s))
    begin_s = int(days.starts_s[number])
    if resolution in _STEP_S:
        return time_s - (time_s - begin_s) % _STEP_S[resolution]
    if resolution is Resolution.MONTH:
        first = number - days.date_of(number).day + 1
        return int(days.starts_s[max(0, first)])  # of the first month the days that times reach
    return begin_s if resolution is Resolution.DAY else time_s


def end_of(days: Days, resolution: Resolution, time_s: int) -> int:
    """The first begin of a period at a time or after it."""
    begin_s = begin_of(days, resolution, time_s)
    if begin_s == time_s:
        return time_s
    number = int(days.number(time_s))
    if resolution in _STEP_S:
        return min(begin_s + _STEP_S[resolution], int(days.starts_s[number + 1]))
    if resolution is Resolution.DAY:
        return int(days.starts_s[number + 1])
    month_later = days.date_of(number).replace(day=1) + timedelta(31)
    try:
        return int(days.starts_s[days.day_of(month_later.replace(day=1))])
    except ValueError:
        return END_S
