"""The core's own tests on MicroPython: each file in a fresh VM with an ESP32's heap, and the same tests as on CPython."""

from pathlib import Path

import pytest

from tests.rigs.vm import check_file, needs_vm, unittest_files, vm

FILES = unittest_files("tests/unit/core")


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    print(f"{check_file(file, '128k')} tests on MicroPython")


def test_files_are_found() -> None:
    assert len(FILES) >= 10


@needs_vm
@pytest.mark.parametrize(
    ("body", "exit_code", "last_line"),
    [
        ("def test_it(self): self.assertEqual(1, 1)", 0, "ran 1, bad 0, skipped 0"),
        ("def test_it(self): self.assertEqual(1, 2)", 1, "ran 1, bad 1, skipped 0"),
        ("def test_it(self): {}[0]", 1, "ran 1, bad 1, skipped 0"),
        ("def test_it(self): self.assertRaises(KeyError, int, '1')", 1, "ran 1, bad 1, skipped 0"),
        ("def test_it(self): self.skipTest('not here')", 1, "ran 0, bad 0, skipped 1"),
        ("def setUp(self): {}[0]\n  def test_it(self): pass", 1, "ran 1, bad 1, skipped 0"),
        ("def another(self): pass", 1, "ran 0, bad 0, skipped 0"),
    ],
)
def test_the_runner_fails_when_it_should(tmp_path: Path, body: str, exit_code: int, last_line: str) -> None:
    file = tmp_path / "test_one.py"
    file.write_text(f"import unittest\nclass One(unittest.TestCase):\n  {body}\n")
    done = vm("tests/vm/run.py", str(file))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (exit_code, last_line)
