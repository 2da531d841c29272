"""The UDP plane: wait, drain what is there, commit it once, answer. One thread, no timer; groups form by themselves under load."""

import logging
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gridecho.frames import MAX_DATAGRAM
from gridecho_common.logs import Seldom
from gridecho_common.settings import SettingsError, split_address

from .ingest import UNKNOWN_SENSOR, Ingest
from .ledger import Ledger

Address = tuple[Any, ...]  # as recvfrom gave it

log = logging.getLogger(__name__)

_DRAIN = 512
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
        ingest: Ingest[Address],
        ledger: Ledger,
        wake_forwarder: Callable[[], None],
        keys_wanted: Callable[[], None],
    ) -> None:
        host, port = sock.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.replies_lost = 0
        self._sock = sock
        self._ingest = ingest
        self._ledger = ledger
        self._wake_forwarder = wake_forwarder
        self._keys_wanted = keys_wanted
        self._stopping = self._flush_wanted = False
        self._bell, self._bell_end = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_end.setblocking(False)
        self._seldom = Seldom()

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
        try:
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
        finally:
            self._ledger.close()

    def close(self) -> None:
        """Closes the sockets."""
        for sock in (self._sock, self._bell, self._bell_end):
            sock.close()

    def _drain(self) -> int:
        receive, take = self._sock.recvfrom, self._ingest.take
        refused_before = self._ingest.refused.total()
        unknown_before = self._ingest.refused[UNKNOWN_SENSOR]
        taken = 0
        while taken < _DRAIN:
            taken += 1
            try:
                # One byte more than allowed, so that a longer datagram is seen as such.
                datagram, sender = receive(MAX_DATAGRAM + 1)
            except BlockingIOError:
                taken -= 1
                break
            except OSError:
                continue  # an ICMP error for some earlier reply; it is gone with this call
            echo = take(datagram, sender, time.time_ns() // 1_000_000)
            if echo is not None:
                self._send(echo, sender)
        if self._ingest.waiting:
            self._commit_and_answer()
        if self._ingest.refused.total() != refused_before:
            if self._ingest.refused[UNKNOWN_SENSOR] != unknown_before:
                self._keys_wanted()
            if self._seldom.now("refused"):
                counts = " ".join(f"{reason}={n}" for reason, n in self._ingest.refused.items())
                log.warning("refused-datagrams since-start %s", counts)
        return taken

    def _commit_and_answer(self) -> None:
        ledger, ingest = self._ledger, self._ingest
        with ledger.lock:
            decision = ingest.decide(ledger.holding, ledger.find_held(ingest.wanted))
            committed = ledger.insert(decision)
            replies = ingest.settle(decision, time.time_ns() // 1_000_000, committed=committed)
            due = committed and (decision.outbox or decision.promoted or ledger.holding.flushing)
        for reply, sender in replies:
            self._send(reply, sender)
        if due:
            self._wake_forwarder()

    def _send(self, reply: bytes, sender: Address) -> None:
        try:
            self._sock.sendto(reply, sender)
        except OSError:  # a full send buffer, no route: the sensor asks again
            self.replies_lost += 1

    def _flush(self) -> None:
        self._flush_wanted = False
        self._ledger.flush_all()
        self._wake_forwarder()

    def _ring(self) -> None:
        # It may be ringing already, or have stopped already.
        with suppress(OSError):
            self._bell.send(b"!")
