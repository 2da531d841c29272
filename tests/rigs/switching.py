"""What sensors say when the relay that they use fails, and what must be true of it."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from tests.rigs.town import DELAYS_MS
from tests.rigs.town_console import Console

FAULTS = ("slow", "frozen", "killed")
FASTEST, NEXT, *_ = sorted(DELAYS_MS, key=lambda relay_id: DELAYS_MS[relay_id])
RTT_LIMIT_US = 250_000
SLOW_MS = 1500.0


@dataclass
class Took:
    """In seconds, for each sensor."""

    started: list[float] = field(default_factory=list)  # from its start to the first route
    acked: list[float] = field(default_factory=list)  # from the first datagram that got no ACK to the new relay's ACK
    knew: list[float] = field(default_factory=list)  # from when that was seen to the new relay's ACK
    routed: list[float] = field(default_factory=list)  # from the fault to the route to the new fastest

    def lines(self) -> list[str]:
        return [
            _line("from the start to the first route", self.started),
            _line("first datagram without ACK left, to the new relay's ACK", self.acked),
            _line("its ACK was seen to be missing, to the new relay's ACK", self.knew),
            _line("from the fault to the route to the new fastest", self.routed),
        ]


def check_switch(consoles: Iterable[Console], broken_s: float) -> Took:
    """All are on the next relay, and wrote to flash no more than they changed: how long it took."""
    took = Took()
    for console in consoles:
        acked_s = next(line.at_s for line in console.said("acked", broken_s) if line.number("relay") != FASTEST)
        noticed_s = min(line.at_s for word in ("missing", "slow") for line in console.said(word, broken_s))
        took.acked.append(acked_s - _first_trouble_s(console, broken_s))
        took.knew.append(acked_s - noticed_s)
        routes = console.said("route")
        took.started.append(routes[0].at_s - console.said("on")[0].at_s)
        # A late ACK may have confirmed it by another round since: the first route of the last run of one target counts.
        last_run = [list(run) for _, run in groupby(routes, lambda line: line.number("relay"))][-1]
        took.routed.append(last_run[0].at_s - broken_s)
        # One write for the first route, one for the switch; a sensor that was late itself may have switched more often.
        switches = [relay for relay, _ in groupby(line.number("relay") for line in routes)]
        written = [line.number("route") for line in console.said("wrote")]
        assert len(written) <= len(switches)
        assert written[-1] == NEXT
    return took


def _first_trouble_s(console: Console, since_s: float) -> float:
    """When the first datagram left whose ACK was missing or late: earlier than the sensor can know of it."""
    sealed_s = {line.number("seq"): line.at_s for line in console.said("sealed")}
    troubled = [line.number("seq") for line in console.said("missing", since_s)]
    troubled += [line.number("seq") for line in console.said("acked", since_s) if line.number("rtt_us") > RTT_LIMIT_US]
    return min(sealed_s[seq] for seq in troubled)


def _line(what: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    figures = (statistics.median(ordered), ordered[len(ordered) * 95 // 100], ordered[-1])
    return f"  {what:<58}" + "".join(f"{figure:9.2f}" for figure in figures)
