"""What the relays of a group and the remote say to each other. Host only, without I/O.

A turn tells one relay who is the proxy of its group now; its MAC proves that the remote says so. With it comes an appointment,
which proves the same to the proxy, whoever shows it. What a member hands to its proxy is a load: the tuple (kind, body) of a
batch or of a piece of the index, which prove themselves (batch.py, holdings.py). A carry is several loads in one request to the
remote. An answer to a load is the tuple (HTTP status, seconds to wait, body). Layouts: docs/protocol.md, "Groups".
"""

import struct

from .batch import MAX_BATCH_BYTES
from .crypto import Cmac, same
from .errors import AuthError, FrameError, MisuseError

BATCH, DEFLATED_BATCH, PIECE = 1, 2, 3  # kinds of loads
MAX_LOADS = 64  # in a carry
MAX_URL_BYTES = 255
# What a member says of the readings that it collected in a term: in one sampling period; periods in one heartbeat. Its process
# is another one after each start; of so many the bars of one period are told apart.
MAX_BAR, MAX_BARS, MAX_RUNS = 1 << 40, 10_000, 8
TURN_HEAD_BYTES, HANDED_HEAD_BYTES, CARRY_HEAD_BYTES, CARRIED_HEAD_BYTES = 52, 29, 18, 14
MAX_TURN_BYTES = TURN_HEAD_BYTES + MAX_URL_BYTES + 16
MAX_ANSWER_BYTES = 1_024  # the body of an answer to one load
MAX_HANDED_BYTES = HANDED_HEAD_BYTES + MAX_BATCH_BYTES
CARRY_MARGIN_BYTES = CARRY_HEAD_BYTES + MAX_LOADS * 5  # that a carry has beside its loads, at most
MAX_CARRIED_BYTES = CARRIED_HEAD_BYTES + MAX_LOADS * (8 + MAX_ANSWER_BYTES)
# Before its answer a proxy sends signs of life: for how long the remote is silent, in tenths of a second up to 254. Then this:
ANSWERED = 255

_TURN_MAGIC, _APPOINTMENT_MAGIC, _HANDED_MAGIC = b"GET\x01", b"GEA\x01", b"GEH\x01"
_CARRY_MAGIC, _CARRIED_MAGIC = b"GEF\x01", b"GEW\x01"
_TURN, _APPOINTMENT, _HANDED = ">4sIQIIIIH16sH", ">4sIII", ">4sII16sB"
_CARRY, _LOAD, _CARRIED, _ANSWER = ">4sIIIH", ">BI", ">4sIIH", ">HHI"
_LOAD_BYTES, _ANSWER_BYTES, _MAC_BYTES = 5, 8, 16


class Turn:
    """Who is the proxy of a relay's group: `term` of the group, since `began_s`. Group 0 is none; proxy 0: there is none now.

    `url` is where the proxy takes loads; `period_s` is the sampling period of the term. A later turn has a later `issued_ms`.
    """

    __slots__ = ("appointment", "began_s", "group_id", "issued_ms", "period_s", "proxy", "relay_id", "term", "url")

    def __init__(
        self,
        relay_id: int,
        issued_ms: int,
        group_id: int = 0,
        term: int = 0,
        proxy: int = 0,
        began_s: int = 0,
        period_s: int = 0,
        appointment: bytes = bytes(_MAC_BYTES),
        url: str = "",
    ) -> None:
        self.relay_id = relay_id
        self.issued_ms = issued_ms
        self.group_id = group_id
        self.term = term
        self.proxy = proxy
        self.began_s = began_s
        self.period_s = period_s
        self.appointment = appointment
        self.url = url

    def pack(self, mac: Cmac) -> bytes:
        """The turn's bytes, authenticated with `relay_keys.receipt_key` of the relay it is for. Raises MisuseError."""
        url = self.url.encode()
        if not url_fits(self.url) or len(self.appointment) != _MAC_BYTES or not 0 <= self.period_s < 1 << 16:
            raise MisuseError("a turn's URL, appointment or period is not one")
        body = (
            struct.pack(
                _TURN,
                _TURN_MAGIC,
                self.relay_id,
                self.issued_ms,
                self.group_id,
                self.term,
                self.proxy,
                self.began_s,
                self.period_s,
                self.appointment,
                len(url),
            )
            + url
        )
        return body + mac.tag(body)


