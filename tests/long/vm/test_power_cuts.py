"""The power goes in the middle of every change of flash: of those that readings make, and of those that orders make."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.rigs.power import order_scenarios, sweep
from tests.rigs.power.rig import Rig
from tests.rigs.vm import needs_vm

pytestmark = needs_vm


@pytest.mark.parametrize("scenario", sweep.SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_change(scenario: sweep.Scenario, rigs: SimpleQueue[Rig], tmp_path: Path) -> None:
    assert sweep.sweep(scenario, rigs, tmp_path, sweep.EVER, 120) >= 30


@pytest.mark.parametrize("scenario", order_scenarios.SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_change_of_an_order(scenario: sweep.Scenario, rigs: SimpleQueue[Rig], tmp_path: Path) -> None:
    assert sweep.sweep(scenario, rigs, tmp_path, sweep.EVER, 60) >= 30
