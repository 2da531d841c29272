"""Choosing the target relay: a round of echo probes to every relay, the least RTT wins, equal ones by lot (method, S1 and S2)."""

from .compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable


class ProbeRound:
    """One round: `each` probes to every relay, spread over time, and what came back.

    The round is over when every probe was answered, or has been out for longer than the least RTT of the round (it cannot win any
    more), or `wait_us` after the last one was sent.
    """

    def __init__(self, relay_ids: "list[int]", start_us: int, each: int, spacing_us: int, wait_us: int) -> None:
        self.least_us: dict[int, int] = {}
        self._wait_us = wait_us
        self._out: dict[int, tuple[int, int]] = {}
        # All relays in turn, then all again: whatever slows this sensor for a moment slows it for all of them.
        self._due = [
            (start_us + (k * len(relay_ids) + i) * spacing_us // max(1, len(relay_ids)), relay_id)
            for k in range(each)
            for i, relay_id in enumerate(relay_ids)
        ]
        self._last_us = start_us

    def due(self, now_us: int) -> "int | None":
        """The relay to probe now, or None; call it until it gives None."""
        if self._due and self._due[0][0] <= now_us:
            return self._due.pop(0)[1]
        return None

    def sent(self, number: int, relay_id: int, now_us: int) -> None:
        """Probe `number` left for the relay at `now_us`."""
        self._out[number] = (relay_id, now_us)
        self._last_us = now_us

    def echo(self, number: int, relay_id: int, now_us: int) -> "int | None":
        """The RTT of the probe that came back in us; None if this round did not send it to that relay, or it came twice."""
        out = self._out.get(number)
        if out is None or out[0] != relay_id:
            return None
        del self._out[number]
        rtt_us = max(1, now_us - out[1])
        if rtt_us < self.least_us.get(relay_id, rtt_us + 1):
            self.least_us[relay_id] = rtt_us
        return rtt_us

    def next_us(self) -> int:
        """When something is to be done again: a probe to send, or the end of the round to see."""
        if self._due:
            return self._due[0][0]
        return self._end_us()

    def over(self, now_us: int) -> bool:
        """Whether the round has its result."""
        return not self._due and now_us >= self._end_us()

    def _end_us(self) -> int:
        if not self._out:
            return self._last_us
        end_us = self._last_us + self._wait_us
        if self.least_us:
            best_us = min(self.least_us.values())
            end_us = min(end_us, max(sent_us for _, sent_us in self._out.values()) + best_us)
        return end_us


def choose(least_us: "dict[int, int]", randrange: "Callable[[int], int]") -> "tuple[int, int] | None":
    """(relay id, RTT in us) of the least RTT, any of the equal ones; None if no relay answered."""
    if not least_us:
        return None
    best_us = min(least_us.values())
    relays = sorted(relay_id for relay_id, rtt_us in least_us.items() if rtt_us == best_us)
    return relays[randrange(len(relays))], best_us
