"""The two pseudo-terminals of a board: the one that a user connects to, and the one that the board's process has as its own."""

import os
import select
import termios
import time
import tty
from pathlib import Path

_READ_BYTES = 16384
_STALL_S = 0.5


class UserPort:
    """The port that `mpremote connect` takes, as a serial port behaves: nobody there, and what the board says is gone.

    Somebody there who does not read holds the board up for half a second at most; after that his output is dropped too.
    """

    def __init__(self, link: Path | None = None) -> None:
        self.fd, slave = os.openpty()
        self.path = os.ttyname(slave)
        tty.setraw(slave)  # kept while the master is open: no echo back to the board before the user sets his own mode
        os.close(slave)
        os.set_blocking(self.fd, False)
        self._poll = select.poll()
        self._poll.register(self.fd, select.POLLIN)
        self._pending = b""
        self._stalled_at = 0.0
        self._deaf = False
        self._link = link
        if link is not None:
            link.unlink(missing_ok=True)
            link.symlink_to(self.path)

    def close(self) -> None:
        """Gives the terminal and the link back."""
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == self.path:
            self._link.unlink()
        os.close(self.fd)

    def read(self) -> bytes:
        """What the user typed; empty if nothing waits."""
        try:
            return os.read(self.fd, _READ_BYTES)
        except OSError:  # nothing there, or nobody
            return b""

    def write(self, data: bytes) -> None:
        """Output for the user; it is kept while he is slow, and dropped when he is not there."""
        if any(event & select.POLLHUP for _, event in self._poll.poll(0)):
            self._pending = b""
            self._deaf = False
            return
        self._pending += data
        self.flush()

    def flush(self) -> None:
        """Writes what is pending as far as the terminal takes it."""
        try:
            while self._pending:
                written = os.write(self.fd, self._pending)
                self._pending = self._pending[written:]
                self._deaf = False
                self._stalled_at = 0.0
        except OSError:
            if not self._stalled_at:
                self._stalled_at = time.monotonic()
        if self._pending and (self._deaf or time.monotonic() - self._stalled_at > _STALL_S):
            self._pending = b""
            self._deaf = True
            self._stalled_at = 0.0

    def holding(self) -> bool:
        """Whether output waits for a slow reader: read no more from the board, and `flush` in a moment."""
        return bool(self._pending)


class BoardTerminal:
    """The controlling terminal of the board's process: no echo, no line editing, no translation.

    ISIG is left on and its characters are off: so the flag, which the VM clears at its REPL and sets while it executes, tells
    which of both it does, and Ctrl-C is ours to deliver.
    """

    def __init__(self) -> None:
        self.fd, self.slave = os.openpty()
        mode = termios.tcgetattr(self.slave)
        mode[0] = mode[1] = 0
        mode[3] = termios.ISIG | termios.NOFLSH
        for name in (termios.VINTR, termios.VQUIT, termios.VSUSP):
            mode[6][name] = b"\x00"
        mode[6][termios.VMIN], mode[6][termios.VTIME] = b"\x01", b"\x00"
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)
        os.set_blocking(self.fd, False)

    def started(self) -> None:
        """The process has the other end now; its death is then seen as the end of ours."""
        os.close(self.slave)

    def close(self) -> None:
        """Gives the terminal back."""
        os.close(self.fd)

    def executing(self) -> bool:
        """Whether the board runs a program, and is not at its REPL."""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ISIG)

    def read(self) -> bytes | None:
        """What the board wrote; empty if nothing waits, None if its process has ended."""
        try:
            return os.read(self.fd, _READ_BYTES) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def write(self, data: bytes) -> bytes:
        """Types into the board; gives back what it does not take yet."""
        try:
            return data[os.write(self.fd, data) :]
        except BlockingIOError:
            return data
        except OSError:  # its process has ended
            return b""
