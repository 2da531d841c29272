"""What differs between CPython, MicroPython on unix and MicroPython on an ESP32 for the sensor: time and sockets."""

import select
import socket
import time

try:
    from time import ticks_diff, ticks_us  # type: ignore[attr-defined]
except ImportError:

    def ticks_us() -> int:
        return time.monotonic_ns() // 1000

    def ticks_diff(end: int, start: int) -> int:
        return end - start


class Counter:
    """Microseconds since boot as a number that only grows; the board's own counter wraps every 18 minutes.

    Call `now_us` more often than every nine minutes, or a wrap is missed.
    """

    def __init__(self) -> None:
        self._ticks = ticks_us()
        self._us = 0

    def now_us(self) -> int:
        """The count now."""
        ticks = ticks_us()
        self._us += ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._us


class Wire:
    """One UDP socket and the addresses of the relays."""

    def __init__(self, relays: "list[tuple[int, str, int]]") -> None:
        # An address is a tuple on one runtime and bytes on another: what getaddrinfo gives is handed on as it is.
        self._addresses = {}
        for relay_id, host, port in relays:
            self._addresses[relay_id] = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0][-1]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def send(self, relay_id: int, datagram: bytes) -> bool:
        """False if the network stack did not take it (no memory, no route, no Wi-Fi): that is a loss like any other."""
        try:
            self._socket.sendto(datagram, self._addresses[relay_id])
        except OSError:
            return False
        return True

    def receive(self, wait_us: int) -> "bytes | None":
        """The next datagram, cut to 64 bytes (no reply is longer); None if none came within `wait_us`, in steps of 1 ms."""
        try:
            if not self._poll.poll((wait_us + 999) // 1000):
                return None
            return self._socket.recvfrom(64)[0]
        except OSError:
            # A closed port at a relay's address is reported here by some systems, and never by a board.
            return None

    def close(self) -> None:
        """Gives the socket back."""
        self._socket.close()
