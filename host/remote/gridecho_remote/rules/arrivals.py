"""Which data are new to somebody who is told of them as they come, and from where they are told on after a break.

What is new is decided by numbers, not by clocks: while somebody looks, the runs of data that are there are held against those that
were there at the look before. So nothing is missed and nothing told twice, however late a transaction commits, whichever process
stored it, and whether blocks were joined meanwhile.

After a break nobody knows any more what was there, so a *position* says it: all that was stored before a moment is told, and of
what was stored since, these runs. That moment lies `OVERLAP_MS` before the look, because a datum bears the time at which it came
and is there only once its transaction has committed: one that needs longer than that, or a clock of another process that differs
by more, may be missed over a break; nothing else may. What was told lately is in the position, so it is not told again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .errors import RemoteError

Run = tuple[int, int, int]  # epoch, first seq, last seq

OVERLAP_MS = 60_000
_KEPT_MS = 2 * OVERLAP_MS
_MOST_RUNS = 64  # of a sensor in a position; of what is told in more pieces within two minutes some may be told again
_FORM = re.compile(r"\d{1,15}(-\d{1,15})?(_\d{1,10}(\.\d{1,10}){3}){0,3200}", re.ASCII)


def new_of(runs: Iterable[Run], known: Iterable[Run]) -> Iterator[tuple[Run, list[Run]]]:
    """Of runs that are there those with anything new, and the parts of each that no known run covers."""
    known = set(known)
    more = set(runs) - known
    if not more:
        return
    by_epoch: dict[int, list[tuple[int, int]]] = {}
    epochs = {epoch for epoch, _, _ in more}
    for epoch, first, last in known:
        if epoch in epochs:
            by_epoch.setdefault(epoch, []).append((first, last))
    for one in by_epoch.values():
        one.sort()
    for run in sorted(more):
        parts = list(_uncovered(run, by_epoch.get(run[0], ())))
        if parts:
            yield run, parts


def _uncovered(run: Run, known: Iterable[tuple[int, int]]) -> Iterator[Run]:
    epoch, at, last = run
    for first_known, last_known in known:
        if last_known < at:
            continue
        if first_known > last:
            break
        if first_known > at:
            yield epoch, at, first_known - 1
        at = last_known + 1
    if at <= last:
        yield epoch, at, last


@dataclass(slots=True)
class Position:
    """All that was stored before `since_ms` is told, and of each sensor some runs that were stored since.

    `begun_ms`: from when on readings were told; what was made since and has not come is missed.
    """

    since_ms: int
    begun_ms: int
    _told: dict[int, list[tuple[int, Run]]] = field(default_factory=dict)  # by sensor: when it was told, the run

    @staticmethod
    def read(text: str, now_ms: int) -> "Position":
        """The position that a text stands for. Raises RemoteError for one that is none."""
        if not _FORM.fullmatch(text):
            raise RemoteError("query-after")
        since, *runs = text.split("_")
        since, _, begun = since.partition("-")
        since_ms = min(int(since), now_ms)
        found = Position(since_ms, min(int(begun or since), now_ms))
        for run in runs:
            sensor_id, epoch, first, last = map(int, run.split("."))
            found._told.setdefault(sensor_id, []).append((now_ms, (epoch, first, last)))
        return found

    def told(self, sensor_id: int, runs: Iterable[Run], now_ms: int) -> None:
        """These are told now, too."""
        there = self._told.setdefault(sensor_id, [])
        for epoch, first, last in runs:
            before = there[-1][1] if there else (-1, 0, 0)
            if before[0] == epoch and before[2] + 1 == first:
                there[-1] = now_ms, (epoch, before[1], last)
            else:
                there.append((now_ms, (epoch, first, last)))
        self._told[sensor_id] = [one for one in there if one[0] >= now_ms - _KEPT_MS][-_MOST_RUNS:]

    def looked(self, now_ms: int) -> None:
        """All that was there at this moment is told."""
        self.since_ms = now_ms - OVERLAP_MS

    def runs(self, sensor_id: int) -> list[Run]:
        """Those of a sensor that are told."""
        return [run for _, run in self._told.get(sensor_id, ())]

    def __str__(self) -> str:
        parts = [
            f"{sensor_id}.{e}.{first}.{last}" for sensor_id in self._told for e, first, last in self.runs(sensor_id)
        ]
        return "_".join([f"{self.since_ms}-{self.begun_ms}", *parts])
