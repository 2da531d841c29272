"""The UDP plane: waits for datagrams and drains what is there (drain.py). No timer: groups form by themselves under load.

All is one thread, but for the replies of large groups (mmsg.py).
"""

import selectors
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from gridecho_common.settings import SettingsError, split_address

from .drain import Drain
from .ledger import Ledger
from .mmsg import open_port

_RCVBUF_BYTES = 4 << 20
_LAST_DRAINS = 64  # groups a stopping relay still takes in, at most


def bind(address: str) -> socket.socket:
    """A non-blocking UDP socket on `host:port` with a large receive buffer. Raises SettingsError."""
    host, port = split_address(address)
    try:
        family, kind, proto, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, proto)
    except OSError as error:
        raise SettingsError(f'listen = "{address}": cannot be used ({error.strerror})') from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RCVBUF_BYTES)
        sock.bind(where)
    except OSError as error:
        sock.close()
        raise SettingsError(
            f'listen = "{address}": cannot be bound ({error.strerror}); is another relay running?'
        ) from None
    sock.setblocking(False)
    return sock


class UdpPlane:
    """A socket and the thread that drains it. `stop` and `flush` are safe in a signal handler."""

    def __init__(self, sock: socket.socket, drain: Drain, ledger: Ledger) -> None:
        host, port = sock.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._sock = sock
        self._port = open_port(sock)
        self._drain = drain
        self._ledger = ledger
        self._stopping = self._flush_wanted = False
        self._bell, self._bell_end = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_end.setblocking(False)

    @property
    def replies_lost(self) -> int:
        """Replies that the system did not take."""
        return self._port.lost

    def stop(self) -> None:
        """Makes `run` return after what is in the socket now."""
        self._stopping = True
        self._ring()

    def flush(self) -> None:
        """Sends everything held to the remote."""
        self._flush_wanted = True
        self._ring()

    def run(self) -> None:
        """Serves until `stop`."""
        with self._woken_by_signals(), ExitStack() as at_end:
            at_end.callback(self._ledger.close)
            at_end.callback(self._port.close)
            with selectors.DefaultSelector() as selector:
                selector.register(self._sock, selectors.EVENT_READ)
                selector.register(self._bell_end, selectors.EVENT_READ)
                while not self._stopping:
                    selector.select()
                    with suppress(BlockingIOError):
                        self._bell_end.recv(64)
                    self._drain(self._port)
                    if self._flush_wanted:
                        self._flush_wanted = False
                        self._drain.flush()
            for _ in range(_LAST_DRAINS):
                if not self._drain(self._port):
                    break

    def close(self) -> None:
        """Closes the sockets."""
        for sock in (self._sock, self._bell, self._bell_end):
            sock.close()

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        # The system may give a signal to any thread, while Python handles it in the main one only: which waits in `select`.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _ring(self) -> None:
        # It may be ringing already, or have stopped already.
        with suppress(OSError):
            self._bell.send(b"!")
