"""A town of real processes as large as it was first tried: a hundred sensors a fault, and 20 seeds of storm side by side."""

from collections.abc import Iterator

import pytest

from tests.rigs.switching import FAULTS
from tests.rigs.town import Town
from tests.rigs.town_runs import storm, switch, town_of

SWITCHING = {fault: range(1000 * (n + 1), 1000 * (n + 1) + 100) for n, fault in enumerate(FAULTS)}
IN_STORM = {seed: range(5000 + 100 * seed, 5010 + 100 * seed) for seed in range(20)}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    every = [sensor_id for ids in (*SWITCHING.values(), *IN_STORM.values()) for sensor_id in ids]
    with town_of(tmp_path_factory.mktemp("town"), every) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fastest_relay_fails(fault: str, town: Town) -> None:
    print(f"{len(SWITCHING[fault])} sensors, the fastest relay {fault}; median, 95 %, most in s:")
    print(*switch(town, fault, SWITCHING[fault], 500).lines(), sep="\n")


def test_a_storm(town: Town) -> None:
    print(storm(town, IN_STORM, readings=30, period_ms=400))
