"""How long a party may keep this process at work that is of no use to others."""

import math
import threading


class Budget:
    """Each party may take `burst_s` seconds of work at once, and then a `share` of the time. Any thread may use it.

    Times are of a clock that never goes back, in seconds.
    """

    def __init__(self, burst_s: float, share: float) -> None:
        self._burst_s = burst_s
        self._share = share
        self._spent: dict[
            int, tuple[float, float]
        ] = {}  # by party: seconds that are not earned yet, and when that was so
        self._lock = threading.Lock()

    def wait_s(self, party: int, now_s: float) -> int:
        """For how many whole seconds the party is to wait; 0: it may go on."""
        with self._lock:
            over_s = self._owed(party, now_s) - self._burst_s
        return max(0, math.ceil(over_s / self._share))

    def spend(self, party: int, work_s: float, now_s: float) -> None:
        """The party took so much work."""
        with self._lock:
            self._spent[party] = self._owed(party, now_s) + work_s, now_s

    def _owed(self, party: int, now_s: float) -> float:
        owed_s, at_s = self._spent.get(party, (0.0, now_s))
        return max(0.0, owed_s - self._share * max(0.0, now_s - at_s))
