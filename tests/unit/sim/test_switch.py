"""A hundred of the firmware's sensors and five real relays on virtual time: all on the fastest, soon on the next when it fails."""

import random
import statistics
from pathlib import Path

import pytest

from tests.rigs.simfleet import SimFleet, Weather
from tests.rigs.simsite import SimSite
from tests.rigs.switching import FASTEST, FAULTS, NEXT, SLOW_MS, check_switch
from tests.rigs.town import DELAYS_MS, reading

SENSORS = 100
PERIOD_MS = 500
READINGS = 24


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fastest_relay_fails(fault: str, scratch: Path) -> None:
    chance = random.Random(FAULTS.index(fault))
    roots = {sensor_id: chance.randbytes(32) for sensor_id in range(1, SENSORS + 1)}
    site = SimSite(scratch, DELAYS_MS, sensors=roots, heartbeat_every_s=2.0)
    fleet = SimFleet(site, roots)
    try:
        site.start()
        _check(site, fleet, fault)
    finally:
        fleet.close()
        site.close()


def _check(site: SimSite, fleet: SimFleet, fault: str) -> None:
    weather, relay = Weather(site, DELAYS_MS, seed=1), site.relays[FASTEST]
    fleet.add(dict.fromkeys(range(1, SENSORS + 1), weather), PERIOD_MS, READINGS, apart_ms=20)
    site.time.wait_for(lambda: len(fleet.by_task) == SENSORS, "the start of all")
    fleet.wait_all(lambda console: console.target == FASTEST and console.acked, "all on the fastest")
    site.time.sleep(1)
    broken_s = site.time.now_s
    if fault == "slow":
        weather.delays_ms[FASTEST] = SLOW_MS
    elif fault == "frozen":
        relay.host.stop()
    else:
        relay.kill()
    fleet.wait_all(lambda console: console.target == NEXT, "all on the next")
    fleet.wait_all(lambda console: console.delivered, "all acknowledged")
    weather.delays_ms[FASTEST] = DELAYS_MS[FASTEST]
    relay.host.go_on()
    if fault == "killed":
        relay.start()
    site.time.sleep(3)  # a frozen one answers what lay in its socket

    took = check_switch([one.console for one in fleet.sensors.values()], broken_s)
    assert statistics.median(took.acked) <= 3
    assert max(took.started) <= 5
    assert max(took.routed) <= 15

    site.empty_relays()
    for sensor_id in fleet.sensors:
        assert site.readings_of(sensor_id) == [reading(sensor_id, i) for i in range(READINGS)]
        (route,) = site.query(
            "SELECT relay_id FROM route WHERE sensor_id = ? ORDER BY epoch DESC, seq DESC, item DESC LIMIT 1", sensor_id
        )
        assert route == (NEXT,)
    site.check_whole(())
