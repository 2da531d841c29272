"""Datagrams between sensor and relay, to the bit as in docs/protocol.md. All numbers big-endian.

A DATA frame is a 20-byte header, the SIV and the ciphertext; on the wire an 8-byte link tag follows. PROBE, ECHO, ACK and
NACK share one 36-byte layout, so that no reply is longer than its request. FETCH and PIECE are read in orders.py.
"""

import struct

from .compat import const
from .crypto import Cmac, Siv, same
from .errors import AuthError, FrameError, MisuseError

VERSION = 1
DATA, ACK, NACK, PROBE, ECHO = 1, 2, 3, 4, 5
FETCH, PIECE = 6, 7  # their content is in orders.py, which a board imports only when there is an order
STORE, SEND = 1, 2  # operation tags
OK, BUSY, STALE = 0, 1, 2  # the low nibble of a reply's status
LIVE_WANTED = 0x10  # a flag beside it: someone looks at this sensor now
ORDER_WAITING = 0x20  # another: the remote has new settings or firmware for it

MAX_DATAGRAM = 1200
HEADER = 20
SIV_BYTES = 16
TAG_BYTES = 8
CONTROL_BYTES = 36
MAX_SEALED = MAX_DATAGRAM - HEADER - TAG_BYTES
MIN_DATA = HEADER + SIV_BYTES + 1 + TAG_BYTES
MIN_FETCH = HEADER + SIV_BYTES + 32 + TAG_BYTES  # as long as the head of an order, which may answer every FETCH

_DATA_HEADER = ">BBBBIIII"
_CONTROL = ">BBBBIIIQI"
_U32 = const(1 << 32)


class DataHeader:
    """The 20 bytes before the SIV: they are authenticated, not secret. sensor_id, epoch and seq are the data id."""

    __slots__ = ("count", "epoch", "key_id", "op", "sensor_id", "seq", "time_s")

    def __init__(self, op: int, key_id: int, count: int, sensor_id: int, epoch: int, seq: int, time_s: int) -> None:
        self.op = op
        self.key_id = key_id
        self.count = count
        self.sensor_id = sensor_id
        self.epoch = epoch
        self.seq = seq
        self.time_s = time_s

    def pack(self) -> bytes:
        """The header's 20 bytes. Raises MisuseError for a field out of range."""
        # struct on MicroPython cuts what does not fit, in silence.
        if (
            self.op not in (STORE, SEND)
            or not 0 <= self.key_id < 256
            or not 0 < self.count < 256
            or not (0 <= self.sensor_id < _U32 and 0 <= self.epoch < _U32)
            or not (0 <= self.seq < _U32 and 0 <= self.time_s < _U32)
        ):
            raise MisuseError("a field out of range")
        return struct.pack(
            _DATA_HEADER,
            VERSION << 4 | DATA,
            self.op,
            self.key_id,
            self.count,
            self.sensor_id,
            self.epoch,
            self.seq,
            self.time_s,
        )


class Control:
    """PROBE, ECHO, ACK or NACK. `retry_after_s` is a NACK's; `utc_ms` is the relay's clock, 0 in a PROBE.

    ACK and NACK repeat the data id; a PROBE carries the sensor's id, its epoch and the number of the probe, the ECHO repeats it.
    """

    __slots__ = ("epoch", "key_id", "kind", "relay_id", "retry_after_s", "sensor_id", "seq", "status", "utc_ms")

    def __init__(
        self,
        kind: int,
        status: int,
        key_id: int,
        retry_after_s: int,
        sensor_id: int,
        epoch: int,
        seq: int,
        utc_ms: int,
        relay_id: int,
    ) -> None:
        self.kind = kind
        self.status = status
        self.key_id = key_id
        self.retry_after_s = retry_after_s
        self.sensor_id = sensor_id
        self.epoch = epoch
        self.seq = seq
        self.utc_ms = utc_ms
        self.relay_id = relay_id

    def pack(self, link: Cmac) -> bytes:
        """The whole 36-byte datagram with its link tag. Raises MisuseError for a field out of range."""
        if (
            self.kind not in (ACK, NACK, PROBE, ECHO)
            or not (0 <= self.status < 256 and 0 <= self.key_id < 256 and 0 <= self.retry_after_s < 256)
            or not (0 <= self.sensor_id < _U32 and 0 <= self.epoch < _U32 and 0 <= self.seq < _U32)
            or not (0 <= self.utc_ms < 1 << 48 and 0 <= self.relay_id < _U32)
        ):
            raise MisuseError("a field out of range")
        return tag(
            struct.pack(
                _CONTROL,
                VERSION << 4 | self.kind,
                self.status,
                self.key_id,
                self.retry_after_s,
                self.sensor_id,
                self.epoch,
                self.seq,
                self.utc_ms,
                self.relay_id,
            ),
            link,
        )


def kind_of(datagram: bytes) -> int:
    """DATA, ACK, NACK, PROBE, ECHO, FETCH or PIECE. Raises FrameError for another version, type or length."""
    n = len(datagram)
    if not n:
        raise FrameError("frame", "empty")
    if datagram[0] >> 4 != VERSION:
        raise FrameError("frame", "unknown version")
    kind = datagram[0] & 15
    if kind in (DATA, FETCH, PIECE):
        if not (MIN_FETCH if kind == FETCH else MIN_DATA) <= n <= MAX_DATAGRAM:
            raise FrameError("frame", "a wrong length")
    elif ACK <= kind <= ECHO:
        if n != CONTROL_BYTES:
            raise FrameError("frame", "a wrong length")
    else:
        raise FrameError("frame", "unknown type")
    return kind


def tag(frame: bytes, link: Cmac) -> bytes:
    """The frame with its link tag: the first 8 bytes of AES-CMAC over all of it."""
    return frame + link.tag(frame)[:TAG_BYTES]


def untag(datagram: bytes, link: Cmac) -> bytes:
    """The frame before the link tag. Raises AuthError if the tag is not this link's."""
    frame = bytes(datagram[:-TAG_BYTES])
    if not same(link.tag(frame)[:TAG_BYTES], datagram[-TAG_BYTES:]):
        raise AuthError("link tag", "does not verify")
    return frame


def read_control(datagram: bytes, link: Cmac) -> Control:
    """The verified content of a PROBE, ECHO, ACK or NACK. Raises FrameError or AuthError."""
    if not ACK <= kind_of(datagram) <= ECHO:
        raise FrameError("frame", "not a control frame")
    first, *fields = struct.unpack(_CONTROL, untag(datagram, link))
    if fields[6] >> 48:
        raise FrameError("control", "a field out of range")
    return Control(first & 15, *fields)


def seal(header: DataHeader, readings: bytes, siv: Siv) -> bytes:
    """A DATA frame without link tag: header, SIV and encrypted `readings` (what `readings.encode` gave)."""
    if not 0 < len(readings) <= MAX_SEALED - SIV_BYTES:
        raise MisuseError("a wrong length")
    head = header.pack()
    return head + siv.seal(readings, head)
