"""Orders: settings, firmware or a root key, sealed by the remote for one sensor and cut into pieces, which it fetches from a relay.

A PIECE without its link tag is a 20-byte header, the SIV and the ciphertext, as a DATA frame is; the header is associated data. The
piece with index 0, the head, holds the SHA-256 of the whole content; 1, 2, ... hold the content, 1,024 bytes each but the last.
"""

import struct
from hashlib import sha256

from .compat import const
from .crypto import Cmac, Siv
from .errors import FrameError, MisuseError
from .frames import FETCH, HEADER, MIN_FETCH, PIECE, SIV_BYTES, TAG_BYTES, VERSION, kind_of, tag, untag

TYPE_CHECKING = False  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG, FIRMWARE, KEY = 1, 2, 3  # kinds of orders
MAX_CONFIG_BYTES = 8192
KEY_BYTES = 33  # a new key id and root key
MAX_FIRMWARE_BYTES = 512 * 1024
PIECE_BYTES = 1024
HEAD_BYTES = 32
OVERHEAD = HEADER + SIV_BYTES  # of a piece without link tag

_LAYOUT = ">BBBBIIII"
_U32 = const(1 << 32)


class Order:
    """What stands in the open in each piece of an order; `size` is the content's length in bytes."""

    __slots__ = ("key_id", "kind", "sensor_id", "size", "version")

    def __init__(self, kind: int, key_id: int, sensor_id: int, version: int, size: int) -> None:
        self.kind = kind
        self.key_id = key_id
        self.sensor_id = sensor_id
        self.version = version
        self.size = size

    def count(self) -> int:
        """The index of the last piece: so many hold the content."""
        return (self.size + PIECE_BYTES - 1) // PIECE_BYTES

    def length(self, index: int) -> int:
        """How many bytes the piece holds, without header, SIV and link tag."""
        if not index:
            return HEAD_BYTES
        return min(PIECE_BYTES, self.size - (index - 1) * PIECE_BYTES)

    def problem(self) -> "str | None":
        """What is wrong with the fields, if anything is."""
        if not CONFIG <= self.kind <= KEY:
            return "unknown kind"
        if not 0 < self.version < _U32 or not 0 < self.sensor_id < _U32 or not 0 <= self.key_id < 256:
            return "an id or version out of range"
        most = (MAX_CONFIG_BYTES, MAX_FIRMWARE_BYTES, KEY_BYTES)[self.kind - CONFIG]
        if not 0 < self.size <= most or (self.kind == KEY and self.size != KEY_BYTES):
            return "a size out of range"
        return None

    def pack(self, index: int) -> bytes:
        """The 20 bytes before the SIV of a piece. Raises MisuseError for a field out of range."""
        if self.problem() or not 0 <= index <= self.count():
            raise MisuseError("an order's field is out of range")
        first = VERSION << 4 | PIECE
        return struct.pack(_LAYOUT, first, self.kind, self.key_id, 0, self.sensor_id, self.version, self.size, index)


def seal_order(order: Order, content: bytes, siv: Siv) -> "Iterator[bytes]":
    """All pieces of an order without link tags, the head first. Raises MisuseError if `content` does not fit the order."""
    if len(content) != order.size:
        raise MisuseError("an order of another size")
    for index in range(order.count() + 1):
        at = (index - 1) * PIECE_BYTES
        plain = content[at : at + PIECE_BYTES] if index else sha256(content).digest()
        head = order.pack(index)
        yield head + siv.seal(plain, head)


def read_piece(frame: bytes) -> "tuple[Order, int]":
    """(order, index) of a piece without link tag: what stands in the open. Raises FrameError."""
    if len(frame) <= OVERHEAD:
        raise FrameError("piece", "cut short")
    first, kind, key_id, zero, sensor_id, version, size, index = struct.unpack(_LAYOUT, frame[:HEADER])
    if first != VERSION << 4 | PIECE or zero:
        raise FrameError("piece", "not a PIECE of this version")
    order = Order(kind, key_id, sensor_id, version, size)
    problem = order.problem()
    if problem is not None:
        raise FrameError("piece", problem)
    if index > order.count() or len(frame) != OVERHEAD + order.length(index):
        raise FrameError("piece", "an index or a length that does not fit")
    return order, index


def open_piece(frame: bytes, siv: Siv) -> bytes:
    """What a piece without link tag holds: the content's SHA-256 (the head) or a part of it. Raises FrameError, AuthError."""
    read_piece(frame)
    return siv.open(bytes(frame[HEADER:]), bytes(frame[:HEADER]))


def split_order(sealed: bytes) -> "tuple[Order, list[bytes]]":
    """(order, its pieces) of what a remote hands to a relay: all pieces without link tags, joined. Raises FrameError."""
    order, _ = read_piece(sealed[: OVERHEAD + HEAD_BYTES])
    pieces = []
    at = 0
    for index in range(order.count() + 1):
        end = at + OVERHEAD + order.length(index)
        piece = sealed[at:end]
        other, found = read_piece(piece)
        if found != index or other.pack(index) != order.pack(index):
            raise FrameError("order", "pieces that do not belong together")
        pieces.append(piece)
        at = end
    if at != len(sealed):
        raise FrameError("order", "bytes after the last piece")
    return order, pieces


class Fetch:
    """A sensor asks for a piece; version 0: the head of whatever waits."""

    __slots__ = ("index", "key_id", "sensor_id", "version")

    def __init__(self, key_id: int, sensor_id: int, version: int, index: int) -> None:
        self.key_id = key_id
        self.sensor_id = sensor_id
        self.version = version
        self.index = index

    def pack(self, link: Cmac, held_bytes: int = HEAD_BYTES) -> bytes:
        """The whole datagram, as long as the PIECE that answers it if that holds `held_bytes`. Raises MisuseError."""
        if (
            not (0 <= self.key_id < 256 and 0 <= self.sensor_id < _U32)
            or not (0 <= self.version < _U32 and 0 <= self.index < _U32)
            or not 0 < held_bytes <= PIECE_BYTES
        ):
            raise MisuseError("a FETCH's field is out of range")
        first = VERSION << 4 | FETCH
        head = struct.pack(_LAYOUT, first, 0, self.key_id, 0, self.sensor_id, self.version, 0, self.index)
        return tag(head + bytes(max(MIN_FETCH, OVERHEAD + held_bytes + TAG_BYTES) - HEADER - TAG_BYTES), link)


def read_fetch(datagram: bytes, link: Cmac) -> Fetch:
    """The verified content of a FETCH. Raises FrameError or AuthError."""
    if kind_of(datagram) != FETCH:
        raise FrameError("frame", "not a FETCH")
    frame = untag(datagram, link)
    _, status, key_id, zero, sensor_id, version, size, index = struct.unpack(_LAYOUT, frame[:HEADER])
    if status or zero or size or any(frame[HEADER:]):
        raise FrameError("fetch", "a field that should be 0")
    return Fetch(key_id, sensor_id, version, index)
