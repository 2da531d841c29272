"""What travels between relay and remote: batches of DATA frames, and the remote's receipt for each. Host only, without I/O.

Both are authenticated end to end with keys of the origin relay (keys.py), so whoever carries them can neither change nor forge
them. Layouts: docs/protocol.md, "Batch" and "Receipt". A batch's id is the digest of its frames: the same frames, the same id.
"""

import struct
from hashlib import sha256

from .crypto import Cmac, same
from .errors import AuthError, FrameError, MisuseError
from .frames import MAX_DATAGRAM, MIN_DATA, TAG_BYTES

MAX_FRAMES = 10_000
_MIN_FRAME = MIN_DATA - TAG_BYTES
_MAX_FRAME = MAX_DATAGRAM - TAG_BYTES
_BATCH_MAGIC = b"GEB\x01"
_RECEIPT_MAGIC = b"GER\x01"
_BATCH_HEAD = ">4sI16sI"
_RECEIPT = ">4sI16sIII"
_MAC_BYTES = 16
_ID_BYTES = 16
_HEAD_BYTES = 28
RECEIPT_BYTES = 36 + _MAC_BYTES
MAX_BATCH_BYTES = _HEAD_BYTES + MAX_FRAMES * (2 + _MAX_FRAME) + _MAC_BYTES


class Receipt:
    """The remote has in its own storage what this batch held: new ones, ones it had, and ones it put in quarantine."""

    __slots__ = ("batch_id", "known", "quarantined", "relay_id", "stored")

    def __init__(self, relay_id: int, batch_id: bytes, stored: int, known: int, quarantined: int) -> None:
        self.relay_id = relay_id
        self.batch_id = batch_id
        self.stored = stored
        self.known = known
        self.quarantined = quarantined

    def pack(self, mac: Cmac) -> bytes:
        """The receipt's bytes, authenticated with `relay_keys.receipt_key` of the origin relay. Raises MisuseError."""
        if len(self.batch_id) != _ID_BYTES:
            raise MisuseError("a batch id has 16 bytes")
        for number in (self.relay_id, self.stored, self.known, self.quarantined):
            if not 0 <= number < 1 << 32:
                raise MisuseError("a receipt's numbers are unsigned and have 32 bits")
        body = struct.pack(
            _RECEIPT, _RECEIPT_MAGIC, self.relay_id, self.batch_id, self.stored, self.known, self.quarantined
        )
        return body + mac.tag(body)


def pack_batch(relay_id: int, frames: "list[bytes]", mac: Cmac) -> "tuple[bytes, bytes]":
    """(batch id, body) of 1 to 10,000 DATA frames without link tags, authenticated with `relay_keys.batch_key`."""
    if not 0 < len(frames) <= MAX_FRAMES or not 0 <= relay_id < 1 << 32:
        raise MisuseError("1 to 10,000 frames a batch, and a relay id of 32 bits")
    if not all(_MIN_FRAME <= len(frame) <= _MAX_FRAME for frame in frames):
        raise MisuseError("a frame of a length that no DATA frame has")
    content = b"".join([len(frame).to_bytes(2, "big") + frame for frame in frames])
    batch_id = _id_of(content)
    body = struct.pack(_BATCH_HEAD, _BATCH_MAGIC, relay_id, batch_id, len(frames)) + content
    return batch_id, body + mac.tag(body)


def _id_of(content: bytes) -> bytes:
    return sha256(content).digest()[:_ID_BYTES]


def batch_sender(body: bytes) -> int:
    """The relay that a batch says it is from; it says which key to verify it with. Raises FrameError."""
    if len(body) < _HEAD_BYTES + _MAC_BYTES or body[:4] != _BATCH_MAGIC:
        raise FrameError("batch", "not a batch of this version")
    return int.from_bytes(body[4:8], "big")


def read_batch(body: bytes, mac: Cmac) -> "tuple[bytes, list[bytes]]":
    """(batch id, frames) of a verified batch. Raises AuthError, or FrameError if what the relay sealed is no batch."""
    batch_sender(body)
    if not same(mac.tag(body[:-_MAC_BYTES]), body[-_MAC_BYTES:]):
        raise AuthError("batch", "does not verify")
    _, _, batch_id, count = struct.unpack(_BATCH_HEAD, body[:_HEAD_BYTES])
    if not 0 < count <= MAX_FRAMES:
        raise FrameError("batch", "a count out of range")
    frames: list[bytes] = []
    at, end = _HEAD_BYTES, len(body) - _MAC_BYTES
    while at < end and len(frames) < count:
        begin = at + 2
        length = body[at] << 8 | body[at + 1]  # the MAC is behind it all
        at = begin + length
        if not _MIN_FRAME <= length <= _MAX_FRAME or at > end:
            raise FrameError("batch", "a frame of a wrong length")
        frames.append(body[begin:at])
    if at != end or len(frames) != count:
        raise FrameError("batch", "another count than it says")
    if batch_id != _id_of(body[_HEAD_BYTES:end]):
        raise FrameError("batch", "an id that is not its frames' digest")
    return batch_id, frames


def read_receipt(body: bytes, mac: Cmac) -> Receipt:
    """A verified receipt. Raises FrameError or AuthError."""
    if len(body) != RECEIPT_BYTES or body[:4] != _RECEIPT_MAGIC:
        raise FrameError("receipt", "not a receipt of this version")
    if not same(mac.tag(body[:-_MAC_BYTES]), body[-_MAC_BYTES:]):
        raise AuthError("receipt", "does not verify")
    return Receipt(*struct.unpack(_RECEIPT, body[:-_MAC_BYTES])[1:])
