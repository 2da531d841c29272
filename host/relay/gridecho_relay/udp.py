"""The UDP plane: wait, drain what is there, commit it once, answer. No timer: groups form by themselves under load.

All is one thread, but for the replies of large groups (mmsg.py).
"""

import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from gridecho_common.logs import Seldom
from gridecho_common.settings import SettingsError, split_address

from .collected import Collected
from .ingest import UNKNOWN_SENSOR, Group, Ingest
from .latency import Latency
from .ledger import Ledger
from .mmsg import open_port

log = logging.getLogger(__name__)

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
    """Carries datagrams between the socket, `Ingest` and the `Ledger`. `stop` and `flush` are safe in a signal handler."""

    def __init__(
        self,
        sock: socket.socket,
        ingest: Ingest,
        ledger: Ledger,
        collected: Collected,
        wake_forwarder: Callable[[], None],
        keys_wanted: Callable[[], None],
    ) -> None:
        host, port = sock.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.latency = Latency()  # from receiving a datagram to its answer
        self._sock = sock
        self._port = open_port(sock)
        self._ingest = ingest
        self._ledger = ledger
        self._collected = collected
        self._wake_forwarder = wake_forwarder
        self._keys_wanted = keys_wanted
        self._stopping = self._flush_wanted = False
        self._bell, self._bell_end = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_end.setblocking(False)
        self._seldom = Seldom()

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
                    self._drain()
                    if self._flush_wanted:
                        self._flush()
            for _ in range(_LAST_DRAINS):
                if not self._drain():
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

    def _drain(self) -> int:
        ingest, ledger, port = self._ingest, self._ledger, self._port
        datagrams = port.receive(0)
        if not datagrams:
            return 0
        begun = time.perf_counter()
        refused_before = ingest.refused.total()
        unknown_before = ingest.refused[UNKNOWN_SENSOR]
        with ledger.lock:
            before = ledger.holding.readings
            group = Group(ledger.holding.copy())
            while datagrams:
                ingest.take(datagrams, time.time_ns() // 1_000_000, group)
                if group.at_once:
                    port.send(group.at_once)
                    group.at_once = []
                # What came meanwhile shares the commit.
                datagrams = port.receive(group.taken)
            committed = ledger.insert(group)
            due = bool(committed and group.outbox)
            if group.wanted:
                due |= ledger.promote(group.wanted)
            utc_ms = time.time_ns() // 1_000_000
            if committed and group:
                self._collected.add(group.after.readings - before, utc_ms)
            replies = ingest.settle(group, utc_ms, committed=committed)
            due |= ledger.holding.flushing
        if replies:
            port.send(replies)
            self.latency.add(time.perf_counter() - begun, len(replies))
        if due or (not committed and ledger.relieve()):
            self._wake_forwarder()
        if ingest.refused.total() != refused_before:
            if ingest.refused[UNKNOWN_SENSOR] != unknown_before:
                self._keys_wanted()
            if self._seldom.now("refused"):
                counts = " ".join(f"{reason}={n}" for reason, n in ingest.refused.items())
                log.warning("refused-datagrams since-start %s", counts)
        return group.taken

    def _flush(self) -> None:
        self._flush_wanted = False
        self._ledger.flush_all()
        self._wake_forwarder()

    def _ring(self) -> None:
        # It may be ringing already, or have stopped already.
        with suppress(OSError):
            self._bell.send(b"!")
