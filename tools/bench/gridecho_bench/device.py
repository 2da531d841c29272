"""Times a sensor's work where it runs: in the MicroPython VM, under CPython, and on a board at a port."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gridecho_flash.image import firmware_files
from gridecho_flash.link import Link

from .telegrams import TELEGRAMS

SCRIPT = Path(__file__).with_name("on_device.py")
CASES = {
    "seal 1": "seal a datum of 1 reading",
    "seal 32": "seal a datum of 32 readings",
    "frame 1": "encode, seal and tag 1 reading",
    "frame 32": "encode, seal and tag 32 readings",
    "probe": "pack and tag a probe",
    "verify": "verify and read an ACK",
    "encode 1": "encode 1 reading",
    "encode 32": "encode 32 readings",
} | {f"parse {meter}": f"parse a {meter} telegram, {len(data)} bytes" for meter, data in sorted(TELEGRAMS.items())}
HEAP = "148k"  # an ESP32's with Wi-Fi up, as a virtual board's
VM = f"the MicroPython VM on this machine, words of 64 bits, heap {HEAP}"
CPYTHON = f"CPython {platform.python_version()} on this machine, with a library's AES"


class BenchError(Exception):
    """The measurement could not be made; one sentence."""


@dataclass(frozen=True)
class Figure:
    """One case: calls a second, microseconds and bytes of heap a call (None where the runtime has no heap with an end)."""

    name: str
    per_s: float
    us: float
    heap_bytes: int | None


def code_of(name: str, for_s: float) -> str:
    """The call that measures one case, as source."""
    telegram = TELEGRAMS.get(name.partition(" ")[2], b"") if name.startswith("parse") else b""
    return f"measure({name!r}, {telegram!r}, {round(for_s * 1000)})\n"


def figure_of(line: str) -> Figure:
    """What `measure` printed. Raises BenchError if it is not that."""
    try:
        said = json.loads(line)
        each_us = said["us"] / said["times"]
        return Figure(said["name"], 1e6 / each_us, each_us, said["bytes"] or None)
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        raise BenchError(f"a figure was expected, not: {line[:200]}") from None


def on_cpython(for_s: float) -> Iterator[Figure]:
    """CPython with the firmware's own files, with the AES library of the host."""
    yield from _in_process([sys.executable], for_s, None)


def on_vm(for_s: float) -> Iterator[Figure]:
    """The MicroPython VM with an ESP32's heap, the firmware as bytecode. Raises BenchError without its wheel."""
    with tempfile.TemporaryDirectory(prefix="gridecho-bench-") as folder:
        for board_path, content in firmware_files().items():
            path = Path(folder, board_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        start = "import sys; from micropython_unix import main; sys.exit(main())"
        yield from _in_process([sys.executable, "-c", start, "-X", f"heapsize={HEAP}"], for_s, f".frozen:{folder}/lib")


def on_board(port: str, for_s: float) -> Iterator[Figure]:
    """A board that was flashed, at what `mpremote connect` takes; it is restarted afterwards. Raises FlashingError."""
    with Link(port) as link:
        link.soft_reset()
        link.run(SCRIPT.read_text(encoding="utf-8"))
        for name in CASES:
            yield figure_of(link.run(code_of(name, for_s), quiet_s=for_s + 30))


def _in_process(command: list[str], for_s: float, micropython_path: str | None) -> Iterator[Figure]:
    environment = dict(os.environ)
    if micropython_path is not None:
        environment["MICROPYPATH"] = micropython_path
    calls = "".join(code_of(name, for_s) for name in CASES)
    with tempfile.NamedTemporaryFile("w", suffix=".py", prefix="gridecho-bench-") as file:
        file.write(SCRIPT.read_text(encoding="utf-8") + "\n" + calls)
        file.flush()
        with subprocess.Popen(
            [*command, file.name], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None  # noqa: S101  # it was asked for
            assert process.stderr is not None  # noqa: S101
            try:
                for line in process.stdout:
                    yield figure_of(line)
                error = process.stderr.read()
            finally:
                process.kill()
    if process.returncode:
        raise BenchError(f"the measurement ended early: {(error.strip().splitlines() or ['nothing said'])[-1]}")
