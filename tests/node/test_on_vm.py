"""The sensor's plain unittest files again, on MicroPython: each in a fresh VM, and the same tests as on CPython."""

import os
import re
import subprocess
import sys

import pytest

from tests.test_core_on_vm import REPOSITORY, names_on_cpython, needs_vm

_FILES = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((REPOSITORY / "tests/node").glob("test_*.py"))
}
FILES = [name for name, text in _FILES.items() if re.search(r"^import unittest$", text, re.MULTILINE)]
# Every word of this VM is twice as long as an ESP32's; where network or flash is simulated, what they hold comes on top.
HEAPS = {
    name: "4m" if "tests.node.simflash" in text else "512k" if "tests.node.sim" in text else "128k"
    for name, text in _FILES.items()
}


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    command = "import sys; from micropython_unix import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "-X", "heapsize=" + HEAPS[file], "tests/vm/run.py", file],
        cwd=REPOSITORY,
        env={**os.environ, "MICROPYPATH": ".frozen:firmware/lib:tests/vm:."},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    expected = names_on_cpython(file)
    assert set(re.findall(r"^ok (\S+)", output, re.MULTILINE)) == expected, output
    assert f"ran {len(expected)}, bad 0, skipped 0" in output
    assert done.returncode == 0
    assert expected


def test_files_are_found() -> None:
    assert len(FILES) >= 10
