"""The bytes between a board and its console: requests taken out, lines for people, and which REPL is on. No I/O."""

import re
from dataclasses import dataclass

_REQUEST = re.compile(rb"\x1b_gridecho:([^\x1b]*)\x1b\\")
_REQUEST_START = b"\x1b_gridecho:"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_FRIENDLY_BANNER = b'Type "help()" for more information.\r\n'
_MAX_REQUEST_BYTES = 64
_MAX_LINE_CHARS = 4096


@dataclass(frozen=True)
class Request:
    """What a board asks of its keeper (shims/board_link.py): `word`, and a number where the word has one."""

    word: str
    number: int = 0


class Requests:
    """Splits what a board writes into console bytes and requests."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes | Request]:
        """Console bytes and requests in their order; the beginning of a request is held until its end comes."""
        data = self._held + data
        found: list[bytes | Request] = []
        at = 0
        for match in _REQUEST.finditer(data):
            if match.start() > at:
                found.append(data[at : match.start()])
            word, _, number = match[1].decode("ascii", "replace").partition(" ")
            found.append(Request(word, int(number) if number.isdecimal() else 0))
            at = match.end()
        held_at = _open_request(data, at)
        self._held = data[held_at:]
        if held_at > at:
            found.append(data[at:held_at])
        return found


def _open_request(data: bytes, at: int) -> int:
    """Where an unfinished request begins in data[at:], or the end of `data`."""
    start = data.rfind(b"\x1b", max(at, len(data) - _MAX_REQUEST_BYTES))
    if start > at and data[start:] == b"\x1b":  # may be the terminator's first byte
        inner = data.rfind(_REQUEST_START, max(at, len(data) - _MAX_REQUEST_BYTES))
        start = inner if inner >= 0 else start
    if start < 0:
        return len(data)
    tail = data[start:]
    return start if tail.startswith(_REQUEST_START) or _REQUEST_START.startswith(tail) else len(data)


class Newlines:
    """Line ends as a board sends them: the VM on a PC writes a bare LF where a board writes CR LF."""

    def __init__(self) -> None:
        self._after_cr = False

    def feed(self, data: bytes) -> bytes:
        """`data` with CR LF for each LF that has no CR before it."""
        if not data:
            return data
        skip = self._after_cr and data[0] == 0x0A
        self._after_cr = data[-1] == 0x0D
        body = re.sub(rb"(?<!\r)\n", b"\r\n", data[1:] if skip else data)
        return b"\n" + body if skip else body


class Lines:
    """Console bytes into lines of text without their ends; what is not UTF-8 is replaced, 4,096 characters a line at most."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *done, self._open = (self._open + data).split(b"\n")
        if len(self._open) > _MAX_LINE_CHARS:
            done.append(self._open)
            self._open = b""
        return [line.rstrip(b"\r").decode("utf-8", "replace")[:_MAX_LINE_CHARS] for line in done]


class ReplMode:
    """Whether the raw REPL is on, seen from what the board says when it changes."""

    def __init__(self) -> None:
        self.raw = False
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Takes console bytes."""
        seen = self._tail + data
        raw, friendly = seen.rfind(_RAW_BANNER), seen.rfind(_FRIENDLY_BANNER)
        if raw != friendly:
            self.raw = raw > friendly
        self._tail = seen[-len(_FRIENDLY_BANNER) + 1 :]


class RawStart:
    """Hides the friendly REPL's greeting of a VM that is to start in the raw REPL, as a board does after a soft reset there."""

    def __init__(self) -> None:
        self._seen = b""
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """Nothing until the raw REPL's banner; then what comes from there on."""
        if self.done:
            return data
        self._seen += data
        at = self._seen.find(_RAW_BANNER)
        if at < 0:
            return b""
        self.done = True
        return self._seen[at:]
