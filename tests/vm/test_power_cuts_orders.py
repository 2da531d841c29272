"""The power goes in some changes of flash while an order is taken over, or back; tests/long has every change."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.rigs.power.order_scenarios import SCENARIOS
from tests.rigs.power.rig import Rig
from tests.rigs.power.sweep import Scenario, sweep
from tests.rigs.vm import needs_vm

pytestmark = needs_vm


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_some_changes(scenario: Scenario, rigs: SimpleQueue[Rig], tmp_path: Path) -> None:
    assert sweep(scenario, rigs, tmp_path, 6, 1) >= 3
