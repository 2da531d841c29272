"""An ESP32's heap, on the VM: a board's files in a folder, what start-up imports take of it, and what a long life leaves of it.

Every word of this VM is twice as long as an ESP32's, so a board has more room than these figures say.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from gridecho_flash.image import firmware_files

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

ROOT_KEY = bytes(range(32))
IMPORTS = """
import gc
import machine, network, json, os, random, select, socket, struct, time
gc.collect()
before = gc.mem_alloc()
from gridecho_node.app import START_ONLY, start, forget
from gridecho_node.sensor import Sensor
# As start() does, but for the objects that it makes.
exec("from gridecho.config import read_config; read_config(open('config.json').read())", {})
exec("import gridecho.keys", {})
forget(*START_ONLY)
del start, forget, START_ONLY
gc.collect()
print("imports", gc.mem_alloc() - before)
"""


def put_board(folder: Path) -> None:
    """A board's files as a folder, as bytecode. `machine` and `network` take no heap on a board: here they are empty."""
    for board_path, content in firmware_files().items():
        path = folder / board_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "machine.py").write_text("def reset_cause():\n    return 1\n")
    (folder / "network.py").write_text("")
    config = {
        "sensor_id": 7,
        "relays": [{"id": 1, "host": "127.0.0.1"}],
        "meter": {"type": "replay", "file": "series.csv"},
        "rules": {"change_w": 500, "over_mv": 253000, "under_mv": 207000},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "key").write_bytes(ROOT_KEY)
    (folder / "epoch").write_bytes(b"0")
    rows = [f"{1000 + 5 * i},{100 + 37 * i % 700},{229000 + 31 * i % 2000},{434 + i % 90}" for i in range(1440)]
    (folder / "series.csv").write_text("1-0:1.8.0,1-0:1.7.0,1-0:32.7.0,1-0:31.7.0\n" + "\n".join(rows) + "\n")


def _run(folder: Path, heap: str, script: Path, *arguments: str, hang_s: float = HANG_S) -> str:
    """What the script printed on the VM with so much heap; it must end well."""
    command = "import sys; from micropython_unix import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "-X", "heapsize=" + heap, str(script), *arguments],
        cwd=folder,
        env={"MICROPYPATH": f".frozen:lib:{folder}"},
        capture_output=True,
        text=True,
        timeout=hang_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _figure(output: str, name: str) -> int:
    match = re.search(rf"{name} (\d+)", output)
    assert match, output
    return int(match[1])


def import_bytes(folder: Path) -> int:
    """What the imports of a start take of the heap."""
    script = folder / "imports.py"
    script.write_text(IMPORTS)
    return _figure(_run(folder, "148k", script), "imports")


def check_life(folder: Path, readings: int) -> None:
    """So many readings with outages among them: all are acknowledged, and the heap is as free as it was after the first."""
    output = _run(folder, "120k", REPOSITORY / "tests/rigs/long_run.py", str(readings), "200", hang_s=10 * HANG_S)
    print(output)
    warm, end = _figure(output, "free after warm-up"), _figure(output, "free at the end")
    assert _figure(output, "acknowledged") == _figure(output, "readings") >= readings
    assert _figure(output, "lost") == 0
    assert abs(end - warm) <= 0.05 * warm, f"free heap went from {warm} to {end} bytes"
