"""recvmmsg and sendmmsg of Linux through ctypes: up to 512 datagrams a system call. `LIBC` is None where there is none of it.

Layouts: struct msghdr, mmsghdr and iovec of 64-bit Linux (recvmmsg(2), sendmsg(2)). One MmsgPort has all its memory from the
start; a request's address stays in its slot, and the reply goes out from the same slot.
"""

import ctypes
import errno
import platform
import queue
import socket
import struct
import sys
import threading
from typing import Any

from gridecho.frames import CONTROL_BYTES, MAX_DATAGRAM

DRAIN = 512  # datagrams a group
_MANY = 64  # replies: so many are worth a thread's waking up

_SLOT = MAX_DATAGRAM + 16  # of a datagram; what is longer than allowed is seen as such
_NAME_SLOT = 32  # sockaddr_in6, the longer one, has 28 bytes
_HEADER_BYTES = 64  # struct mmsghdr: name, namelen, iov, iovlen, control, controllen, flags, len
_LENGTH = 14  # the 32-bit word in it that says how long a datagram was
_IN_ORDER = tuple(range(DRAIN))


def _libc() -> Any:
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or platform.architecture()[0] != "64bit":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return libc if hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg") else None


LIBC = _libc()


def _address_of(memory: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class _Slots:
    """`DRAIN` message headers with `size` bytes of memory each, in one piece; message i is to or from address i of `names`."""

    def __init__(self, names: int, name_bytes: int, size: int) -> None:
        memory, vectors, headers = bytearray(DRAIN * size), bytearray(DRAIN * 16), bytearray(DRAIN * _HEADER_BYTES)
        self.at = _address_of(headers)
        self.bytes = memoryview(memory)
        self.words = memoryview(headers).cast("I")
        self.lengths = memoryview(vectors).cast("Q")[1::2]
        self._names = memoryview(headers).cast("Q")[:: _HEADER_BYTES // 8]
        self._name_of = [names + i * _NAME_SLOT for i in range(DRAIN)]
        self._moved = 0  # so many of the first messages may be to another address
        for i in range(DRAIN):
            struct.pack_into("QQ", vectors, 16 * i, _address_of(memory) + i * size, size)
            vector = _address_of(vectors) + 16 * i
            struct.pack_into("QIxxxxQQ", headers, _HEADER_BYTES * i, self._name_of[i], name_bytes, vector, 1)

    def address(self, places: tuple[int, ...]) -> None:
        """Message i goes to address `places[i]`."""
        in_order = places == _IN_ORDER[: len(places)]
        if in_order and not self._moved:
            return  # as nearly always: everything of a group is answered
        for i, place in enumerate(_IN_ORDER[: self._moved] if in_order else places):
            self._names[i] = self._name_of[place]
        self._moved = 0 if in_order else max(self._moved, len(places))


class _Desk:
    """The memory of one group: its datagrams, where they came from, and its replies."""

    def __init__(self, family: int) -> None:
        self._addresses = bytearray(_NAME_SLOT * DRAIN)
        names = _address_of(self._addresses)
        name_bytes = 28 if family == socket.AF_INET6 else 16
        self.asked = _Slots(names, name_bytes, _SLOT)
        self.control, self.long = _Slots(names, name_bytes, CONTROL_BYTES), _Slots(names, name_bytes, _SLOT)
        self.free = threading.Event()  # none of its replies is still to be sent
        self.free.set()


class MmsgPort:
    """Receives groups and answers them; what a reply is for is said by its request's place in the group.

    The replies of a large group leave from a thread of their own, since most of their time is the kernel's: the next group is
    taken meanwhile. So there are two desks in turn.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.lost = 0  # replies that the system did not take
        self._fd = sock.fileno()
        self._desk, self._other = _Desk(sock.family), _Desk(sock.family)
        self._leaving: queue.SimpleQueue[tuple[_Desk, _Slots, int] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def receive(self, taken: int) -> list[bytes]:
        """The datagrams that are waiting, as the next ones of a group that has `taken` already; at most `DRAIN` in all."""
        if not taken:
            if not self._desk.free.is_set():
                self._desk, self._other = self._other, self._desk
            self._desk.free.wait()
        if taken >= DRAIN:
            return []
        asked = self._desk.asked
        headers = ctypes.c_void_p(asked.at + taken * _HEADER_BYTES)
        while True:
            n = LIBC.recvmmsg(self._fd, headers, DRAIN - taken, socket.MSG_DONTWAIT, None)
            if n >= 0:
                break
            # Anything else is an ICMP error for some earlier reply; it is gone with this call.
            if ctypes.get_errno() in (errno.EAGAIN, errno.EWOULDBLOCK):
                return []
        memory = asked.bytes
        lengths = asked.words[_LENGTH :: _HEADER_BYTES // 4][taken : taken + n].tolist()
        starts = range(taken * _SLOT, (taken + n) * _SLOT, _SLOT)
        return [bytes(memory[at : at + length]) for at, length in zip(starts, lengths, strict=True)]

    def send(self, replies: list[tuple[int, bytes]]) -> None:
        """Sends each reply to where the request at its place in the last group came from."""
        places, datagrams = zip(*replies, strict=True)
        desk = self._desk
        desk.free.wait()
        if {*map(len, datagrams)} == {CONTROL_BYTES}:
            slots = desk.control
            slots.bytes[: CONTROL_BYTES * len(places)] = b"".join(datagrams)
        else:
            slots = desk.long
            for i, datagram in enumerate(datagrams):
                slots.lengths[i] = len(datagram)
                slots.bytes[i * _SLOT : i * _SLOT + len(datagram)] = datagram
        slots.address(places)
        if len(places) < _MANY:
            self._send(slots, len(places))
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_leaving, name="replies", daemon=True)
            self._thread.start()
        desk.free.clear()
        self._leaving.put((desk, slots, len(places)))

    def close(self) -> None:
        """Waits until all replies have left."""
        if self._thread is not None:
            self._leaving.put(None)
            self._thread.join()
            self._thread = None

    def _send_leaving(self) -> None:
        while (leaving := self._leaving.get()) is not None:
            desk, slots, n = leaving
            self._send(slots, n)
            desk.free.set()

    def _send(self, slots: _Slots, n: int) -> None:
        sent = 0
        while sent < n:
            done = LIBC.sendmmsg(
                self._fd, ctypes.c_void_p(slots.at + sent * _HEADER_BYTES), n - sent, socket.MSG_DONTWAIT
            )
            if done > 0:
                sent += done
            elif ctypes.get_errno() != errno.EINTR:  # a full send buffer, no route: the sensor asks again
                sent += 1
                self.lost += 1


class PlainPort:
    """The same by recvfrom and sendto."""

    def __init__(self, sock: socket.socket) -> None:
        self.lost = 0
        self._sock = sock
        self._addresses: list[Any] = []

    def receive(self, taken: int) -> list[bytes]:
        """The datagrams that are waiting, as the next ones of a group that has `taken` already; at most `DRAIN` in all."""
        receive, addresses = self._sock.recvfrom, self._addresses
        del addresses[taken:]
        datagrams: list[bytes] = []
        while len(addresses) < DRAIN:
            try:
                # One byte more than allowed, so that a longer datagram is seen as such.
                datagram, address = receive(MAX_DATAGRAM + 1)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error for some earlier reply; it is gone with this call
            datagrams.append(datagram)
            addresses.append(address)
        return datagrams

    def send(self, replies: list[tuple[int, bytes]]) -> None:
        """Sends each reply to where the request at its place in the last group came from."""
        send, addresses = self._sock.sendto, self._addresses
        for place, reply in replies:
            try:
                send(reply, addresses[place])
            except OSError:  # a full send buffer, no route: the sensor asks again
                self.lost += 1

    def close(self) -> None:
        """Nothing is left to be sent."""


def open_port(sock: socket.socket) -> MmsgPort | PlainPort:
    """The quicker one of those that this system has."""
    return PlainPort(sock) if LIBC is None else MmsgPort(sock)
