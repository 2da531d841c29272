"""What a relay tells the remote of what it holds, and how the remote asks for it. Host only, without I/O.

A run is the tuple (sensor id, epoch, first seq, count, first time, step): `count` data ids one after the other, whose generation
times are exactly `first time + i * step` in Unix seconds. So runs say the same as one row a datum. A want is the tuple (sensor id,
epoch, first seq, last seq, first time, last time); epoch 0, which no sensor uses, stands for any.

Layouts: docs/protocol.md, "Index" and "Pull".
"""

import struct

from .crypto import Cmac, same
from .errors import AuthError, FrameError, MisuseError

MAX_RUNS = 100_000  # in a piece of the index
MAX_WANTS = 1_000  # in a pull request
MAX_LIVE = 1_000  # sensors that a heartbeat's answer says are looked at
MAX_PULL_ID = (1 << 63) - 1
ANY = (1 << 32) - 1  # the last seq or the last time of a want that is open there
RUN_BYTES = WANT_BYTES = 24
PIECE_HEAD_BYTES, PULL_HEAD_BYTES, KNOWN_BYTES = 36, 28, 40
MAX_PIECE_BYTES = PIECE_HEAD_BYTES + MAX_RUNS * RUN_BYTES + 16
MAX_PULL_BYTES = PULL_HEAD_BYTES + MAX_WANTS * WANT_BYTES + 16

_PIECE_MAGIC, _KNOWN_MAGIC, _PULL_MAGIC = b"GEI\x01", b"GEK\x01", b"GEP\x01"
_PIECE, _KNOWN, _PULL, _SIX = ">4sIQQQI", ">4sIQQ", ">4sIQQI", ">IIIIII"
_MAC_BYTES = 16


class Piece:
    """A part of the index of one relay: all that it holds with row ids above `start` and up to `end`, as runs.

    `left_out` runs of what was read cannot be, and are not among `runs`.
    """

    __slots__ = ("end", "left_out", "listing", "relay_id", "runs", "start")

    def __init__(
        self, relay_id: int, listing: int, start: int, end: int, runs: "list[tuple[int, ...]]", left_out: int = 0
    ) -> None:
        self.relay_id = relay_id
        self.listing = listing
        self.start = start
        self.end = end
        self.runs = runs
        self.left_out = left_out

    def pack(self, mac: Cmac) -> bytes:
        """The piece's bytes, authenticated with `relay_keys.batch_key` of the relay. Raises MisuseError."""
        if len(self.runs) > MAX_RUNS:
            raise MisuseError("more runs than a piece takes")
        if not 0 <= self.start <= self.end < 1 << 63 or not 0 <= self.listing < 1 << 63:
            raise MisuseError("row ids and listings have 63 bits")
        head = struct.pack(_PIECE, _PIECE_MAGIC, self.relay_id, self.listing, self.start, self.end, len(self.runs))
        return _sealed(head, self.runs, mac)


class Known:
    """The remote's answer to a piece: which listing of this relay it has, and up to which row id."""

    __slots__ = ("end", "listing", "relay_id")

    def __init__(self, relay_id: int, listing: int, end: int) -> None:
        self.relay_id = relay_id
        self.listing = listing
        self.end = end

    def pack(self, mac: Cmac) -> bytes:
        """The answer's bytes, authenticated with `relay_keys.receipt_key` of the relay."""
        body = struct.pack(_KNOWN, _KNOWN_MAGIC, self.relay_id, self.listing, self.end)
        return body + mac.tag(body)


class Pull:
    """A request of the remote for what a relay holds. `utc_ms` is when it was made; `pull_id` is not used twice."""

    __slots__ = ("pull_id", "relay_id", "utc_ms", "wants")

    def __init__(self, relay_id: int, pull_id: int, utc_ms: int, wants: "list[tuple[int, ...]]") -> None:
        self.relay_id = relay_id
        self.pull_id = pull_id
        self.utc_ms = utc_ms
        self.wants = wants

    def pack(self, mac: Cmac) -> bytes:
        """The request's bytes, authenticated with `relay_keys.pull_key` of the relay. Raises MisuseError."""
        if not 0 < len(self.wants) <= MAX_WANTS:
            raise MisuseError("1 to 1,000 wants a request")
        if not 0 <= self.pull_id <= MAX_PULL_ID or not 0 <= self.utc_ms < 1 << 63:
            raise MisuseError("pull ids and times have 63 bits")
        head = struct.pack(_PULL, _PULL_MAGIC, self.relay_id, self.pull_id, self.utc_ms, len(self.wants))
        return _sealed(head, self.wants, mac)


