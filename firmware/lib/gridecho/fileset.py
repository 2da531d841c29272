"""A firmware set: all files of a board's lib/ folder in one run of bytes, packed on the host and unpacked on the board as it comes.

GEF 01 | number of files u16 | for each, by ascending path: length of path u8, path, length u32, SHA-256, content
"""

from hashlib import sha256

from .compat import const
from .errors import CodecError, MisuseError

TYPE_CHECKING = False  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"GEF\x01"
MAX_FILES = 255
MAX_FILE_BYTES = 64 * 1024
MAX_PATH = 64
FOLDERS = ("lib/gridecho/", "lib/gridecho_node/")  # only below these

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_START = const(0)
_LENGTH = const(1)
_ENTRY = const(2)
_CONTENT = const(3)


def path_problem(path: str) -> "str | None":
    """Why this path may not be in a set; None if it may."""
    folder = [folder for folder in FOLDERS if path.startswith(folder)]
    if len(path) > MAX_PATH or not folder:
        return "not below " + " or ".join(FOLDERS)
    if not path.endswith(".py") and not path.endswith(".mpy"):
        return "neither .py nor .mpy"
    parts = path.split("/")
    parts[-1] = parts[-1][: parts[-1].find(".")] + parts[-1][parts[-1].rfind(".") + 1 :]
    # Nothing but these, and one dot before the ending: so no part is empty, ".", ".." or hidden.
    if not all(parts) or path.count(".") != 1 or "/." in path or not all(c in _NAME for c in "".join(parts)):
        return "a name with other characters than letters, digits and _"
    return None


def pack_set(files: "Mapping[str, bytes]") -> bytes:
    """The set of these files, by board path ("lib/gridecho/siv.mpy"). Raises MisuseError for a path or size that may not be."""
    if not 0 < len(files) <= MAX_FILES:
        raise MisuseError("a set has 1 to %d files" % MAX_FILES)
    out = [MAGIC, len(files).to_bytes(2, "big")]
    for path in sorted(files):
        content = files[path]
        problem = path_problem(path)
        if problem is not None:
            raise MisuseError(path + ": " + problem)
        if len(content) > MAX_FILE_BYTES:
            raise MisuseError(path + ": too long")
        out += [bytes((len(path),)), path.encode(), len(content).to_bytes(4, "big"), sha256(content).digest(), content]
    return b"".join(out)


class SetReader:
    """Reads a set in pieces of any length: `sink.begin(path, length)`, `sink.write(data)` as it comes, `sink.end(sha256)`.

    `feed` raises CodecError at the first byte that is wrong, and whatever the sink raises; the hash of each file is checked before
    `sink.end`. `files` counts those that ended.
    """

    def __init__(self, sink) -> None:  # type: ignore[no-untyped-def]
        self.files = 0
        self._sink = sink
        self._state = _START
        self._need = len(MAGIC) + 2
        self._have = b""
        self._total = 0
        self._path = ""
        self._left = 0
        self._digest = b""
        self._hash = sha256(b"")

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        at = 0
        while at < len(data):
            if self.done():
                raise CodecError("set", "bytes after the last file")
            if self._state == _CONTENT:
                part = data[at : at + self._left]
                at += len(part)
                self._left -= len(part)
                self._hash.update(part)
                self._sink.write(part)
                self._end_if_whole()
                continue
            part = data[at : at + self._need - len(self._have)]
            at += len(part)
            self._have += part
            if len(self._have) == self._need:
                have, self._have = self._have, b""
                self._field(have)

    def done(self) -> bool:
        """Whether every file of the set ended."""
        return self._total > 0 and self.files == self._total

    def _field(self, have: bytes) -> None:
        if self._state == _START:
            self._total = int.from_bytes(have[4:], "big")
            if have[:4] != MAGIC or not 0 < self._total <= MAX_FILES:
                raise CodecError("set", "not a firmware set")
            self._next(_LENGTH, 1)
        elif self._state == _LENGTH:
            if not 0 < have[0] <= MAX_PATH:
                raise CodecError("set", "a path of a wrong length")
            self._next(_ENTRY, have[0] + 4 + 32)
        else:
            self._begin(have[:-36], int.from_bytes(have[-36:-32], "big"), have[-32:])

    def _begin(self, name: bytes, length: int, digest: bytes) -> None:
        if any(byte > 126 for byte in name):
            raise CodecError("set", "a path that may not be")
        path = name.decode()
        if path_problem(path) is not None or path <= self._path:
            raise CodecError("set", "a path that may not be, or not in ascending order")
        if length > MAX_FILE_BYTES:
            raise CodecError("set", "a file that is too long")
        self._path, self._left, self._digest = path, length, digest
        self._hash = sha256(b"")
        self._next(_CONTENT, 0)
        self._sink.begin(path, length)
        self._end_if_whole()

    def _end_if_whole(self) -> None:
        if not self._left:
            if self._hash.digest() != self._digest:
                raise CodecError("set", "a file that differs from its hash")
            self._next(_LENGTH, 1)
            self.files += 1
            self._sink.end(self._digest)

    def _next(self, state: int, need: int) -> None:
        self._state = state
        self._need = need
