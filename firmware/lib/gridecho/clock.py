"""UTC for whoever has no clock to trust: from the times in authenticated echoes and ACKs, those of several relays held against
each other (docs/protocol.md, "Clock").
"""

from .compat import const

_END_MS = const(1000 << 32)  # a frame's generation time is a u32 of seconds
_DRIFT_PPM = const(100)  # a bad crystal and a warm box; how fast an old sample loses its worth
_APART_MS = const(10_000)  # two clocks that are right are never so far apart
_DAY_MS = const(86_400_000)
_FIRM_US = const(120_000_000)  # what held for so long gives way to a majority only


class Clock:
    """Maps a microsecond counter to UTC: what most relays say, and of that the sample of least uncertainty, which grows old."""

    def __init__(self) -> None:
        # A word is what a relay said last: UTC less the counter in ms, half the RTT in us, and the counter then.
        self._word: tuple[int, int, int] | None = None  # that is followed
        self._since_us = 0  # and so long what it says
        self._words: dict[int, tuple[int, int, int]] = {}  # by relay

    def known(self) -> bool:
        """Whether a relay has told the time since boot."""
        return self._word is not None

    def sample(self, sent_us: int, received_us: int, utc_ms: int, relay_id: int = 0) -> None:
        """The relay's clock said `utc_ms` at some moment between the two: taken as the middle, wrong by half the RTT at most.

        0: the relay knows no time.
        """
        half_us = (received_us - sent_us) // 2
        before = self._words.get(relay_id)
        if not utc_ms or (before is not None and half_us > _doubt_us(before, received_us)):
            return
        word = self._words[relay_id] = utc_ms - (sent_us + half_us) // 1000, half_us, received_us
        now = self._word
        if now is None:
            self._since_us = received_us
        elif _near(word, now, received_us):
            if half_us > _doubt_us(now, received_us):
                return
        else:
            more = sum([_near(one, word, received_us) - _near(one, now, received_us) for one in self._words.values()])
            later_ms = word[0] - now[0]
            # Where as many say the one as the other, at a start: a clock without a battery is behind, and far. What is nearer
            # may be a time zone: the nearer relay counts.
            better = later_ms > 0 if abs(later_ms) > _DAY_MS else half_us < now[1]
            if more < 0 or (not more and not (better and received_us - self._since_us < _FIRM_US)):
                return
            self._since_us = received_us
        self._word = word

    def utc_ms(self, at_us: int) -> int:
        """UTC in ms at the counter's `at_us`, which may lie before the first sample.

        0 while no time is known, or if a relay's broken clock makes it one that no frame can say.
        """
        if self._word is None:
            return 0
        utc_ms = self._word[0] + at_us // 1000
        return utc_ms if 0 <= utc_ms < _END_MS else 0


def _doubt_us(word: "tuple[int, int, int]", now_us: int) -> int:
    """How wrong it may be by now."""
    return word[1] + (now_us - word[2]) * _DRIFT_PPM // 1_000_000


def _near(word: "tuple[int, int, int]", other: "tuple[int, int, int]", now_us: int) -> bool:
    """Whether the two say the same time."""
    drift_ms = (2 * now_us - word[2] - other[2]) * _DRIFT_PPM // 1_000_000_000
    return abs(word[0] - other[0]) <= _APART_MS + drift_ms
