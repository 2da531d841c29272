"""Which seqs of one sensor and epoch were seen: exact, as runs, so that a late datagram is not taken for a replayed one."""


class SeqRuns:
    """A set of seqs kept as runs `[first, last]` in order.

    At most `max_runs` are kept. When there are more, the lowest run is forgotten: its seqs then count as new again, which can
    store a datum a second time (the remote drops it) but can never drop one that was not stored.
    """

    def __init__(self, max_runs: int = 256, runs: "list[list[int]] | None" = None) -> None:
        self.runs: list[list[int]] = runs or []
        self._max_runs = max_runs

    def __contains__(self, seq: int) -> bool:
        i = self._at(seq)
        return i >= 0 and seq <= self.runs[i][1]

    def add(self, seq: int) -> bool:
        """Takes `seq` in; True if it was not there."""
        runs = self.runs
        if runs and seq == runs[-1][1] + 1:
            runs[-1][1] = seq
            return True
        i = self._at(seq)
        if i >= 0 and seq <= runs[i][1]:
            return False
        joins_left = i >= 0 and runs[i][1] == seq - 1
        joins_right = i + 1 < len(runs) and runs[i + 1][0] == seq + 1
        if joins_left and joins_right:
            runs[i][1] = runs[i + 1][1]
            del runs[i + 1]
        elif joins_left:
            runs[i][1] = seq
        elif joins_right:
            runs[i + 1][0] = seq
        else:
            runs.insert(i + 1, [seq, seq])
            if len(runs) > self._max_runs:
                del runs[0]
        return True

    def add_run(self, first: int, last: int) -> None:
        """Takes in all seqs from `first` to `last`."""
        runs = self.runs
        low = self._at(first)
        if low < 0 or runs[low][1] < first - 1:
            low += 1
        high = self._at(last + 1) + 1
        if low < high:
            first, last = min(first, runs[low][0]), max(last, runs[high - 1][1])
        runs[low:high] = [[first, last]]
        if len(runs) > self._max_runs:
            del runs[0]

    def gaps(self) -> "list[tuple[int, int]]":
        """The seqs between 0 and the highest seen that were not seen, as (first, last). Exact while no run was forgotten."""
        missing = []
        expected = 0
        for first, last in self.runs:
            if first > expected:
                missing.append((expected, first - 1))
            expected = last + 1
        return missing

    def _at(self, seq: int) -> int:
        # The last run that begins at or before seq; most datagrams belong to the last run of all.
        runs = self.runs
        low, high = 0, len(runs)
        if runs and runs[-1][0] <= seq:
            return high - 1
        while low < high:
            middle = (low + high) // 2
            if runs[middle][0] <= seq:
                low = middle + 1
            else:
                high = middle
        return low - 1