def read_turn(body: bytes, mac: Cmac) -> Turn:
    """A verified turn. Raises FrameError or AuthError."""
    if len(body) < TURN_HEAD_BYTES + _MAC_BYTES or body[:4] != _TURN_MAGIC:
        raise FrameError("turn", "not a turn of this version")
    if not same(mac.tag(body[:-_MAC_BYTES]), body[-_MAC_BYTES:]):
        raise AuthError("turn", "does not verify")
    _, relay_id, issued_ms, group_id, term, proxy, began_s, period_s, appointment, length = struct.unpack(
        _TURN, body[:TURN_HEAD_BYTES]
    )
    url = body[TURN_HEAD_BYTES:-_MAC_BYTES]
    if len(url) != length or length > MAX_URL_BYTES:
        raise FrameError("turn", "another length than it says")
    try:
        text = str(url, "ascii")
    except UnicodeError:
        text = " "
    if not url_fits(text):
        raise FrameError("turn", "a URL that is none")
    return Turn(relay_id, issued_ms, group_id, term, proxy, began_s, period_s, appointment, text)


def url_fits(url: str) -> bool:
    """Whether a turn can name this URL: printable ASCII without a space, 255 bytes at most; an empty one is none."""
    return len(url) <= MAX_URL_BYTES and all("!" <= one <= "~" for one in url)


def appointment_of(proxy: int, group_id: int, term: int, mac: Cmac) -> bytes:
    """16 bytes that prove to a relay that it is this group's proxy in this term; `mac` has the receipt key of that relay."""
    return mac.tag(struct.pack(_APPOINTMENT, _APPOINTMENT_MAGIC, proxy, group_id, term))


class Handed:
    """A load as a member hands it to the proxy of its group, with the proxy's appointment."""

    __slots__ = ("appointment", "group_id", "load", "term")

    def __init__(self, group_id: int, term: int, appointment: bytes, load: "tuple[int, bytes]") -> None:
        self.group_id = group_id
        self.term = term
        self.appointment = appointment
        self.load = load

    def pack(self) -> bytes:
        """Its bytes. Nothing authenticates them but what is in them."""
        kind, body = self.load
        return struct.pack(_HANDED, _HANDED_MAGIC, self.group_id, self.term, self.appointment, kind) + body


def read_handed(body: bytes) -> Handed:
    """What a member handed over; nothing of it is verified. Raises FrameError."""
    if len(body) <= HANDED_HEAD_BYTES or body[:4] != _HANDED_MAGIC:
        raise FrameError("handed", "not a load of this version")
    _, group_id, term, appointment, kind = struct.unpack(_HANDED, body[:HANDED_HEAD_BYTES])
    if kind not in (BATCH, DEFLATED_BATCH, PIECE):
        raise FrameError("handed", "a load of an unknown kind")
    return Handed(group_id, term, appointment, (kind, body[HANDED_HEAD_BYTES:]))


class Carry:
    """Several loads in one request of the proxy."""

    __slots__ = ("group_id", "loads", "relay_id", "term")

    def __init__(self, relay_id: int, group_id: int, term: int, loads: "list[tuple[int, bytes]]") -> None:
        self.relay_id = relay_id
        self.group_id = group_id
        self.term = term
        self.loads = loads

    def pack(self) -> bytes:
        """Its bytes; the request's bearer token proves the proxy, and each load itself. Raises MisuseError."""
        if not 0 < len(self.loads) <= MAX_LOADS:
            raise MisuseError("1 to 64 loads a carry")
        parts = [struct.pack(_CARRY, _CARRY_MAGIC, self.relay_id, self.group_id, self.term, len(self.loads))]
        for kind, body in self.loads:
            parts.append(struct.pack(_LOAD, kind, len(body)))
            parts.append(body)
        return b"".join(parts)


