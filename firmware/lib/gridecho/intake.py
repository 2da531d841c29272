"""What relay and remote do with a sensor's frames: whose they are, what their header says, opening them. Not for a board."""

import struct

from .crypto import Siv
from .errors import FrameError
from .frames import DATA, HEADER, MAX_DATAGRAM, MIN_DATA, SEND, STORE, TAG_BYTES, VERSION, DataHeader

_DATA_HEADER = ">BBBBIIII"
_ZERO = bytes(4)


def sender_of(datagram: bytes) -> "tuple[int, int]":
    """(sensor id, key id) of any frame that `kind_of` takes: they say which keys to verify it with."""
    return int.from_bytes(datagram[4:8], "big"), datagram[2]


def header_problem(head: bytes) -> "str | None":
    """What no DATA header may hold, if one of its fields (a frame's first 20 bytes) does: docs/protocol.md, "DATA".

    Relay, index and remote all ask here. Epoch 0 is none: a want says "any" by it (see holdings.fits).
    """
    if head[1] not in (STORE, SEND):
        return "unknown operation tag"
    if not head[3]:
        return "no readings"
    if head[4:8] == _ZERO or head[8:12] == _ZERO:
        return "a sensor id or an epoch of 0"
    return None


def read_header(frame: bytes) -> DataHeader:
    """The header of a DATA frame with or without its link tag. Raises FrameError for a field out of range."""
    if len(frame) < HEADER:
        raise FrameError("header", "cut short")
    first, *fields = struct.unpack(_DATA_HEADER, frame[:HEADER])
    if first != VERSION << 4 | DATA:
        raise FrameError("header", "not a DATA frame of this version")
    problem = header_problem(frame)
    if problem is not None:
        raise FrameError("header", problem)
    return DataHeader(*fields)


def unseal(frame: bytes, siv: Siv) -> "tuple[DataHeader, bytes]":
    """(header, encoded readings) of a DATA frame without link tag. Raises FrameError or AuthError."""
    if not MIN_DATA - TAG_BYTES <= len(frame) <= MAX_DATAGRAM - TAG_BYTES:
        raise FrameError("frame", "a DATA frame of a wrong length")
    header = read_header(frame)
    return header, siv.open(bytes(frame[HEADER:]), bytes(frame[:HEADER]))
