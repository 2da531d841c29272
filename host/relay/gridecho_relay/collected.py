"""How many readings this relay collected in each sampling period of a term: what the turns of its group are chosen from."""

import threading

from gridecho.groups import Turn

_KEPT_S = 7_200  # while the remote does not hear of them; what is older is not told any more
_SETTLE_MS = 100  # after its end a period is told as whole: what was committed in it has been counted by then


class Collected:
    """Counts by the second; any thread may use it. Times are UTC as the remote has it, in ms."""

    def __init__(self, run: int) -> None:
        self.run = run  # this process, among those of this relay
        self.ahead_ms = 0  # of this machine's clock before the remote's
        self._seconds: dict[int, int] = {}
        self._told = (0, 0, 0)  # group, term, and its periods that the remote knows whole
        self._open_s = 0  # the first second of the period that is not told as whole yet
        self._lock = threading.Lock()

    def add(self, readings: int, local_ms: int) -> None:
        """So many new readings were committed at this time of this machine's clock."""
        with self._lock:
            # A clock that is found to be wrong moves back what comes: but not into a period of which all is told.
            second = max(self._open_s, (local_ms - self.ahead_ms) // 1000)
            self._seconds[second] = self._seconds.get(second, 0) + readings

    def bars(self, turn: Turn, local_ms: int) -> tuple[int, list[tuple[int, int]]]:
        """(whole periods, [(period, readings), ...]) of a turn's term, without the periods that the remote knows whole."""
        if not turn.period_s:
            return 0, []
        now_ms = local_ms - self.ahead_ms
        known = self._told[2] if self._told[:2] == (turn.group_id, turn.term) else 0
        whole = max(known, (now_ms - _SETTLE_MS - 1000 * turn.began_s) // (1000 * turn.period_s))
        counts: dict[int, int] = {}
        with self._lock:
            self._open_s = turn.began_s + whole * turn.period_s if whole else 0
            # A clock that was set far back leaves some in the future.
            for second in [second for second in self._seconds if abs(second - now_ms // 1000) > _KEPT_S]:
                del self._seconds[second]
            for second, readings in self._seconds.items():
                period = (second - turn.began_s) // turn.period_s
                if period >= known:
                    counts[period] = counts.get(period, 0) + readings
        return whole, sorted(counts.items())

    def told(self, turn: Turn, periods: int) -> None:
        """The remote knows so many periods of this turn's term whole."""
        self._told = (turn.group_id, turn.term, periods)
