"""What to do when relays are asked and none answers: a radio may say that it is connected and carry nothing."""

from gridecho.compat import const

REJOIN, RESTART = "rejoin", "restart"

_REJOIN_MOST_US = const(3_600_000_000)
_RESTART_US = const(6 * 3_600_000_000)
_AGAIN_US = const(5_000_000)  # after the radio itself gave an error, and twice as long each time
_AGAIN_MOST_US = const(600_000_000)


class Watch:
    """Join the network anew after `first_us` of silence, then after twice as long each time; in the end restart the board."""

    def __init__(self, first_us: int) -> None:
        self.rejoins = 0
        self._first_us = self._next_us = first_us
        self._again_us: int | None = None
        self._pause_us = _AGAIN_US

    def failed(self, now_us: int) -> None:
        """The radio gave an error: it is to be joined again, however short the silence."""
        self._again_us = now_us + self._pause_us
        self._pause_us = min(_AGAIN_MOST_US, self._pause_us * 2)

    def works(self) -> None:
        """The radio took what it was told."""
        self._again_us = None
        self._pause_us = _AGAIN_US

    def due(self, silent_us: int, now_us: int = 0) -> "str | None":
        """REJOIN or RESTART if it is time for it; `silent_us` is how long requests have gone unanswered, 0 if none has."""
        if silent_us >= _RESTART_US:
            return RESTART
        if silent_us < self._first_us:
            self._next_us = self._first_us
        if silent_us < self._next_us if self._again_us is None else now_us < self._again_us:
            return None
        self._next_us = max(self._first_us, silent_us + min(silent_us, _REJOIN_MOST_US))
        self.rejoins += 1
        return REJOIN
