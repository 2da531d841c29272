"""30 % of the datagrams lost each way, 10 % twice, many out of order: everything arrives, once, as it was measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.rigs.town import Group, Town, reading
from tests.system.fleet.conftest import SEEDS, SENSORS_A_SEED, in_storm

LOSS, DUPLICATES, JITTER_MS = 30, 10, 40
DELAYS_MS = {3: 4.0, 2: 15.0, 1: 30.0}
READINGS = 30
PERIOD_MS = 400
_WAVE = 20  # seeds side by side


@dataclass
class Storm:
    """What a seed's network did, and which readings its sensors saw acknowledged."""

    weather: dict[str, int]
    acked: dict[int, int]


@pytest.fixture(scope="module")
def storms(town: Town) -> Iterator[list[Storm]]:
    """All seeds, some side by side; a fleet in each, on wires of its own."""
    made = []
    for first in range(0, SEEDS, _WAVE):
        seeds = range(first, first + _WAVE)
        wires = {seed: town.wires(DELAYS_MS, seed, LOSS, DUPLICATES, JITTER_MS) for seed in seeds}
        sensors = {sensor_id: wires[seed] for seed in seeds for sensor_id in in_storm(seed)}
        group: Group = town.sensors(sensors, PERIOD_MS, READINGS, apart_s=0.002)
        group.wait_all(lambda console: console.delivered, "all acknowledged")
        town.stop(group)
        for seed in seeds:
            acked = {sensor_id: len(group.consoles[sensor_id].acked) for sensor_id in in_storm(seed)}
            made.append(Storm(wires[seed].weather(), acked))
            wires[seed].close()
    town.empty_relays()
    return made


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_arrives_once_as_it_was(seed: int, town: Town, storms: list[Storm]) -> None:
    storm = storms[seed]
    # The weather was as bad as it should be.
    assert storm.weather["carried"] > SENSORS_A_SEED * READINGS
    leaving = storm.weather["carried"] + storm.weather["doubled"]
    assert 0.25 < storm.weather["lost"] / leaving < 0.35
    assert 0.06 < storm.weather["doubled"] / storm.weather["carried"] < 0.14
    assert storm.weather["overtaken"] > 20
    assert storm.acked == dict.fromkeys(in_storm(seed), READINGS)
    for sensor_id in in_storm(seed):
        got = [one.values for one in town.arrived(sensor_id)]
        assert sorted(got, key=lambda values: values[0]) == [reading(sensor_id, i) for i in range(READINGS)]
    assert town.quarantined() == 0


def test_what_the_weather_was(storms: list[Storm], figures: list[str]) -> None:
    total = {name: sum(storm.weather[name] for storm in storms) for name in storms[0].weather}
    readings = sum(sum(storm.acked.values()) for storm in storms)
    figures.append(
        f"{SEEDS} seeds, {SEEDS * SENSORS_A_SEED} sensors: {readings} readings, all once at the remote; datagrams "
        + ", ".join(f"{count} {name}" for name, count in total.items())
    )
    assert readings == SEEDS * SENSORS_A_SEED * READINGS
