"""The time that a relay tells its sensors: this machine's, if the remote says about the same, else the remote's.

While the remote was not heard of, this machine's if nothing speaks against it; else none is told, and sensors look to other
relays or date their readings later.
"""

from collections.abc import Callable

from gridecho.clock import Clock as Heard
from gridecho_common.clock import MACHINE, Clock

REMOTE, OWN, NONE = "the remote", "this machine", "nobody"

LEAST_UTC_MS = 1_767_225_600_000  # 2026-01-01: this program is younger
_NEAR_MS = 10_000  # within it a clock that the machine keeps right is better than an answer over HTTP
_WAIT_S = 3.0  # for the first answer; until then nothing is told that may be wrong
_NOTE_EVERY_MS = 60_000


class Utc:
    """One relay's UTC. `noted_ms` is what the remote last said, as it was kept over the restart; `note` keeps it."""

    def __init__(self, clock: Clock = MACHINE, noted_ms: int = 0, note: Callable[[int], None] = lambda _: None) -> None:
        self._clock = clock
        self._heard = Heard()
        self._least_ms = max(LEAST_UTC_MS, noted_ms)
        self._noted_ms = noted_ms
        self._note = note
        self._not_before_s = clock.now_s() + _WAIT_S

    def heard(self, asked_s: float, answered_s: float, utc_ms: int) -> None:
        """The remote said what time it is, at some moment between the two."""
        self._heard.sample(int(1_000_000 * asked_s), int(1_000_000 * answered_s), utc_ms)
        now_ms = self.ms()
        if abs(now_ms - self._noted_ms) >= _NOTE_EVERY_MS:
            self._note(now_ms)
            self._noted_ms = now_ms

    def not_heard(self) -> None:
        """The remote does not answer: nobody waits for it."""
        self._not_before_s = 0.0

    @property
    def source(self) -> str:
        """Whose time it is."""
        told_ms = self.ms()
        if not told_ms:
            return NONE
        return OWN if abs(told_ms - self._clock.utc_ms()) <= _NEAR_MS else REMOTE

    def ms(self) -> int:
        """Unix time in ms; 0: not known."""
        now_s, own_ms = self._clock.now_s(), self._clock.utc_ms()
        if self._heard.known():
            heard_ms = self._heard.utc_ms(int(1_000_000 * now_s))
            return own_ms if abs(own_ms - heard_ms) <= _NEAR_MS else heard_ms
        # A clock that fell back behind what was known before it stopped is a clock without a battery.
        return own_ms if own_ms >= self._least_ms and now_s >= self._not_before_s else 0
