"""The meters' plain unittest files again, on MicroPython with a board's heap: each in a fresh VM, the same tests as on CPython."""

import pytest

from tests.rigs.places import SHARED
from tests.rigs.vm import WHOLE_SENSOR, check_file, needs_vm, unittest_files

FILES = unittest_files("tests/unit/meters")


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    for name, folder in (("test_samples", "meters"), ("test_field", "field")):
        if name in file and not (SHARED / folder).is_dir():
            pytest.skip(f"the samples are not beside this checkout, in ../shared/data/{folder}")
    # Every word of this VM is twice as long as an ESP32's, and the tests themselves lie in this heap too.
    check_file(file, "192k", WHOLE_SENSOR)


def test_files_are_found() -> None:
    assert len(FILES) >= 11
