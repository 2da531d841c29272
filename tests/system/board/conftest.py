"""Boards for tests: small boot.py and main.py of the test's own, in an image that lives as long as the test."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash.image import build_image

from tests.rigs.vm import skip_without_vm
from tests.rigs.waiting import HANG_S

MakeBoard = Callable[..., Board]
Mpremote = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vm() -> None:
    """For tests that start boards of their own on the VM."""
    skip_without_vm()


@pytest.fixture
def make_board(tmp_path: Path) -> Iterator[MakeBoard]:
    """make_board(files, **of Board) starts a board on a fresh image; files by board path, as text."""
    boards: list[Board] = []

    def make(files: Mapping[str, str], **settings: object) -> Board:
        image = tmp_path / f"board{len(boards)}.img"
        build_image(image, {path: text.encode() for path, text in files.items()}, 256 * 1024)
        if settings.setdefault("runtime", "micropython") == "micropython":
            skip_without_vm()
        board = Board(image, **settings)  # type: ignore[arg-type]
        board.start()
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.stop()


@pytest.fixture
def mpremote() -> Mpremote:
    """mpremote(board, *arguments): the real command against a board's port, with its output as text."""

    def run(board: Board, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mpremote", "connect", board.port, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=HANG_S)

    return run
