"""The meters' plain unittest files again, on MicroPython with a board's heap: each in a fresh VM, the same tests as on CPython."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_core_on_vm import REPOSITORY, names_on_cpython, needs_vm

_TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "tests/meters").glob("test_*.py"))}
FILES = [
    path.relative_to(REPOSITORY).as_posix()
    for path, text in _TEXTS.items()
    if re.search(r"^import unittest$", text, re.MULTILINE)
]
_HAS_SAMPLES = Path(REPOSITORY, "../shared/data/meters").is_dir()


@needs_vm
@pytest.mark.parametrize("file", FILES)
def test_file(file: str) -> None:
    command = "import sys; from micropython_unix import main; sys.exit(main())"
    done = subprocess.run(
        # Every word of this VM is twice as long as an ESP32's, and the tests themselves lie in this heap too.
        [sys.executable, "-c", command, "-X", "heapsize=192k", "tests/vm/run.py", file],
        cwd=REPOSITORY,
        env={**os.environ, "MICROPYPATH": ".frozen:firmware/lib:tests/vm:."},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    if "test_samples" in file and not _HAS_SAMPLES:
        pytest.skip("the samples are not beside this checkout, in ../shared/data/meters")
    expected = names_on_cpython(file)
    assert set(re.findall(r"^ok (\S+)", output, re.MULTILINE)) == expected, output
    assert f"ran {len(expected)}, bad 0, skipped 0" in output
    assert done.returncode == 0
    assert expected


def test_files_are_found() -> None:
    assert len(FILES) >= 9
