"""UTC for a sensor without a clock of its own: from the relay times in authenticated echoes and ACKs."""

from .compat import const

_END_MS = const(1000 << 32)  # a frame's generation time is a u32 of seconds
_DRIFT_PPM = const(100)  # a bad crystal and a warm box; how fast an old sample loses its worth


class Clock:
    """Maps the sensor's microsecond counter to UTC; the sample of least uncertainty wins, and grows old."""

    def __init__(self) -> None:
        self._offset_ms: int | None = None  # UTC in ms less the counter in ms
        self._half_rtt_us = 0
        self._taken_us = 0

    def known(self) -> bool:
        """Whether a relay has told the time since boot."""
        return self._offset_ms is not None

    def sample(self, sent_us: int, received_us: int, utc_ms: int) -> None:
        """The relay's clock said `utc_ms` at some moment between the two: taken as the middle, wrong by half the RTT at most."""
        half_us = (received_us - sent_us) // 2
        age_us = received_us - self._taken_us
        if self._offset_ms is not None and half_us > self._half_rtt_us + age_us * _DRIFT_PPM // 1_000_000:
            return
        self._offset_ms = utc_ms - (sent_us + half_us) // 1000
        self._half_rtt_us = half_us
        self._taken_us = received_us

    def utc_ms(self, at_us: int) -> int:
        """UTC in ms at the counter's `at_us`, which may lie before the first sample.

        0 while no time is known, or if a relay's broken clock makes it one that no frame can say.
        """
        if self._offset_ms is None:
            return 0
        utc_ms = self._offset_ms + at_us // 1000
        return utc_ms if 0 <= utc_ms < _END_MS else 0
