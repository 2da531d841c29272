"""MicroPython's WebAssembly build in Node: the oldest version that a board may have, with a board's numbers.

Its small ints have 31 bits and its ticks wrap at 2^30, as on an ESP32; the unix VM has 63 bits and ticks that never wrap.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY, SHARED
from tests.rigs.vm import check_outcome
from tests.rigs.waiting import HANG_S

_PACKAGE = Path(sys.prefix) / "npm/node_modules/@micropython/micropython-webassembly-pyscript"  # tools/setup/npm.sh
_CARRIED = ("firmware/lib", "tests/vm", "tests/rigs", "tests/unit", "tests/vectors")

needs_wasm = pytest.mark.skipif(
    shutil.which("node") is None or not _PACKAGE.is_dir(),
    reason="no MicroPython for WebAssembly here: it needs node and npm, and `make test` or `make long` installs it",
)


def check_file_on_wasm(file: str, hang_s: float = 4 * HANG_S) -> int:
    """Runs a unittest file there: the same tests as on CPython, all of them, none skipped. How many ran."""
    done = subprocess.run(
        ["node", "tests/vm/wasm.mjs", str(_PACKAGE), file, str(SHARED), *_CARRIED],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=hang_s,
        check=False,
    )
    return check_outcome(file, done)
