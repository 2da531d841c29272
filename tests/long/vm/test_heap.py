"""A sensor's life of 100,000 readings leaves its heap as it was."""

from pathlib import Path

from tests.rigs.heap import check_life, put_board
from tests.rigs.vm import needs_vm


@needs_vm
def test_a_life_of_100000_readings(tmp_path: Path) -> None:
    put_board(tmp_path)
    check_life(tmp_path, readings=100_000)
