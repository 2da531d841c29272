"""The town that the fleet's tests share, and the figures that they measure, printed at the end."""

from collections.abc import Iterator

import pytest

from tests.rigs.places import REPOSITORY
from tests.rigs.town import Town

FIGURES = pytest.StashKey[list[str]]()

FAULTS = ("slow", "frozen", "killed")
SENSORS = 100
SEEDS = 20
SENSORS_A_SEED = 10
BOARD = 9_001


def switching(fault: str) -> range:
    """The sensors whose fastest relay fails so."""
    first = 1000 * (1 + FAULTS.index(fault))
    return range(first, first + SENSORS)


def in_storm(seed: int) -> range:
    """The sensors whose network has this seed."""
    first = 5000 + 100 * seed
    return range(first, first + SENSORS_A_SEED)


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(FIGURES, [])


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the run."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    sensor_ids = [BOARD]
    for fault in FAULTS:
        sensor_ids += switching(fault)
    for seed in range(SEEDS):
        sensor_ids += in_storm(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))  # the processes import tests.rigs
        made = Town(tmp_path_factory.mktemp("town"), sensor_ids)
        yield made
        made.close()
