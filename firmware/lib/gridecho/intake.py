"""What relay and remote do with a sensor's frames: whose they are, what their header says, opening them. Not for a board."""

import struct

from .crypto import Siv
from .errors import FrameError
from .frames import DATA, HEADER, MAX_DATAGRAM, MIN_DATA, SEND, STORE, TAG_BYTES, VERSION, DataHeader

_DATA_HEADER = ">BBBBIIII"


def sender_of(datagram: bytes) -> "tuple[int, int]":
    """(sensor id, key id) of any frame that `kind_of` takes: they say which keys to verify it with."""
    return int.from_bytes(datagram[4:8], "big"), datagram[2]


def read_header(frame: bytes) -> DataHeader:
    """The header of a DATA frame with or without its link tag. Raises FrameError for a field out of range."""
    if len(frame) < HEADER:
        raise FrameError("header", "cut short")
    first, *fields = struct.unpack(_DATA_HEADER, frame[:HEADER])
    if first != VERSION << 4 | DATA:
        raise FrameError("header", "not a DATA frame of this version")
    if fields[0] not in (STORE, SEND):
        raise FrameError("header", "unknown operation tag")
    if not fields[2]:
        raise FrameError("header", "no readings")
    return DataHeader(*fields)


def unseal(frame: bytes, siv: Siv) -> "tuple[DataHeader, bytes]":
    """(header, encoded readings) of a DATA frame without link tag. Raises FrameError or AuthError."""
    if not MIN_DATA - TAG_BYTES <= len(frame) <= MAX_DATAGRAM - TAG_BYTES:
        raise FrameError("frame", "a DATA frame of a wrong length")
    header = read_header(frame)
    return header, siv.open(bytes(frame[HEADER:]), bytes(frame[:HEADER]))
