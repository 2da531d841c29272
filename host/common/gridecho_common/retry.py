"""Waiting longer after each failure, each time by a random part, so that many who failed together do not return together."""

import random


class Backoff:
    """Doubling waits from `first_s` to `most_s`, each between half and the whole of it."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait after one more failure, in seconds."""
        whole_s = min(self._most_s, self._first_s * (1 << min(self._failures, 30)))
        self._failures += 1
        return whole_s * random.uniform(0.5, 1)  # noqa: S311 - it spreads load, it hides nothing

    def reset(self) -> None:
        """It worked: the next failure is a first one."""
        self._failures = 0
