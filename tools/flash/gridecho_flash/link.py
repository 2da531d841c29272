"""A connection to one board, over mpremote's transport: code run on it, files put on it, its console watched."""

import binascii
import hashlib
import json
import os
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from .errors import BrokenLinkError, FlashingError, OnBoardError, SetupError

_AGENT = Path(__file__).with_name("on_board.py").read_bytes()
# First of all: a watchdog cannot be stopped, but it can be given an hour; the restart at the end ends this one too.
_CALM = """
try:
    import json, machine
    if json.load(open("/config.json")).get("watchdog_s"):
        machine.WDT(timeout=3600000)
except (OSError, ValueError, AttributeError):
    pass
"""
_PIECE_BYTES = 1536  # 2 KB as base64: little beside an ESP32's heap
# A single step of the board's file system may take so long, where there are many files or flash is worn; after each it says _BEAT.
_SILENT_S = 120.0
_BEAT = b"\x06"
_ATTEMPTS_S = (1.5, 1.5, 1.5, 3.0, 6.0)  # the last for a board that is starting beside a PC's other work
_TAKEN_S = 5.0  # a port that another program has
_READ_S = 5  # for what must come at once; a PC under load may be slow
# A port that goes away is an OSError, a termios.error or a short read, by its kind; what pyserial's URLs cannot do, or do not like
# at their other end, is one of the rest.
_BROKEN = (
    TransportError,
    OSError,
    termios.error,
    struct.error,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class Seen:
    """What is on a board. `key` and `waiting` are check values of its keys in hex: None if there is none, "" if it cannot be told.

    `files`: path -> (bytes, SHA-256 in hex; None where it was not asked for). Sizes in bytes.
    """

    interpreter: str
    version: tuple[int, ...]
    mpy: int
    machine: str
    id: str
    block_bytes: int
    size_bytes: int
    free_bytes: int
    sensor_id: int | None
    key_id: int | None
    key: str | None
    waiting: str | None
    files: dict[str, tuple[int, str | None]]


class Link:
    """A board's port, open, with whatever ran on the board interrupted. A context manager; `port` is what mpremote connects to.

    Raises SetupError if there is no such port or no MicroPython behind it, FlashingError when the connection breaks off.
    """

    def __init__(self, port: str) -> None:
        self.port = port
        self._transport = _open(port)
        self._serial = self._transport.serial
        # mpremote's own waits for ever on a board that goes on printing: one that was reset meanwhile, and runs its sensor.
        self._transport.read_until = self._read_until
        self._agent = False
        self._interrupted = False
        try:
            self._limit_writes()
            self._interrupt()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the port back; a board that was interrupted and not restarted since goes on where its start-up begins."""
        if self._interrupted:
            self.restart()
        with suppress(*_BROKEN):
            self._transport.close()
        with suppress(*_BROKEN):
            self._serial.close()  # where the other end did not take what it set before

    def abandon(self) -> None:
        """Gives the port back, and the board as it is."""
        self._interrupted = False
        self.close()

    def run(self, code: str, *, quiet_s: float = _SILENT_S) -> str:
        """What `code` printed on the board; with nothing from it for `quiet_s` the connection counts as broken."""
        try:
            out, error = self._transport.exec_raw(code, timeout=quiet_s)
        except _BROKEN:
            raise BrokenLinkError(
                f"{self.port}: the connection broke off; plug the board in and run the same command again"
            ) from None
        if error:
            lines = error.decode("utf-8", "replace").strip().splitlines()
            raise OnBoardError(self.port, lines[-1] if lines else "nothing")
        return bytes(out).replace(_BEAT, b"").decode("utf-8", "replace")

    def call(self, code: str) -> str:
        """`run` with the functions of on_board.py at hand."""
        if not self._agent:
            self.run(_CALM)
            self.run(_AGENT.decode())
            self._agent = True
        return self.run(code)

    def look(self, extra: list[str]) -> Seen:
        """Everything there is to know, in one go; files of / that `extra` names are hashed beside those of lib/gridecho*."""
        try:
            first, *rest = self.call(f"look({extra!r})").splitlines()
            about = json.loads(first)
            files = {path: (size, sha) for path, size, sha in map(json.loads, rest)}
        except ValueError:
            raise FlashingError(
                f"{self.port}: the board answers nonsense; press its reset button and try again"
            ) from None
        about["interpreter"] = about.pop("name")
        about["version"] = tuple(about["version"])
        return Seen(**about, files=files)

    def soft_reset(self) -> None:
        """A clean heap, with main.py not run."""
        self._agent = False
        try:
            self._serial.write(b"\x04")
            # It mounts its file system and runs boot.py from it.
            back = self._read_past(b"soft reboot\r\n", 10) and self._await_raw(_SILENT_S)
        except _BROKEN:
            back = False
        if not back:
            raise FlashingError(f"{self.port}: the board does not come back from a soft reset")

    def put(self, path: str, content: bytes, progress: Callable[[int], None] = lambda _: None) -> None:
        """Writes a file beside the old one, checks its SHA-256 there, renames it. `progress` is told of bytes as they go."""
        code = f"begin({path!r})\n"
        for at in range(0, len(content), _PIECE_BYTES):
            piece = content[at : at + _PIECE_BYTES]
            self.call(f"{code}put({_base64(piece)!r})\n")
            code = ""
            progress(len(piece))
        self.call(f"{code}finish({path!r}, {hashlib.sha256(content).hexdigest()!r})")

    def keep(self, name: str, content: bytes) -> None:
        """Writes a small file in place and reads it back there: for names that nothing on the board reads."""
        self.call(f"keep({name!r}, {_base64(content)!r})")

    def restart(self) -> None:
        """A hard reset; the console is what comes next."""
        self._interrupted = False
        with suppress(*_BROKEN):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def console(self, for_s: float) -> Iterator[str]:
        """The console's lines as they come, for so long. A port that goes away at the reset and comes back is opened again."""
        deadline = time.monotonic() + for_s
        held = b""
        with suppress(*_BROKEN):
            self._serial.timeout = 0.1
        while time.monotonic() < deadline:
            try:
                held += self._serial.read(max(1, self._serial.in_waiting))
            except _BROKEN:
                time.sleep(0.3)
                with suppress(*_BROKEN):
                    self._serial.close()
                    self._serial.open()
            *lines, held = held.split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace").strip()

    def _limit_writes(self) -> None:
        try:
            self._serial.write_timeout = 10
        except (ValueError, NotImplementedError):
            self._serial.write_timeout = (
                None  # rfc2217:// has none, and would refuse every later setting as long as it is there
            )

    def _interrupt(self) -> None:
        for within_s in _ATTEMPTS_S:
            try:
                self._serial.write(b"\r\x03")
                time.sleep(0.03)
                self._serial.reset_input_buffer()
                self._serial.write(b"\r\x01")
                if self._await_raw(within_s):
                    self._interrupted = True
                    return
            except _BROKEN:
                break
        raise SetupError(
            f"{self.port}: no MicroPython answers; write one with: gridecho flash interpreter --port {self.port} --image FILE"
        )

    def _await_raw(self, within_s: float) -> bool:
        self._transport.in_raw_repl = self._read_past(b"raw REPL; CTRL-B to exit\r\n", within_s)
        return bool(self._transport.in_raw_repl)

    def _read_past(self, ending: bytes, within_s: float) -> bool:
        """Reads up to `ending` and no further."""
        deadline = time.monotonic() + within_s
        self._serial.timeout = 0.2
        came = b""
        while not came.endswith(ending) and time.monotonic() < deadline:
            came = came[-len(ending) :] + self._serial.read(1)
        self._serial.timeout = _READ_S
        return came.endswith(ending)

    def _read_until(
        self, least: int, ending: bytes, timeout: float = 10, data_consumer: object = None, timeout_overall: float = 0
    ) -> bytes:
        """As SerialTransport.read_until; `timeout` is for silence, and for a prompt in all. Output may take ten times as long.

        After each beat the board may go on for as long again: a sensor that runs there, since the board was reset, says none.
        """
        came = bytearray()
        now = heard = time.monotonic()
        until = now + (timeout_overall or (timeout * 10 if ending == b"\x04" else timeout))
        while not came.endswith(ending) and now < min(until, heard + timeout):
            byte = self._serial.read(1)
            now = time.monotonic()
            heard = now if byte else heard
            if byte == _BEAT and ending == b"\x04":
                until = now + timeout * 10
            came += byte
        return bytes(came)


def _open(port: str) -> SerialTransport:
    """A port that is there may be somebody else's for a moment: a modem manager looks at each that is plugged in."""
    name = port.removeprefix("port:")
    until = time.monotonic() + _TAKEN_S
    while True:
        check_permission(port, name)
        try:
            return SerialTransport(name, timeout=1, wait=0)
        except Exception:  # noqa: BLE001 - pyserial's URLs raise whatever they come upon, and a port that is none is a sentence
            if not Path(name).exists() or time.monotonic() > until:
                raise SetupError(
                    f"{port}: cannot be opened; is the board plugged in, and no other program on it?"
                ) from None
        time.sleep(0.2)


def check_permission(port: str, name: str) -> None:
    """Raises SetupError, with what to do, if there is such a file and this user may not open it."""
    path = Path(name)
    if not path.exists() or os.access(path, os.R_OK | os.W_OK):
        return
    try:
        group, may = path.group(), path.stat().st_mode & 0o060 == 0o060
    except (OSError, KeyError):
        group, may = "", False
    if may:
        raise SetupError(
            f"{port}: you may not open it, its group {group} may; join it with: sudo usermod -aG {group} $USER, log in again, "
            f"and run the same command{'' if group == 'dialout' else ' (on most systems this group is dialout)'}"
        )
    raise SetupError(
        f"{port}: you may not open it, and neither may its group; give it to the group of serial ports, with: "
        f"sudo chgrp dialout {path} && sudo chmod g+rw {path}, then: sudo usermod -aG dialout $USER, and log in again"
    )


def _base64(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()
