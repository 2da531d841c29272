"""How fast things come and go lately, and how long the free space lasts at that rate. Times are handed in; no clock here."""

import math
from collections.abc import Iterable

_LEAST_PER_S = 1e-3  # bytes; below it nothing is arriving


class Rate:
    """Events a second, those of the last `over_s` seconds weighing most: a mean with exponential decay, right from the start on."""

    def __init__(self, over_s: float, now_s: float) -> None:
        self._over_s = over_s
        self._began_s = self._at_s = now_s
        self._sum = 0.0

    def add(self, n: float, now_s: float) -> None:
        """`n` more happened."""
        self._decay(now_s)
        self._sum += n

    def per_s(self, now_s: float) -> float:
        """The rate now; 0 at the very beginning."""
        self._decay(now_s)
        seen_s = self._over_s * -math.expm1((self._began_s - now_s) / self._over_s)
        return self._sum / seen_s if seen_s > 0 else 0.0

    def _decay(self, now_s: float) -> None:
        self._sum *= math.exp(min(0.0, self._at_s - now_s) / self._over_s)
        self._at_s = max(self._at_s, now_s)


class Arrivals:
    """The rate of a total that only grows, looked at now and then."""

    def __init__(self, over_s: float, total: float, now_s: float) -> None:
        self._rate = Rate(over_s, now_s)
        self._total = total

    def look(self, total: float, now_s: float) -> float:
        """The rate, with `total` as it is now. A total that is less for a moment adds nothing, and nothing when it is back."""
        self._rate.add(max(0.0, total - self._total), now_s)
        self._total = max(self._total, total)
        return self._rate.per_s(now_s)


def hours_covered(places: Iterable[tuple[float, float]]) -> float | None:
    """For how many hours each of the places (free bytes, bytes a second that arrive) has room; None if nothing arrives in any."""
    hours = [free / per_s / 3600 for free, per_s in places if per_s >= _LEAST_PER_S]
    return min(hours, default=None)
