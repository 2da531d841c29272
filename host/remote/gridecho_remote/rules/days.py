"""The site's calendar: which local day an instant belongs to. A day has 23, 24 or 25 hours, as its zone says."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import ArrayLike, NDArray

QUARTER_S, HOUR_S = 900, 3600
ZONES = frozenset(available_timezones())  # by their IANA names
_FIRST = date(1969, 12, 31)  # there are zones where 1970 begins after Unix time did
_LAST = date(2106, 2, 9)  # times have 32 bits


@cache
def days_of(zone: str) -> "Days":
    """The days of a time zone by its IANA name. Raises ZoneInfoNotFoundError."""
    return Days(zone)


class Days:
    """A zone's days by number, in order; `starts_s[n]` is when day n begins (Unix seconds), up to the last that 32 bits reach."""

    def __init__(self, zone: str) -> None:
        self.name = zone
        self.zone = ZoneInfo(zone)
        count = (_LAST - _FIRST).days + 1
        midnights = (datetime.combine(_FIRST + timedelta(n), datetime.min.time(), self.zone) for n in range(count))
        starts = [int((midnight - datetime.fromtimestamp(0, UTC)).total_seconds()) for midnight in midnights]
        self.starts_s: NDArray[np.int64] = np.array(starts, np.int64)

    def number(self, times_s: ArrayLike) -> NDArray[np.int64]:
        """The day of each time."""
        return np.searchsorted(self.starts_s, times_s, side="right") - 1

    def hour_starts_s(self, day: int) -> NDArray[np.int64]:
        """When the hours of a day begin: 23, 24 or 25; one more where a zone's clock is put by less than an hour."""
        begin, end = self.starts_s[day : day + 2].tolist()
        return np.arange(begin, end, HOUR_S)

    def date_of(self, day: int) -> date:
        """Its date."""
        return _FIRST + timedelta(day)

    def today(self, now_s: float) -> date:
        """The day of a time."""
        return self.date_of(int(self.number([int(now_s)])[0]))

    def is_over(self, time_s: int, now_s: float) -> bool:
        """Whether all before a time was before the present day."""
        return bool(time_s <= self.starts_s[int(self.number([int(now_s)])[0])])

    def day_of(self, when: date) -> int:
        """The day's number. Raises ValueError for one that 32 bits of seconds do not reach."""
        number = (when - _FIRST).days
        if not 0 <= number < len(self.starts_s) - 1:
            raise ValueError("a day that no time of 32 bits reaches")
        return number
