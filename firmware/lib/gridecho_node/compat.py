"""What differs between CPython, MicroPython on unix and MicroPython on an ESP32 for the sensor: time and sockets."""

import select
import socket
import sys
import time

from gridecho.compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Counter", "Wire", "forget", "heap_free", "ticks_diff", "ticks_ms", "unwrapped")

try:
    from time import ticks_diff, ticks_ms, ticks_us  # type: ignore[attr-defined]
except ImportError:

    def ticks_ms() -> int:
        return time.monotonic_ns() // 1_000_000

    def ticks_us() -> int:
        return time.monotonic_ns() // 1000

    def ticks_diff(end: int, start: int) -> int:
        return end - start


_PERIOD_BITS = const(30)  # a board's ticks come again after 2^30; the unix VM's after so long that it never matters


def unwrapped(ticks: int, about: int) -> int:
    """What is `ticks` but for whole periods, as near to `about` as can be."""
    return ticks + ((about - ticks + (1 << _PERIOD_BITS - 1)) >> _PERIOD_BITS << _PERIOD_BITS)


try:
    from gc import mem_free  # type: ignore[attr-defined]
except ImportError:

    def mem_free() -> int:
        return 0


def heap_free() -> int:
    """Bytes; 0 where the heap has no end."""
    return int(mem_free())


def forget(*names: str) -> None:
    """Takes these modules out of a board's heap, unless something still holds on to them; importing one again reads it again."""
    if sys.implementation.name != "micropython":
        return
    for name in names:
        if name in sys.modules:
            del sys.modules[name]
            package, _, last = name.rpartition(".")
            delattr(sys.modules[package], last)


class Counter:
    """Microseconds since boot as a number that only grows.

    The board's microseconds wrap every 18 minutes and its milliseconds every 12 days; only a technician at the REPL lets so much
    time go by between two calls.
    """

    def __init__(self) -> None:
        self._ticks, self._ticks_ms = ticks_us(), ticks_ms()
        self._us = 0

    def now_us(self) -> int:
        """The count now."""
        ticks, now_ms = ticks_us(), ticks_ms()
        ms = ticks_diff(now_ms, self._ticks_ms)
        if ms < 0:
            ms += 1 << _PERIOD_BITS
        self._us += unwrapped(ticks_diff(ticks, self._ticks), ms * 1000)
        self._ticks, self._ticks_ms = ticks, now_ms
        return self._us


class Wire:
    """One UDP socket and the addresses of the relays."""

    def __init__(self, relays: "list[tuple[int, str, int]]") -> None:
        self.largest = 64  # of what is received, in bytes: no reply is longer but the pieces of an order
        self._relays = relays
        # An address is a tuple on one runtime and bytes on another: what getaddrinfo gives is handed on as it is.
        self._addresses: dict[int, Any] = {}
        for relay_id, _, _ in relays:
            self.look_up(relay_id)
        self._open()

    def look_up(self, relay_id: int) -> bool:
        """Asks for the address of the relay's name; whether it is another than before. May block for seconds."""
        for other, host, port in self._relays:
            if other == relay_id:
                try:
                    address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0][-1]
                except OSError:
                    break
                changed = address != self._addresses.get(relay_id)
                self._addresses[relay_id] = address
                return changed
        return False

    def _open(self) -> None:
        self._poll = select.poll()
        try:
            self._socket: Any = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._poll.register(self._socket, select.POLLIN)
        except OSError:  # a radio that failed may leave no network stack, and no socket until `reopen`
            self._socket = None

    def reopen(self) -> None:
        """After the network was joined anew: a new socket."""
        self.close()
        self._open()

    def unresolved(self) -> "list[int]":
        """Relays whose name no server knew; nothing is sent to them."""
        return [relay_id for relay_id, _, _ in self._relays if relay_id not in self._addresses]

    def send(self, relay_id: int, datagram: bytes) -> bool:
        """False if the network stack did not take it (no memory, no address, no Wi-Fi): that is a loss like any other."""
        try:
            self._socket.sendto(datagram, self._addresses[relay_id])
        except (OSError, KeyError, AttributeError):
            return False
        return True

    def receive(self, wait_us: int) -> "bytes | None":
        """The next datagram, cut to `largest`; None if none came within `wait_us`, in steps of 1 ms."""
        if self._socket is None:
            time.sleep(wait_us / 1_000_000)
            return None
        try:
            if not self._poll.poll((wait_us + 999) // 1000):
                return None
            return self._socket.recvfrom(self.largest)[0]  # type: ignore[no-any-return]
        except OSError:
            # A closed port at a relay's address is reported here by some systems, and never by a board.
            return None

    def close(self) -> None:
        """Gives the socket back."""
        if self._socket is not None:
            self._socket.close()
