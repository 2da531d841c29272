"""An ESP32's heap, on the VM: what start-up imports take, and whether a long life leaves the heap as it was.

Every word of this VM is twice as long as an ESP32's, so a board has more room than these figures say.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gridecho_flash.image import firmware_files

from tests.rigs.places import REPOSITORY
from tests.rigs.processes import WHOLE
from tests.rigs.vm import needs_vm

READINGS = 100_000 if WHOLE else 20_000
ROOT_KEY = bytes(range(32))
IMPORTS = """
import gc
import machine, network, json, os, random, select, socket, struct, time
gc.collect()
before = gc.mem_alloc()
from gridecho_node.app import START_ONLY, start, forget
from gridecho_node.sensor import Sensor
# As start() does, but for the objects that it makes.
exec("from gridecho_node.config import read_config; read_config(open('config.json').read())", {})
exec("import gridecho.keys", {})
forget(*START_ONLY)
del start, forget, START_ONLY
gc.collect()
print("imports", gc.mem_alloc() - before)
"""


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """A board's files as a folder, as bytecode. `machine` and `network` take no heap on a board: here they are empty."""
    for board_path, content in firmware_files().items():
        path = tmp_path / board_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "machine.py").write_text("def reset_cause():\n    return 1\n")
    (tmp_path / "network.py").write_text("")
    config = {
        "sensor_id": 7,
        "relays": [{"id": 1, "host": "127.0.0.1"}],
        "meter": {"type": "replay", "file": "series.csv"},
        "rules": {"change_w": 500, "over_mv": 253000, "under_mv": 207000},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "key").write_bytes(ROOT_KEY)
    (tmp_path / "epoch").write_bytes(b"0")
    rows = [f"{1000 + 5 * i},{100 + 37 * i % 700},{229000 + 31 * i % 2000},{434 + i % 90}" for i in range(1440)]
    (tmp_path / "series.csv").write_text("1-0:1.8.0,1-0:1.7.0,1-0:32.7.0,1-0:31.7.0\n" + "\n".join(rows) + "\n")
    return tmp_path


def run(flash: Path, heap: str, script: Path, *arguments: str, timeout_s: float = 60) -> str:
    """What the script printed on the VM with so much heap; it must end well."""
    command = "import sys; from micropython_unix import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "-X", "heapsize=" + heap, str(script), *arguments],
        cwd=flash,
        env={"MICROPYPATH": f".frozen:lib:{flash}"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def figure(output: str, name: str) -> int:
    match = re.search(rf"{name} (\d+)", output)
    assert match, output
    return int(match[1])


@needs_vm
def test_start_up_imports(flash: Path) -> None:
    script = flash / "imports.py"
    script.write_text(IMPORTS)
    taken = figure(run(flash, "148k", script), "imports")
    print(f"start-up imports: {taken} bytes of heap")
    assert taken <= 60 * 1024


@needs_vm
@pytest.mark.slow
def test_a_long_life(flash: Path) -> None:
    output = run(flash, "120k", REPOSITORY / "tests/rigs/long_run.py", str(READINGS), "200", timeout_s=600)
    print(output)
    warm, end = figure(output, "free after warm-up"), figure(output, "free at the end")
    assert figure(output, "acknowledged") == figure(output, "readings") >= READINGS
    assert figure(output, "lost") == 0
    assert abs(end - warm) <= 0.05 * warm
