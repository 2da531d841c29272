"""Many datagrams a system call on Linux (sendmmsg, recvmmsg through ctypes), one a call elsewhere; both with the same face.

The message headers for every datagram of the traffic are laid out once, so that sending any stretch of it is one call and no work.
"""

import ctypes
import mmap
import os
import socket
import struct
import sys
from array import array
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gridecho.frames import CONTROL_BYTES

from .relay_traffic import STRIDE, Traffic

REPLY_STRIDE = CONTROL_BYTES + 4  # a longer reply is seen as such
_AT_ONCE = 512
_WAIT_S = 0.02
_BUFFER_BYTES = 4 << 20
_MSG_WAITFORONE = 0x10000
_HEADER_WORDS = 8  # struct mmsghdr with 64-bit pointers: name, its length, iov, 1, control, its length, flags, received
_LENGTH_AT, _HEADER_INTS = 14, 16


class Port(Protocol):
    """A UDP socket that talks to one address only."""

    sock: socket.socket

    def send(self, first: int, count: int) -> int:
        """Sends datagrams first .. first+count-1; says how many the kernel took."""
        ...

    def receive(self, wait: bool = True) -> tuple[int, bytes, int]:
        """(how many replies came, REPLY_STRIDE bytes for each, how many had another length); waits 20 ms at most."""
        ...

    def close(self) -> None: ...


def open_port(address: tuple[str, int], traffic: Traffic, plain: bool = False) -> Port:
    """The fastest that this machine has, or with `plain` the slower one."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    sock.connect(address)
    if plain or not sys.platform.startswith("linux") or struct.calcsize("P") != 8:
        return PlainPort(sock, traffic)
    return MmsgPort(sock, traffic)


class _Closing:
    sock: socket.socket

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class PlainPort(_Closing):
    """`send` and `recv`, one datagram each."""

    def __init__(self, sock: socket.socket, traffic: Traffic) -> None:
        self.sock = sock
        self._whole = memoryview(traffic.datagrams.read_bytes())
        self._lengths = array("Q", traffic.lengths.read_bytes())

    def send(self, first: int, count: int) -> int:
        for number in range(first, first + count):
            at = STRIDE * number
            try:
                self.sock.send(self._whole[at : at + self._lengths[number]])
            except OSError:
                return number - first
        return count

    def receive(self, wait: bool = True) -> tuple[int, bytes, int]:
        got: list[bytes] = []
        odd = 0
        self.sock.settimeout(_WAIT_S if wait else 0)
        while len(got) < _AT_ONCE:
            try:
                reply = self.sock.recv(REPLY_STRIDE)
            except OSError:
                break
            self.sock.settimeout(0)
            odd += len(reply) != CONTROL_BYTES
            got.append(reply.ljust(REPLY_STRIDE, b"\0"))
        self.sock.settimeout(None)
        return len(got), b"".join(got), odd


class MmsgPort(_Closing):
    """`sendmmsg` and `recvmmsg`, see Linux's manual pages of these names."""

    def __init__(self, sock: socket.socket, traffic: Traffic) -> None:
        self.sock = sock
        libc = ctypes.CDLL(None, use_errno=True)
        self._sendmmsg, self._recvmmsg = libc.sendmmsg, libc.recvmmsg
        self._sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._recvmmsg.argtypes = (*self._sendmmsg.argtypes, ctypes.c_void_p)
        seconds, rest = divmod(_WAIT_S, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(seconds), int(rest * 1_000_000)))
        with traffic.datagrams.open("rb") as file:
            self._whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._whole))
        self._out_parts, self._out = _headers(base, STRIDE, array("Q", traffic.lengths.read_bytes()))
        self._in_bytes = bytearray(REPLY_STRIDE * _AT_ONCE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._in_bytes))
        self._in_parts, self._in = _headers(base, REPLY_STRIDE, array("Q", [REPLY_STRIDE]) * _AT_ONCE)
        self._in_ints = memoryview(self._in).cast("B").cast("I")
        self._out_at, self._in_at = self._out.buffer_info()[0], self._in.buffer_info()[0]

    def send(self, first: int, count: int) -> int:
        taken: int = self._sendmmsg(self.sock.fileno(), self._out_at + 8 * _HEADER_WORDS * first, min(count, 1024), 0)
        return max(taken, 0)

    def receive(self, wait: bool = True) -> tuple[int, bytes, int]:
        flags = _MSG_WAITFORONE if wait else socket.MSG_DONTWAIT
        n: int = self._recvmmsg(self.sock.fileno(), self._in_at, _AT_ONCE, flags, None)
        if n <= 0:
            return 0, b"", 0
        lengths = self._in_ints[_LENGTH_AT : _HEADER_INTS * n : _HEADER_INTS].tolist()
        return n, bytes(memoryview(self._in_bytes)[: REPLY_STRIDE * n]), n - lengths.count(CONTROL_BYTES)


def _headers(base: int, stride: int, lengths: "array[int]") -> "tuple[array[int], array[int]]":
    """(struct iovec, struct mmsghdr) for each of the datagrams that lie `stride` bytes apart from `base` on."""
    n = len(lengths)
    parts = array("Q", bytes(16 * n))
    parts[0::2] = array("Q", range(base, base + stride * n, stride))
    parts[1::2] = lengths
    first = parts.buffer_info()[0]
    headers = array("Q", bytes(8 * _HEADER_WORDS * n))
    headers[2::_HEADER_WORDS] = array("Q", range(first, first + 16 * n, 16))
    headers[3::_HEADER_WORDS] = array("Q", [1]) * n
    return parts, headers


def timer_slack(ns: int = 1) -> None:
    """Lets this process wake up when it asked for it, on Linux: by default up to 50 us later."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(29, ns, 0, 0, 0)  # PR_SET_TIMERSLACK


def cpu_s(pid: int) -> float | None:
    """User and system time of a process so far, in steps of 10 ms; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
