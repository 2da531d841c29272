"""How long something took, as a histogram that one thread fills and any other may read."""

from bisect import bisect_left

BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Latency:
    """Counts by upper bound (`BOUNDS_S`, and one for what took longer), and the sum of all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """Something took so long, so many times."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += times
        self.sum_s += seconds * times

    def quantile_s(self, q: float) -> float | None:
        """The upper bound of the bucket where this quantile lies (above all bounds: infinite); None if there is nothing yet."""
        counts = list(self.counts)
        below, rank = 0, q * sum(counts)
        if not rank:
            return None
        for bound, n in zip((*BOUNDS_S, float("inf")), counts, strict=True):
            below += n
            if below >= rank:
                return bound
        return None
