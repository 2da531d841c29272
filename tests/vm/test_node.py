"""The sensor's plain unittest files again, on MicroPython: each in a fresh VM, and the same tests as on CPython."""

import pytest

from tests.rigs.places import REPOSITORY
from tests.rigs.vm import WHOLE_SENSOR, check_file, needs_vm, unittest_files

FILES = unittest_files("tests/unit/node")


def _heap(file: str) -> str:
    """Every word of this VM is twice as long as an ESP32's; where network or flash is simulated, what they hold comes on top."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    return "4m" if "tests.rigs.simflash" in text else "512k" if "tests.rigs.sim" in text else "128k"


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    check_file(file, _heap(file), WHOLE_SENSOR)


def test_files_are_found() -> None:
    assert len(FILES) >= 10
