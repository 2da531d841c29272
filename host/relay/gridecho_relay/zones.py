"""Which data ids lie in which stretch of rows, as runs: what the index is told, and where a pull has to look. No file, no lock.

Rows lie in order of arrival, so a stretch of them is a short time of all sensors. A zone says which runs (gridecho.holdings)
a stretch held when it was looked at; rows may have gone since, and never come. A search reads the zones that overlap, and
the rows of these only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from gridecho.holdings import ANY
from numpy.typing import NDArray

HEAD_BYTES = 20  # of a frame: as much as a run is made of
ZONE_ROWS = 1 << 16

Run = tuple[int, ...]
Want = tuple[int, ...]
Numbers = NDArray[np.int64]


def runs_of(heads: bytes) -> list[Run]:
    """The runs that frames make, by sensor, epoch and seq. `heads` has the first 20 bytes of each, one after the other; a data id
    that is there twice counts once.
    """
    if not heads:
        return []
    fields = np.frombuffer(heads, ">u4").reshape(-1, HEAD_BYTES // 4)[:, 1:].astype(np.int64)
    fields = fields[np.lexsort((fields[:, 2], fields[:, 1], fields[:, 0]))]
    same_boot = np.zeros(len(fields), bool)
    same_boot[1:] = (fields[1:, :2] == fields[:-1, :2]).all(axis=1)
    seqs, times = fields[:, 2], fields[:, 3]
    once = ~(same_boot & (np.diff(seqs, prepend=-1) == 0))
    fields, same_boot, seqs, times = fields[once], same_boot[once], seqs[once], times[once]
    steps = np.diff(times, prepend=0)
    follows = same_boot & (np.diff(seqs, prepend=-2) == 1) & (steps >= 0) & (steps <= ANY)
    # The second of a run sets its step; every other one has to keep it.
    begins = ~follows
    second = follows & np.concatenate(([False], begins[:-1]))
    begins |= follows & ~second & (steps != np.concatenate(([0], steps[:-1])))
    firsts = np.flatnonzero(begins)
    counts = np.diff(np.append(firsts, len(fields)))
    step_of = np.zeros(len(firsts), np.int64)
    many = counts > 1
    step_of[many] = steps[firsts[many] + 1]
    runs = np.column_stack((fields[firsts, :3], counts, times[firsts], step_of))
    return [tuple(run) for run in runs.tolist()]


@dataclass(frozen=True, slots=True)
class Zone:
    """The rows with ids from `first_id` to `last_id`. `bounds` has a row for each sensor and epoch: these two, the least and
    the highest seq, the earliest and the latest time; sorted.
    """

    first_id: int
    last_id: int
    bounds: Numbers

    def may_hold(self, wants: Iterable[Want]) -> bool:
        """Whether one of the wants overlaps the bounds."""
        for sensor_id, epoch, first_seq, last_seq, first_s, last_s in wants:
            low, high = np.searchsorted(self.bounds[:, 0], (sensor_id, sensor_id + 1))
            of = self.bounds[low:high]
            fits = (of[:, 2] <= last_seq) & (of[:, 3] >= first_seq) & (of[:, 4] <= last_s) & (of[:, 5] >= first_s)
            if epoch:
                fits &= of[:, 1] == epoch
            if fits.any():
                return True
        return False


class Zones:
    """The zones of one table, in order of its row ids."""

    def __init__(self, zone_rows: int = ZONE_ROWS) -> None:
        self._zone_rows = zone_rows
        self._zones: list[Zone] = []

    @property
    def end(self) -> int:
        """The last row id that a zone covers."""
        return self._zones[-1].last_id if self._zones else 0

    def put(self, first_id: int, last_id: int, runs: Sequence[Run]) -> None:
        """What the rows from `first_id` to `last_id` hold, which come after those of all other zones."""
        numbers = np.array(runs, np.int64).reshape(-1, 6)
        ends = numbers.copy()
        ends[:, 3] = numbers[:, 2] + numbers[:, 3] - 1
        ends[:, 5] = numbers[:, 4] + (numbers[:, 3] - 1) * numbers[:, 5]
        zones = list(self._zones)
        # Many small ones, of a quiet relay that tells of a few rows at a time, would make a search slow.
        if zones and last_id - zones[-1].first_id < self._zone_rows:
            before = zones.pop()
            first_id, ends = before.first_id, np.concatenate((before.bounds, ends))
        zones.append(Zone(first_id, last_id, _bounds_of(ends)))
        self._zones = zones

    def drop_before(self, row_id: int) -> None:
        """No row below `row_id` is there any more."""
        if self._zones and self._zones[0].last_id < row_id:
            self._zones = [zone for zone in self._zones if zone.last_id >= row_id]

    def where(self, wants: Iterable[Want]) -> list[tuple[int, int]]:
        """The stretches (first id, last id) that may hold what is wanted, in order."""
        wants = list(wants)
        return [(zone.first_id, zone.last_id) for zone in self._zones if zone.may_hold(wants)]


def _bounds_of(ends: Numbers) -> Numbers:
    if not len(ends):
        return ends
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    firsts = np.flatnonzero(np.append(True, (ends[1:, :2] != ends[:-1, :2]).any(axis=1)))
    least, most = np.minimum.reduceat(ends, firsts), np.maximum.reduceat(ends, firsts)
    return np.column_stack((least[:, :3], most[:, 3], least[:, 4], most[:, 5]))
