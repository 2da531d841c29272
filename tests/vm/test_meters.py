"""The meters' plain unittest files again, on MicroPython with a board's heap: each in a fresh VM, the same tests as on CPython."""

import pytest

from tests.rigs.places import SHARED
from tests.rigs.vm import WHOLE_SENSOR, check_file, needs_vm, unittest_files

FILES = unittest_files("tests/unit/meters")


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    if "test_samples" in file and not (SHARED / "meters").is_dir():
        pytest.skip("the samples are not beside this checkout, in ../shared/data/meters")
    # Every word of this VM is twice as long as an ESP32's, and the tests themselves lie in this heap too.
    check_file(file, "192k", WHOLE_SENSOR)


def test_files_are_found() -> None:
    assert len(FILES) >= 9
