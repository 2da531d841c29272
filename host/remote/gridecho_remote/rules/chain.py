"""The audit's chain: a row's digest covers the row and the digest of the row before it.

The oldest rows may be cut off: a row says so then, with the number and digest of the last of them, from which the chain goes on.

So no row can be changed, left out, put in or moved unless all digests after it are made anew; and that shows too, for what the head
was is kept outside the database (an anchor).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from hashlib import sha256

from .errors import RemoteError

START = bytes(32)  # the digest before the first row
CUT = "audit.cut"


@dataclass(frozen=True, slots=True)
class Row:
    """What a digest covers, as it is stored; rows are numbered from 1 without a gap."""

    id: int
    at_ms: int
    actor_kind: str
    actor_id: int
    what: str
    subject: str
    fields: str  # JSON


@dataclass(frozen=True, slots=True)
class Head:
    """The last row's number and digest; 0 and START if there is none."""

    id: int = 0
    digest: bytes = START

    def __str__(self) -> str:
        return f"{self.id} {self.digest.hex()}"

    @staticmethod
    def of(text: str) -> "Head":
        """What `str` gave. Raises ValueError."""
        number, digest = text.split(" ")
        head = Head(int(number), bytes.fromhex(digest))
        if head.id < 0 or len(head.digest) != len(START):
            raise ValueError("not a head of the audit")
        return head


NO_ROW = Head()


def linked(before: bytes, row: Row) -> bytes:
    """The digest of a row after one that has the digest `before`: SHA-256 of that and the row as a JSON array."""
    return sha256(before + json.dumps(astuple(row), separators=(",", ":")).encode()).digest()


def said_of(cut: Head) -> str:
    """What the row says, as JSON, that tells that all rows up to this one were cut off."""
    return json.dumps({"digest": cut.digest.hex(), "last": cut.id}, sort_keys=True)


def breaks(
    rows: Iterable[tuple[Row, bytes]], head: Head, anchors: Mapping[int, bytes], cut: Head = NO_ROW
) -> Iterator[RemoteError]:
    """What is wrong with a chain of rows in order of number, each with its digest, that ends at `head`.

    `anchors`: digests that rows had, by number. `cut`: the last row that was cut off. After a break it goes on with what is stored
    there.
    """
    at, told = cut, cut.id == 0
    if anchors.get(cut.id, cut.digest) != cut.digest:
        yield RemoteError("audit-anchor", id=cut.id)
    for row, digest in rows:
        told = told or (row.what, row.fields) == (CUT, said_of(cut))
        if row.id != at.id + 1:
            yield RemoteError("audit-missing", first=at.id + 1, last=row.id - 1)
        elif linked(at.digest, row) != digest:
            yield RemoteError("audit-changed", id=row.id)
        if anchors.get(row.id, digest) != digest:
            yield RemoteError("audit-anchor", id=row.id)
        at = Head(row.id, digest)
    if not told:
        yield RemoteError("audit-missing", first=1, last=cut.id)
    last = max(head.id, *anchors, 0)
    if at.id < last:
        yield RemoteError("audit-missing", first=at.id + 1, last=last)
    elif at != head:
        yield RemoteError("audit-changed", id=at.id)