def read_carry(body: bytes) -> Carry:
    """What a proxy brings; its loads are not looked into. Raises FrameError."""
    if len(body) < CARRY_HEAD_BYTES or body[:4] != _CARRY_MAGIC:
        raise FrameError("carry", "not a carry of this version")
    _, relay_id, group_id, term, count = struct.unpack(_CARRY, body[:CARRY_HEAD_BYTES])
    if not 0 < count <= MAX_LOADS:
        raise FrameError("carry", "a count out of range")
    loads = []
    at = CARRY_HEAD_BYTES
    for _ in range(count):
        if at + _LOAD_BYTES > len(body):
            raise FrameError("carry", "cut short")
        kind, length = struct.unpack(_LOAD, body[at : at + _LOAD_BYTES])
        at += _LOAD_BYTES + length
        if kind not in (BATCH, DEFLATED_BATCH, PIECE) or at > len(body):
            raise FrameError("carry", "a load that is none")
        loads.append((kind, body[at - length : at]))
    if at != len(body):
        raise FrameError("carry", "another length than it says")
    return Carry(relay_id, group_id, term, loads)


class Carried:
    """The remote's answers to the loads of a carry, in order, and which term and proxy the group has after it.

    Without answers the carry was refused: it came for another term, and nothing of it was looked at.
    """

    __slots__ = ("answers", "proxy", "term")

    def __init__(self, term: int, proxy: int, answers: "list[tuple[int, int, bytes]]") -> None:
        self.term = term
        self.proxy = proxy
        self.answers = answers

    def pack(self) -> bytes:
        """Its bytes."""
        head = struct.pack(_CARRIED, _CARRIED_MAGIC, self.term, self.proxy, len(self.answers))
        return head + b"".join([pack_answer(answer) for answer in self.answers])


def read_carried(body: bytes) -> Carried:
    """The remote's answers; only whose keys they are made with can verify them. Raises FrameError."""
    if len(body) < CARRIED_HEAD_BYTES or body[:4] != _CARRIED_MAGIC:
        raise FrameError("carried", "not an answer of this version")
    _, term, proxy, count = struct.unpack(_CARRIED, body[:CARRIED_HEAD_BYTES])
    answers = []
    at = CARRIED_HEAD_BYTES
    for _ in range(count):
        answer, at = _answer_at(body, at)
        answers.append(answer)
    if at != len(body):
        raise FrameError("carried", "another length than it says")
    return Carried(term, proxy, answers)


def pack_answer(answer: "tuple[int, int, bytes]") -> bytes:
    """An answer to one load as it travels. Status 0: the remote did not answer. Raises MisuseError."""
    status, wait_s, body = answer
    if len(body) > MAX_ANSWER_BYTES:
        raise MisuseError("an answer longer than any should be")
    return struct.pack(_ANSWER, status, min(max(wait_s, 0), 0xFFFF), len(body)) + body


def read_answer(body: bytes) -> "tuple[int, int, bytes]":
    """What `pack_answer` made. Raises FrameError."""
    answer, at = _answer_at(body, 0)
    if at != len(body):
        raise FrameError("answer", "another length than it says")
    return answer


def _answer_at(body: bytes, at: int) -> "tuple[tuple[int, int, bytes], int]":
    if at + _ANSWER_BYTES > len(body):
        raise FrameError("answer", "cut short")
    status, wait_s, length = struct.unpack(_ANSWER, body[at : at + _ANSWER_BYTES])
    end = at + _ANSWER_BYTES + length
    if length > MAX_ANSWER_BYTES or end > len(body):
        raise FrameError("answer", "of a length that none has")
    return (status, wait_s, body[at + _ANSWER_BYTES : end]), end
