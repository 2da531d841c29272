"""A virtual board: the firmware in a MicroPython VM with an ESP32's heap, flash in an image file, its REPL on a pseudo-terminal."""

import hashlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from gridecho_flash.image import ImageError, locked

from .errors import BoardError
from .keeper import Keeper
from .runtimes import CPYTHON, Emulation, Runtime, Vm, resolve_runtime
from .terminals import UserPort

ESP32_HEAP_BYTES = 148 * 1024  # without PSRAM and with Wi-Fi up
_STOP_S = 10.0


class Board:
    """One board, from power-on (`start`) to power-off (`stop`); also a context manager that does both.

    `image` is its flash, a littlefs2 image; what the firmware writes stays there. `runtime` is "micropython", "cpython" (the same
    files without REPL) or "auto". `on_line` gets each line of the console, in the board's thread; it must not raise. `mac` is
    machine.unique_id(), by default one that is always the same for this image path. `link` is a symbolic link to make to the port.
    `wires` says what is wired where: "uart2" or "pin27" to the "host:port" of a listener. It gets what the UART writes, and sends
    what the UART hears, or the pin's levels as bytes "0" and "1".
    """

    def __init__(
        self,
        image: Path,
        *,
        runtime: str = "auto",
        heap_bytes: int = ESP32_HEAP_BYTES,
        on_line: Callable[[str], None] | None = None,
        mac: bytes | None = None,
        link: Path | None = None,
        wires: Mapping[str, str] | None = None,
    ) -> None:
        self.image = image.resolve()
        self.runtime = resolve_runtime(runtime)
        self._heap_bytes = heap_bytes
        self._on_line = on_line
        self._mac = mac or b"\x02" + hashlib.sha256(os.fsencode(self.image)).digest()[:5]
        self._link = link
        self._wires = dict(wires or {})
        self._keeper: Keeper | None = None
        self._last_exit_code: int | None = None
        self._lines: deque[str] = deque(maxlen=1000)
        self._seen = 0
        self._news = threading.Condition()

    def __enter__(self) -> "Board":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, wait_s: float = 60.0) -> None:
        """Power on; returns when boot.py begins. Raises BoardError if that does not come within `wait_s`."""
        if self._keeper is not None:
            raise BoardError("the board is on already")
        if not self.image.is_file():
            raise BoardError(f"{self.image}: is not there; make it with: gridecho flash image -o {self.image}")
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.image))
                runtime = self._make_runtime()
                port = UserPort(self._link)
            except (ImageError, OSError) as error:
                raise BoardError(str(error)) from None
            self._held = stack.pop_all()
        self.port = port.path
        keeper = self._keeper = Keeper(runtime, port, self._line, self._wires)
        # The process is started by this thread and no other: its parent-death signal follows the thread that started it.
        self._thread = threading.Thread(target=keeper.run, name=f"board {self.image.name}", daemon=True)
        self._thread.start()
        try:
            failure = keeper.ready.get(timeout=wait_s)
        except queue.Empty:
            failure = BoardError(f"it was not up within {wait_s:g} s")
        if failure is not None:
            self.stop()
            raise BoardError(f"{self.image}: {failure}")

    def stop(self) -> None:
        """Power off: the process is killed and reaped, the port is gone. No harm if it is off already."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.post("stop")
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            raise BoardError(f"{self.image}: its thread does not end; is `on_line` stuck?")
        self._held.close()
        self._last_exit_code = keeper.exit_code

    def reset(self) -> None:
        """The reset button."""
        self._on().post("reset")

    def type(self, data: bytes) -> None:
        """Types at the console, as a user at the port would: b"\\x03" interrupts."""
        self._on().post("type", data)

    def wait_line(self, text: str, timeout_s: float = 60.0, after: int = 0) -> str:
        """The first console line with `text` in it, from line number `after` on. Raises TimeoutError with the last lines."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                fresh = self._seen - after  # all lines, if it is more than are kept
                for line in islice(self._lines, max(0, len(self._lines) - fresh), None):
                    if text in line:
                        return line
                after = max(after, self._seen)
                if not self._news.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    raise TimeoutError(f"no {text!r} on the console; last lines: {list(self._lines)[-5:]}")

    def lines(self) -> list[str]:
        """The last lines of the console, 1,000 at most."""
        with self._news:
            return list(self._lines)

    @property
    def line_count(self) -> int:
        """Console lines so far: `after` for what is to come."""
        with self._news:
            return self._seen

    @property
    def running(self) -> bool:
        """Whether the power is on and the board comes up after its resets."""
        return self._keeper is not None and self._thread.is_alive()

    @property
    def restarts(self) -> int:
        """Resets of every kind since power-on."""
        return self._on().restarts

    @property
    def pid(self) -> int | None:
        """The process of this run; None between two runs or when the board is off."""
        return self._keeper.pid if self._keeper is not None else None

    @property
    def exit_code(self) -> int | None:
        """How the last run that ended did: an exit code, or less than 0 for a signal; None if none has ended."""
        return self._keeper.exit_code if self._keeper is not None else self._last_exit_code

    def _make_runtime(self) -> Runtime:
        if self.runtime == CPYTHON:
            return Emulation(self.image, self._mac)
        return Vm(self.image, self._heap_bytes, self._mac)

    def _on(self) -> Keeper:
        if self._keeper is None:
            raise BoardError("the board is off")
        return self._keeper

    def _line(self, line: str) -> None:
        with self._news:
            self._lines.append(line)
            self._seen += 1
            self._news.notify_all()
        if self._on_line is not None:
            self._on_line(line)
