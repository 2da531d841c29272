"""The power goes in the middle of some changes of flash; tests/long has every change."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.rigs.power.rig import Rig
from tests.rigs.power.sweep import EVER, SCENARIOS, Scenario, sweep
from tests.rigs.vm import needs_vm

pytestmark = needs_vm


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_some_changes(scenario: Scenario, rigs: SimpleQueue[Rig], tmp_path: Path) -> None:
    assert sweep(scenario, rigs, tmp_path, 12, 1) >= 3


def test_a_sensor_that_forgets_which_data_ids_it_gave_is_found_out(rigs: SimpleQueue[Rig], tmp_path: Path) -> None:
    careless = Scenario("careless", "careless", ("normal", "away"))
    with pytest.raises(AssertionError, match="left under two data ids"):
        sweep(careless, rigs, tmp_path, EVER, 1)
