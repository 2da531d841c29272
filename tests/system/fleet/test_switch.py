"""A hundred sensors and five real relays: all on the fastest, and soon on the next one when it is slow, frozen or killed."""

import statistics
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from tests.rigs.town import DELAYS_MS, Town, Wires, reading
from tests.rigs.town_console import Console
from tests.system.fleet.conftest import FAULTS, switching

FASTEST, NEXT, *_ = sorted(DELAYS_MS, key=lambda relay_id: DELAYS_MS[relay_id])
RTT_LIMIT_US = 250_000
PERIOD_MS = 500
READINGS = 24
_SLOW_MS = 1500.0

_BREAK: dict[str, Callable[[Town, Wires], None]] = {
    "slow": lambda town, wires: wires.delay(FASTEST, _SLOW_MS),
    "frozen": lambda town, wires: town.freeze(FASTEST),
    "killed": lambda town, wires: town.kill(FASTEST),
}
_MEND: dict[str, Callable[[Town, Wires], None]] = {
    "slow": lambda town, wires: wires.delay(FASTEST, DELAYS_MS[FASTEST]),
    "frozen": lambda town, wires: town.thaw(FASTEST),
    "killed": lambda town, wires: town.restart(FASTEST),
}


def _first_trouble_s(console: Console, since_s: float) -> float:
    """When the first datagram left whose ACK was missing or late: earlier than the sensor can know of it."""
    sealed_s = {line.number("seq"): line.at_s for line in console.said("sealed")}
    troubled = [line.number("seq") for line in console.said("missing", since_s)]
    troubled += [line.number("seq") for line in console.said("acked", since_s) if line.number("rtt_us") > RTT_LIMIT_US]
    return min(sealed_s[seq] for seq in troubled)


def _line(what: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    figures = (statistics.median(ordered), ordered[len(ordered) * 95 // 100], ordered[-1])
    return f"  {what:<52}" + "".join(f"{figure:9.2f}" for figure in figures)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fastest_relay_fails(fault: str, town: Town, figures: list[str]) -> None:
    ids = switching(fault)
    wires = town.wires(DELAYS_MS)
    group = town.sensors(dict.fromkeys(ids, wires), PERIOD_MS, READINGS, apart_s=0.02)
    consoles = group.consoles.values()
    broken = False
    try:
        group.wait_all(lambda console: console.target == FASTEST and console.acked, "all on the fastest")
        time.sleep(1)
        broken = True
        broken_s = time.monotonic()
        _BREAK[fault](town, wires)
        group.wait_all(lambda console: console.target == NEXT, "all on the next")
        group.wait_all(lambda console: console.delivered, "all acknowledged")
        broken = False
        _MEND[fault](town, wires)
        time.sleep(0.5)  # a frozen one answers what lay in its socket
        for console in consoles:
            console.update()
    finally:
        if broken:
            _MEND[fault](town, wires)
        town.stop(group)

    took_s, knew_s, routed_s, started_s = [], [], [], []
    writes = changes = 0
    for console in consoles:
        acked_s = next(line.at_s for line in console.said("acked", broken_s) if line.number("relay") != FASTEST)
        trouble_s = _first_trouble_s(console, broken_s)
        noticed_s = min(line.at_s for word in ("missing", "slow") for line in console.said(word, broken_s))
        took_s.append(acked_s - trouble_s)
        knew_s.append(acked_s - noticed_s)
        routes = console.said("route")
        started_s.append(routes[0].at_s - console.said("on")[0].at_s)
        # A late ACK may have confirmed it by another round since: the first route of the last run of one target counts.
        last_run = [list(run) for _, run in groupby(routes, lambda line: line.number("relay"))][-1]
        routed_s.append(last_run[0].at_s - broken_s)
        # One write for the first route, one for the switch; a sensor that was late itself may have switched more often.
        switches = [relay for relay, _ in groupby(line.number("relay") for line in routes)]
        written = [line.number("route") for line in console.said("wrote")]
        assert len(written) <= len(switches)
        assert written[-1] == NEXT
        writes += len(written)
        changes += len(switches)
    figures.append(f"{len(ids)} sensors, the fastest relay {fault}; in s{'p50':>32}{'p95':>9}{'most':>9}")
    figures.append(_line("from the start to the first route", started_s))
    figures.append(_line("first datagram without ACK left, to the new relay's ACK", took_s))
    figures.append(_line("its ACK was seen to be missing, to the new relay's ACK", knew_s))
    figures.append(_line("from the fault to the route to the new fastest", routed_s))
    figures.append(f"  {writes} writes of a route to flash, {changes} changes of the target")

    town.empty_relays()
    for sensor_id, console in group.consoles.items():
        assert console.readings == READINGS
        got = [one.values for one in town.arrived(sensor_id)]
        assert sorted(got, key=lambda values: values[0]) == [reading(sensor_id, i) for i in range(READINGS)]
        assert town.reported_route(sensor_id) == NEXT
        flash = Path(console.path.parent, "flash")
        assert (flash / "route").read_text().split()[0] == str(NEXT)
        assert not (flash / "spool").exists(), "a switch is too short for the ring"
    assert town.quarantined() == 0