def piece_sender(body: bytes) -> int:
    """The relay that a piece says it is from; it says which key to verify it with. Raises FrameError."""
    if len(body) < PIECE_HEAD_BYTES + _MAC_BYTES or body[:4] != _PIECE_MAGIC:
        raise FrameError("index", "not a piece of this version")
    return int.from_bytes(body[4:8], "big")


def read_piece(body: bytes, mac: Cmac) -> Piece:
    """A verified piece, without the runs that do not fit: one sensor's data keep no other's back.

    Raises AuthError, or FrameError if what the relay sealed is no piece.
    """
    piece_sender(body)
    _verify("index", body, mac)
    _, relay_id, listing, start, end, count = struct.unpack(_PIECE, body[:PIECE_HEAD_BYTES])
    if not start <= end < 1 << 63 or listing >> 63 or count > MAX_RUNS:
        raise FrameError("index", "a number out of range")
    runs = _sixes("index", body, PIECE_HEAD_BYTES, count)
    fitting = [run for run in runs if fits(run)]
    return Piece(relay_id, listing, start, end, fitting, len(runs) - len(fitting))


def fits(run: "tuple[int, ...]") -> bool:
    """Whether a run of six numbers of 32 bits stands for data ids and times that can be (see intake.header_problem)."""
    sensor_id, epoch, first_seq, count, first_s, step_s = run
    return bool(
        sensor_id and epoch and count and first_seq + count - 1 <= ANY and first_s + (count - 1) * step_s <= ANY
    )


def read_known(body: bytes, mac: Cmac) -> Known:
    """A verified answer. Raises FrameError or AuthError."""
    if len(body) != KNOWN_BYTES or body[:4] != _KNOWN_MAGIC:
        raise FrameError("index", "not an answer of this version")
    _verify("index", body, mac)
    return Known(*struct.unpack(_KNOWN, body[:-_MAC_BYTES])[1:])


def read_pull(body: bytes, mac: Cmac) -> Pull:
    """A verified request. Raises FrameError or AuthError."""
    if len(body) < PULL_HEAD_BYTES + _MAC_BYTES or body[:4] != _PULL_MAGIC:
        raise FrameError("pull", "not a request of this version")
    _verify("pull", body, mac)
    _, relay_id, pull_id, utc_ms, count = struct.unpack(_PULL, body[:PULL_HEAD_BYTES])
    if not 0 < count <= MAX_WANTS or pull_id > MAX_PULL_ID:
        raise FrameError("pull", "a number out of range")
    return Pull(relay_id, pull_id, utc_ms, _sixes("pull", body, PULL_HEAD_BYTES, count))


def wanted(wants: "list[tuple[int, ...]]", sensor_id: int, epoch: int, seq: int, time_s: int) -> bool:
    """Whether one of the wants is for this datum; `time_s` is the time in its header."""
    for sensor, want_epoch, first_seq, last_seq, first_s, last_s in wants:
        if (
            sensor == sensor_id
            and want_epoch in (0, epoch)
            and first_seq <= seq <= last_seq
            and first_s <= time_s <= last_s
        ):
            return True
    return False


def without(run: "tuple[int, ...]", first_seq: int, last_seq: int) -> "list[tuple[int, ...]]":
    """What is left of a run, in order, when the seqs from `first_seq` to `last_seq` leave it: none, one or two runs."""
    sensor_id, epoch, first, count, first_s, step_s = run
    left: "list[tuple[int, ...]]" = []
    before = min(count, first_seq - first)
    if before > 0:
        left.append((sensor_id, epoch, first, before, first_s, step_s if before > 1 else 0))
    skip = max(0, last_seq + 1 - first)
    if skip < count:
        rest = count - skip
        left.append((sensor_id, epoch, first + skip, rest, first_s + skip * step_s, step_s if rest > 1 else 0))
    return left


def _sealed(head: bytes, sixes: "list[tuple[int, ...]]", mac: Cmac) -> bytes:
    for six in sixes:
        if len(six) != 6 or not all(0 <= number <= ANY for number in six):
            raise MisuseError("runs and wants are six numbers of 32 bits")
    body = head + b"".join([struct.pack(_SIX, *six) for six in sixes])
    return body + mac.tag(body)


def _verify(what: str, body: bytes, mac: Cmac) -> None:
    if not same(mac.tag(body[:-_MAC_BYTES]), body[-_MAC_BYTES:]):
        raise AuthError(what, "does not verify")


def _sixes(what: str, body: bytes, at: int, count: int) -> "list[tuple[int, ...]]":
    if len(body) != at + count * RUN_BYTES + _MAC_BYTES:
        raise FrameError(what, "another count than it says")
    return [struct.unpack(_SIX, body[i : i + RUN_BYTES]) for i in range(at, at + count * RUN_BYTES, RUN_BYTES)]
