"""The wires between a virtual board and what runs it: words on the console that no terminal shows (APC strings, ECMA-48 8.3.2)."""

import os
import socket
import sys
import time

mac = b"\x02\x00\x00\x00\x00\x01"  # both are set before the firmware starts
reset_cause = 1

try:
    from time import ticks_diff, ticks_ms
except ImportError:

    def ticks_ms():
        return time.monotonic_ns() // 1_000_000

    def ticks_diff(end, start):
        return end - start


def tell(word):
    """Tells the board's keeper something and goes on."""
    sys.stdout.write("\x1b_gridecho:" + word + "\x1b\\")
    sys.stdout.flush()


def ask(word):
    """Asks for something that ends this run (a reset), which nothing on the board can catch or delay: never returns."""
    tell(word)
    while True:
        try:  # noqa: SIM105  # no contextlib on a board
            time.sleep(1)
        except KeyboardInterrupt:
            pass


def wire(name):
    """The socket to what is wired to "uart2" or "pin27", as the board's keeper says in the environment; None if nothing is."""
    place = os.getenv("GRIDECHO_WIRE_" + name.upper())
    if not place:
        return None
    host, _, port = place.rpartition(":")
    link = socket.socket()
    try:
        link.connect(socket.getaddrinfo(host, int(port))[0][-1])
    except OSError:
        link.close()
        return None
    return link
