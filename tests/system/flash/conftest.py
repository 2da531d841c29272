"""One site for all tests of flashing, and boards that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gridecho_board import Board

from tests.rigs.flash_site import Site, blank
from tests.rigs.vm import skip_without_vm


@pytest.fixture(scope="session")
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
