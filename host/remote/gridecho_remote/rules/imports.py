"""What of a household's file is not in a sensor yet; and how what a register rose by joins the readings that are there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .days import HOUR_S
from .household import Household
from .rollups import begins

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NEVER_S = 1 << 40
_MOST_HOLES = 1_000


@dataclass(frozen=True, slots=True)
class Table:
    """Readings by time: `values` has a row a quantity of `codes`; `has` says which of them are there."""

    codes: list[int]
    times_s: Ints
    values: Ints
    has: Flags

    def only(self, chosen: Flags) -> "Table":
        """Some of the values, and the readings that have any of these."""
        some, codes = chosen.any(axis=0), chosen.any(axis=1)
        kept = [self.codes[row] for row in np.flatnonzero(codes).tolist()]
        return Table(kept, self.times_s[some], self.values[codes][:, some], chosen[codes][:, some])


def table_of(found: Household) -> Table:
    """What is in a file."""
    times = sorted(found.rows)
    codes = sorted(set().union(*(values.keys() for values in found.rows.values())))
    values = np.zeros((len(codes), len(times)), np.int64)
    has = np.zeros(values.shape, bool)
    for row, code in enumerate(codes):
        column = [found.rows[time_s].get(code) for time_s in times]
        has[row] = [value is not None for value in column]
        values[row] = [value or 0 for value in column]
    return Table(codes, np.array(times, np.int64), values, has)


def usual_step_s(times_s: Ints) -> int:
    """The seconds from one time to the next, as a rule."""
    steps = np.sort(np.diff(times_s))
    return max(1, int(steps[len(steps) // 2])) if len(steps) else 1


def hole_s(step_s: int) -> int:
    """Between readings that lie further apart there is a hole."""
    return max(3 * step_s, HOUR_S)


def holes_before(times_s: Ints) -> Flags:
    """Before which times of a file there is a hole; the longest of them, if there are very many."""
    steps = np.diff(times_s, prepend=times_s[:1])
    least_s = hole_s(usual_step_s(times_s))
    if len(steps) > _MOST_HOLES:
        least_s = max(least_s, int(np.partition(steps, -_MOST_HOLES - 1)[-_MOST_HOLES - 1]))
    return np.asarray(steps > least_s)


class Around:
    """The readings of a quantity that are there, before, between and after the times of a file: of each such stretch the first and
    the last. Stretch n begins at the time n - 1.
    """

    def __init__(self, times_s: Ints) -> None:
        self.times_s = times_s
        shape = len(times_s) + 1
        self.first_s, self.last_s = np.full(shape, _NEVER_S), np.full(shape, -_NEVER_S)
        self.first, self.last = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def add(self, times_s: Ints, values: Ints) -> None:
        """More of them, in order of time."""
        if not len(times_s):
            return
        stretches = np.searchsorted(self.times_s, times_s, side="right")
        starts = begins(stretches)
        ends = np.append(starts[1:], len(times_s)) - 1
        which = stretches[starts]
        earlier, later = times_s[starts] < self.first_s[which], times_s[ends] > self.last_s[which]
        self.first_s[which[earlier]], self.first[which[earlier]] = times_s[starts][earlier], values[starts][earlier]
        self.last_s[which[later]], self.last[which[later]] = times_s[ends][later], values[ends][later]

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return bool((self.first_s == _NEVER_S).all())

    def apart(self, step_s: int) -> Flags:
        """Which of the file's times have none within so many seconds, and none of their own second."""
        before_s = np.maximum.accumulate(self.last_s)[:-1]
        after_s = np.minimum.accumulate(self.first_s[::-1])[::-1][1:]
        return np.asarray((self.times_s - before_s >= max(1, step_s)) & (after_s - self.times_s >= max(1, step_s)))

    def joined(self, sums: Ints, taken: Flags) -> Ints:
        """The register that rose as `sums` do, at the times that are `taken`.

        Each run of them that has no readings of the register within is one piece: it leads to the next reading, if there is one,
        else on from the one before, else from 0. A register is never below 0: where it would be, the piece begins there, and as
        with another meter there is a step down to the next reading.
        """
        values = sums.copy()
        there: Flags = np.asarray(self.first_s < _NEVER_S)
        stretches = np.arange(len(there))
        after = np.minimum.accumulate(np.where(there, stretches, len(there))[::-1])[::-1]
        before = np.maximum.accumulate(np.where(there, stretches, -1))
        places = np.flatnonzero(taken)
        for piece in np.split(places, begins(np.cumsum(there, dtype=np.int64)[places])[1:]) if len(places) else ():
            begin, end = int(piece[0]), int(piece[-1])
            following, previous = int(after[end + 1]), int(before[begin])
            if following < len(there):
                shift = int(self.first[following]) - self._at(sums, int(self.first_s[following]))
            elif previous >= 0:
                shift = int(self.last[previous]) - self._at(sums, int(self.last_s[previous]))
            else:
                shift = -int(sums[begin])
            values[piece] += max(shift, -int(sums[begin]))
        return values

    def _at(self, sums: Ints, time_s: int) -> int:
        """What the sums are at a time, between two of theirs as if they rose evenly."""
        return round(float(np.interp(time_s, self.times_s, sums)))
