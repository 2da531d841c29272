"""The core's own tests on the oldest MicroPython that is promised; tests/long has those of the sensor and of meters there."""

import pytest

from tests.rigs.vm import unittest_files
from tests.rigs.wasm import check_file_on_wasm, needs_wasm

FILES = unittest_files("tests/unit/core")


@needs_wasm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    check_file_on_wasm(file)
