"""The thread that keeps one board: starts its process, copies between both terminals, and does what the board asks for."""

import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .console import Lines, Newlines, RawStart, ReplMode, Request, Requests
from .errors import BoardError
from .runtimes import Runtime
from .terminals import BoardTerminal, UserPort

PWRON_RESET, HARD_RESET, WDT_RESET, SOFT_RESET = 1, 2, 3, 5  # as shims/machine.py

_CTRL_A, _CTRL_C = b"\x01", b"\x03"
_INPUT_BYTES = 65536  # more typed ahead than this waits in the user's terminal
_INTERRUPT_S = 0.5  # a program that has not ended so long after Ctrl-C goes on, and gets what was typed after it
_BUSY_CPU_S = 1.0  # a program that has computed so long since Ctrl-C, and never waited, is interrupted wherever it is
_TICK_S = 0.002
_STOP_S = 1.0  # longer than a write to flash, out of which a process cannot be stopped
_END_S = 2.0
_FAILED_STARTS = 3


class Keeper:
    """Runs in its own thread, `run`; `post` and the plain attributes are what other threads touch."""

    def __init__(
        self, runtime: Runtime, port: UserPort, on_line: Callable[[str], None], wires: Mapping[str, str]
    ) -> None:
        self.ready: queue.SimpleQueue[BoardError | None] = (
            queue.SimpleQueue()
        )  # the first start: None, or why it failed
        self.restarts = 0
        self.pid: int | None = None
        self.exit_code: int | None = None
        self._runtime = runtime
        self._port = port
        self._on_line = on_line
        self._environment = {**os.environ, **{f"GRIDECHO_WIRE_{name.upper()}": at for name, at in wires.items()}}
        self._posted: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.epoll()
        # Edge: with nobody there the terminal reports "hung up" for ever, and once is enough.
        self._poll.register(port.fd, select.EPOLLIN | select.EPOLLET)
        self._poll.register(self._wake, select.EPOLLIN)
        self._wake_lock = threading.Lock()  # held while the wake-up descriptor is used or closed
        self._running = True
        self._process: subprocess.Popen[bytes] | None = None
        self._typed = b""  # what is typed during a reset waits for the board to be up
        self._port_ready = True
        self._failed = 0
        self._watchdog_s: float | None = None

    def post(self, what: str, data: bytes = b"") -> None:
        """From any thread: "stop", "reset", or "type" with what is typed."""
        self._posted.put((what, data))
        with self._wake_lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Power on, until "stop" or until the board does not come up any more."""
        try:
            self._start(PWRON_RESET)
            while self._running:
                events = self._poll.poll(self._timeout_s())
                for fd, _ in events:
                    if fd == self._wake:
                        os.eventfd_read(self._wake)
                        self._obey()
                    elif fd == self._port.fd:
                        self._port_ready = True
                    elif fd == self._terminal.fd:
                        self._from_board()
                if not self._running:
                    break
                self._port.flush()
                self._from_user()
                self._check_watchdog()
        finally:
            self._end()
            self._runtime.power_off()
            self._poll.close()
            with self._wake_lock:
                os.close(self._wake)
                self._wake = -1
            self._port.close()
            self.ready.put(BoardError("it does not start: " + " ".join(self._said[-5:])))

    def _start(self, cause: int, *, raw: bool = False) -> None:
        self._terminal = BoardTerminal()
        self._requests, self._newlines, self._lines, self._mode = Requests(), Newlines(), Lines(), ReplMode()
        self._mode.raw = raw
        self._raw_start = RawStart() if raw else None
        self._gate: Callable[[], bool] = _closed
        self._busy_from_s: float | None = None
        self._up = False
        self._said: list[str] = []
        if cause != SOFT_RESET:
            self._watchdog_s = None
        self._process = subprocess.Popen(
            self._runtime.command(cause, raw),
            stdin=self._terminal.slave,
            stdout=self._terminal.slave,
            stderr=self._terminal.slave,
            env=self._environment,
            start_new_session=True,
        )
        self._terminal.started()
        self.pid = self._process.pid
        self._poll.register(self._terminal.fd, select.EPOLLIN)
        self._paused = False

    def _end(self) -> None:
        """Cuts the power. What the board said before is still shown."""
        if self._process is None:
            return
        self._process.send_signal(self._runtime.end_signal)
        try:
            self.exit_code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()
        self._process = None
        while data := self._terminal.read():
            for part in self._requests.feed(data):
                if isinstance(part, bytes):
                    self._show(part)
        self._poll.unregister(self._terminal.fd)
        self._terminal.close()
        self.pid = None

    def _restart(self, cause: int) -> None:
        raw = cause == SOFT_RESET and self._mode.raw
        self._end()
        if cause == SOFT_RESET:
            self._show(b"MPY: soft reboot\r\n")
        self._again(cause, raw=raw)

    def _again(self, cause: int, *, raw: bool = False) -> None:
        self.restarts += 1
        self._failed = 0 if self._up else self._failed + 1
        if self._failed >= _FAILED_STARTS:
            self._running = False
            return
        self._start(cause, raw=raw)

    # --- from the board ---

    def _from_board(self) -> None:
        data = self._terminal.read()
        if data is None:
            self._process_ended()
            return
        for part in self._requests.feed(data):
            if isinstance(part, bytes):
                self._show(part)
            elif self._do(part):
                return
        self._pause(self._port.holding())

    def _process_ended(self) -> None:
        code = self._child().wait()
        if code >= 0:  # Ctrl-D at the REPL, or SystemExit there
            self._restart(SOFT_RESET)
            return
        self._show(b"gridecho board: the interpreter died of %s\n" % signal.Signals(-code).name.encode())
        self._restart(HARD_RESET)

    def _do(self, request: Request) -> bool:
        """What the board asks for; whether that ended its process."""
        if request.word == "ready":
            self._up = True
            self.ready.put(None)
            self._gate = _open
        elif request.word == "repl":
            self._repl_begins()
        elif request.word == "wdt":
            self._watchdog_s = time.monotonic() + request.number / 1000
        elif request.word in ("soft", "reset"):
            self._restart(SOFT_RESET if request.word == "soft" else request.number)
            return True
        return False

    def _repl_begins(self) -> None:
        # Between the end of the start-up files and the prompt Ctrl-C would kill the VM: what is typed waits.
        if self._raw_start is not None:
            self._terminal.write(_CTRL_A)
            self._gate = _closed
        else:
            self._gate = self._at_prompt_or_after(_INTERRUPT_S)

    def _show(self, data: bytes) -> None:
        if self._raw_start is not None and self._up and self._gate is _closed:
            data = self._raw_start.feed(data)
            if self._raw_start.done:
                self._raw_start = None
                self._gate = _open
        data = self._newlines.feed(data)
        self._mode.feed(data)
        self._port.write(data)
        for line in self._lines.feed(data):
            if not self._up:
                self._said.append(line)
                self._running = not line.startswith('Type "help()"')  # the REPL before boot.py: the start-up failed
            self._on_line(line)

    def _pause(self, paused: bool) -> None:
        """A slow reader slows the board's output down, as a UART would."""
        if paused != self._paused:
            self._paused = paused
            self._poll.modify(self._terminal.fd, 0 if paused else select.EPOLLIN)

    # --- to the board ---

    def _from_user(self) -> None:
        if self._port_ready and len(self._typed) < _INPUT_BYTES:
            data = self._port.read()
            self._port_ready = bool(data)
            self._typed += data
        if self._paused:
            self._pause(self._port.holding())
        if self._typed and self._gate():
            self._gate = _open
            self._type()

    def _type(self) -> None:
        if not self._terminal.executing():
            self._typed = self._terminal.write(self._typed)
            return
        before, interrupt, after = self._typed.partition(_CTRL_C)
        if interrupt and self._interruptible():
            self._terminal.write(before)
            self._typed = interrupt + after
            if self._interrupt():
                # A second Ctrl-C before the first was taken would end the VM: one at a time.
                self._gate = self._at_prompt_or_after(_INTERRUPT_S)
                self._typed = after
            return
        self._terminal.write(self._typed)  # more than a program reads is lost, as in a UART's buffer
        self._typed = b""

    def _interruptible(self) -> bool:
        """Whether the board takes Ctrl-C as an interrupt now, which `micropython.kbd_intr(-1)` turns off."""
        status = Path(f"/proc/{self._child().pid}/status").read_text(encoding="ascii")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGINT - 1) & 1)

    def _interrupt(self) -> bool:
        """Interrupts the program if it waits for something; whether it did.

        A board raises KeyboardInterrupt between two bytecodes; the VM on a PC does it out of whatever runs, and one that collects
        garbage or writes to flash just then is broken: it hangs, dies or misses the interrupt.
        """
        state, cpu_s = self._state()
        if self._busy_from_s is None:
            self._busy_from_s = cpu_s
        patient = cpu_s < self._busy_from_s + _BUSY_CPU_S
        waits_in = self._system_call() if state == "S" else ""
        if patient and not waits_in:
            return False
        # Its wait may end between the look and the signal: it is stopped, looked at again, and gets the signal where it stands.
        child = self._child()
        child.send_signal(signal.SIGSTOP)
        try:
            until = time.monotonic() + _STOP_S
            while self._state()[0] not in "TZX" and time.monotonic() < until:
                time.sleep(_TICK_S / 10)
            if patient and self._system_call() != waits_in:
                return False
            child.send_signal(signal.SIGINT)
        finally:
            child.send_signal(signal.SIGCONT)
        self._busy_from_s = None
        return True

    def _state(self) -> tuple[str, float]:
        """The state of the board's process, a letter, and the seconds that it has computed."""
        _, _, fields = Path(f"/proc/{self._child().pid}/stat").read_text(encoding="ascii").rpartition(") ")
        state, *numbers = fields.split()
        return state, (int(numbers[10]) + int(numbers[11])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc_pid_stat(5)

    def _system_call(self) -> str:
        """Which system call the process is in, from where and with what, "" for none: proc_pid_syscall(5)."""
        try:
            said = Path(f"/proc/{self._child().pid}/syscall").read_text(encoding="ascii")
        except PermissionError:  # a kernel on which nobody may trace (Yama at 2): it waits, and that must do
            return "unknown"
        return "" if said.startswith(("running", "-1 ")) else said

    def _at_prompt_or_after(self, wait_s: float) -> Callable[[], bool]:
        until = time.monotonic() + wait_s
        return lambda: not self._terminal.executing() or time.monotonic() > until

    def _child(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None  # noqa: S101  # only between _start and _end
        return self._process

    # --- time and orders ---

    def _timeout_s(self) -> float | None:
        if (self._typed and self._gate is not _closed) or self._port.holding() or self._port_ready:
            return _TICK_S
        if self._watchdog_s is None:
            return None
        return max(0.0, self._watchdog_s - time.monotonic())

    def _check_watchdog(self) -> None:
        if self._watchdog_s is not None and time.monotonic() >= self._watchdog_s:
            self._restart(WDT_RESET)

    def _obey(self) -> None:
        while not self._posted.empty():
            what, data = self._posted.get()
            if what == "type":
                self._typed += data
            elif what == "reset":
                self._restart(PWRON_RESET)
            else:
                self._running = False
                return


def _open() -> bool:
    return True


def _closed() -> bool:
    return False
