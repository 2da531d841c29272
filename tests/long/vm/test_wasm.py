"""Every plain unittest file on the oldest MicroPython that is promised, with a board's small ints and ticks."""

import pytest

from tests.rigs.places import SHARED
from tests.rigs.vm import unittest_files
from tests.rigs.wasm import check_file_on_wasm, needs_wasm

FILES = [file for part in ("core", "node", "meters") for file in unittest_files("tests/unit/" + part)]


@needs_wasm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    if "test_samples" in file and not (SHARED / "meters").is_dir():
        pytest.skip("the samples are not beside this checkout, in ../shared/data/meters")
    check_file_on_wasm(file, hang_s=1800)
