"""An ESP32's heap, on the VM; tests/long has a life five times as long."""

from pathlib import Path

import pytest

from tests.rigs.heap import check_life, import_bytes, put_board
from tests.rigs.vm import needs_vm

pytestmark = needs_vm


@pytest.fixture
def board(tmp_path: Path) -> Path:
    put_board(tmp_path)
    return tmp_path


def test_start_up_imports(board: Path) -> None:
    taken = import_bytes(board)
    print(f"start-up imports: {taken} bytes of heap")
    # 7 KB are the sixth pool of names, for those beyond 620: a meter on a UART needs it in any case.
    assert taken <= 71 * 1024


def test_a_long_life(board: Path) -> None:
    check_life(board, readings=20_000)
