"""30 % of the datagrams lost each way, 10 % twice, many out of order: everything arrives, once, as it was measured."""

import random
from pathlib import Path

import pytest

from tests.rigs.simfleet import SimFleet, Weather
from tests.rigs.simsite import SimSite
from tests.rigs.storm import DELAYS_MS, DUPLICATES, JITTER_MS, LOSS, check_weather
from tests.rigs.town import reading

SEEDS = 20
SENSORS = 10
READINGS = 30
PERIOD_MS = 400


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_arrives_once_as_it_was(seed: int, scratch: Path) -> None:
    chance = random.Random(seed)
    roots = {sensor_id: chance.randbytes(32) for sensor_id in range(1, SENSORS + 1)}
    site = SimSite(scratch, DELAYS_MS, sensors=roots, heartbeat_every_s=2.0)
    fleet = SimFleet(site, roots)
    try:
        site.start()
        weather = Weather(site, DELAYS_MS, seed, LOSS, DUPLICATES, JITTER_MS)
        fleet.add(dict.fromkeys(roots, weather), PERIOD_MS, READINGS, apart_ms=2)
        site.time.wait_for(lambda: len(fleet.by_task) == SENSORS, "the start of all")
        fleet.wait_all(lambda console: console.delivered, "all acknowledged")
        check_weather(weather.seen, SENSORS * READINGS)
        site.empty_relays()
        for sensor_id in roots:
            assert len(fleet.sensors[sensor_id].console.acked) == READINGS
            assert site.readings_of(sensor_id) == [reading(sensor_id, i) for i in range(READINGS)]
        site.check_whole(())
    finally:
        fleet.close()
        site.close()
