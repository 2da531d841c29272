"""A site for each file of tests, and boards that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gridecho_board import Board

from tests.rigs.flash_site import REGION, Site, blank
from tests.rigs.vm import skip_without_vm
from tests.rigs.waiting import HANG_S

_IDS = iter(range(100, 10_000, 10))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    here = Site(tmp_path_factory.mktemp("site"))
    yield here
    here.stop()


@pytest.fixture
def new_board(tmp_path: Path) -> Iterator[Callable[[], Board]]:
    """new_board() starts a board with blank flash."""
    skip_without_vm()
    boards: list[Board] = []

    def make(kb: int = 1024) -> Board:
        board = Board(blank(tmp_path / f"board{len(boards)}.img", kb), runtime="micropython")
        board.start()
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.stop()


@pytest.fixture
def meter(tmp_path: Path) -> Path:
    path = tmp_path / "meter.csv"
    path.write_text("1-0:1.8.0,1-0:1.7.0\n1000,230\n1004,245\n1008,236\n")
    return path


@pytest.fixture
def ids() -> Iterator[int]:
    """Sensor ids, ten apart, that no other test has."""
    return _IDS


@pytest.fixture
def begun(
    site: Site, new_board: Callable[..., Board], ids: Iterator[int], tmp_path: Path, meter: Path
) -> Callable[..., tuple[Board, int, list[object]]]:
    """begun() -> (a blank board, a sensor id that no other test has, the arguments that make a sensor of it)."""

    def make(*, settings: dict[str, object] | None = None) -> tuple[Board, int, list[object]]:
        board = new_board()
        sensor_id = next(ids)
        config = site.write_config(tmp_path / "config.json", **(settings or {}))
        return board, sensor_id, [
            "board", "--json", "--port", board.port, "--config", config, "--file", f"meter.csv={meter}",
            "--sensor-id", sensor_id, "--enrol", site.remote, "--region", REGION, "--wait", HANG_S,
        ]  # fmt: skip

    return make
