"""Readings that no relay took yet, on flash: a ring of files that outlives a restart, and gives each reading one data id for ever.

A segment `spool/N` begins with 8 bytes, `GES` 1 and the epoch in which it was written, and then has a record for each reading:

    u16 length of what follows, u8 flags, u32 number in its epoch, u32 time, the reading as `readings.encode` gives it, CRC-32

Time is Unix seconds, or seconds since boot where the flag UPTIME is set: then the sensor had no time yet.

Before readings leave, a claim of 20 bytes with the data id of their datagram is written to `spool/N.c`. After a power cut the same
readings leave under the same data id, so a relay that has them says so. A segment goes when all of it is acknowledged. One that was
sent from is not written to again, and after a restart a new one is begun; so what a power cut tears is the end of the last one.
"""

import os
import struct
from binascii import crc32
from errno import EIO, ENOENT

from gridecho.compat import const
from gridecho.errors import ProtocolError
from gridecho.frames import MAX_SEALED, SIV_BYTES
from gridecho.readings import Reading, decode, encode, mask_of

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    _Row = tuple[int, int, int, dict[int, int]]  # number, flags, time, values

URGENT, UPTIME = 1, 2  # flags of a record

_MAGIC = b"GES\x01"
_HEAD_BYTES = const(8)
_RECORD = ">HBII"
_RECORD_BYTES = const(11)
_CLAIM = ">IIHHI"
_CLAIM_BYTES = const(20)
_BLOCK_BYTES = const(4096)  # what a file takes of flash, at least
_MOST_READINGS = const(4096)  # in a segment, so that its numbers fit a claim
_GUESS_BYTES = const(36)  # a record of four values, before one was taken


class Batch:
    """The readings of one datagram, encoded. `time_s` is the first one's, 0 if it is not known for ever; `place` is for `done`."""

    __slots__ = ("data", "epoch", "numbers", "place", "seq", "time_s", "urgent")

    def __init__(
        self, epoch: int, seq: int, urgent: bool, numbers: "list[int | None]", time_s: int, data: bytes, place: int
    ) -> None:
        self.epoch = epoch
        self.seq = seq
        self.urgent = urgent
        self.numbers = numbers
        self.time_s = time_s
        self.data = data
        self.place = place


class _Segment:
    """What is known of one file without reading it again."""

    __slots__ = ("acked", "claimed", "claims", "count", "epoch", "high", "low", "number", "open", "size")

    def __init__(self, number: int, epoch: int) -> None:
        self.number = number
        self.epoch = epoch
        self.open = False
        self.size = _HEAD_BYTES
        self.count = 0  # readings in it
        self.acked = 0
        self.low = self.high = 0  # those from low to high - 1 have no data id yet
        self.claimed = 0  # claims in its second file
        self.claims: list[
            tuple[int, int, int, int, int]
        ] = []  # (epoch, seq, first, count, offset) from before this boot

    def blocks(self) -> int:
        """Of flash, that its two files take."""
        return -(-self.size // _BLOCK_BYTES) - (-self.claimed * _CLAIM_BYTES // _BLOCK_BYTES)


class Spool:
    """The ring in `folder` of at most `limit_bytes`. `epoch` is this boot's. Raises OSError where flash cannot be read."""

    def __init__(
        self,
        limit_bytes: int,
        epoch: int,
        newest_first: bool = False,
        folder: str = "spool",
        record_bytes: int = 0,
    ) -> None:
        self.newest_first = newest_first
        self.bad = 0  # records that were torn or damaged
        # Readings given up that have a data id: sent, and never acknowledged. Whoever tells of it sets it back.
        self.forgotten = 0
        self._folder = folder
        self._limit_blocks = limit_bytes // _BLOCK_BYTES
        self._segment_bytes = max(1, min(4, self._limit_blocks // 16)) * _BLOCK_BYTES
        self._epoch = epoch
        self._record_bytes = record_bytes or _GUESS_BYTES  # of the newest record, or one that is to come
        self._segments: list[_Segment] = []
        self._next_number = 1
        self._find()

    # --- what it holds ---

    def count(self) -> int:
        """Readings that are not acknowledged."""
        count = 0
        for segment in self._segments:
            count += segment.count - segment.acked
        return count

    def room(self) -> int:
        """How many readings as large as the newest still fit before the ring is full."""
        used = rest = 0
        segment_blocks = self._segment_bytes // _BLOCK_BYTES
        for segment in self._segments:
            if segment.open:
                used += segment_blocks
                rest = max(0, self._segment_bytes - segment.size) // self._record_bytes
            else:
                used += segment.blocks()
        segments = max(0, self._limit_blocks - used - 1) // segment_blocks
        return rest + segments * ((self._segment_bytes - _HEAD_BYTES) // self._record_bytes)

    # --- keeping ---

    def keep(self, readings: "list[_Row]", keep_oldest: bool) -> "tuple[int, int]":
        """Writes (number, flags, time, values) rows at the end. Gives (rows written, readings given up for them).

        Those given up are the oldest, a segment at a time; with `keep_oldest` none is, and fewer rows are written. One write to
        flash for all rows that go to one segment: it is there as a whole or not at all. Raises OSError if flash does not take it.
        """
        written = given_up = 0
        while written < len(readings):
            segment = self._last_open()
            if segment is None:
                gone = self._make_room(keep_oldest)
                if gone is None:
                    break
                given_up += gone
                segment = self._new_segment()
            written += self._append(segment, readings, written)
        return written, given_up

    def keep_sealed(self, rows: "list[_Row]", claims: "list[tuple[int, int]]", keep_oldest: bool) -> "int | None":
        """Keeps readings that have data ids of this epoch already: (seq, how many of the rows) each.

        Gives how many readings were given up for them, None if there was no room. Raises OSError.
        """
        given_up = self._make_room(keep_oldest)
        if given_up is None:
            return None
        segment = self._new_segment()
        segment.open = False
        first = 0
        for seq, count in claims:
            # The claim first: alone it is nothing, but readings without theirs would get a second data id.
            claim = (self._epoch, seq, first, count, 0)
            self._claim(segment, claim)
            segment.claims.append(claim)
            first += count
        self._append(segment, rows, 0)
        segment.low = segment.high
        return given_up

    # --- sending ---

    def next_batch(self, seq: int, most: int, offset_s: int) -> "Batch | None":
        """The next readings to send, at most `most`; None if all are under way.

        Readings that have a data id keep it; else they get (this epoch, `seq`), which is on flash when this returns: the batch's
        epoch and seq tell whether it was used. `offset_s` is the UTC at this boot. Raises OSError if a segment cannot be read; it
        is then left alone until the next boot.
        """
        segments = self._segments
        for i in range(len(segments)):
            segment = segments[-1 - i if self.newest_first else i]
            try:
                if segment.claims:
                    claim = segment.claims.pop(0)
                    return self._batch(segment, claim, self._rows(segment, claim[2], claim[3]))
                if segment.low < segment.high:
                    return self._new_batch(segment, seq, most, offset_s)
            except OSError:
                self.bad += segment.count
                segments.remove(segment)
                raise
        return None

    def done(self, batch: Batch) -> None:
        """A relay has the batch on disk; its segment goes when that was the last of it. Raises OSError."""
        for segment in self._segments:
            if segment.number == batch.place:
                segment.acked += len(batch.numbers)
                if segment.acked >= segment.count:
                    self._remove(segment)
                return

    def _new_batch(self, segment: _Segment, seq: int, most: int, offset_s: int) -> Batch:
        segment.open = False
        most = min(most, segment.high - segment.low)
        rows = self._rows(segment, segment.high - most if self.newest_first else segment.low, most)
        # An uptime of another boot says nothing: those readings leave with a time of 0.
        offset_s = offset_s if segment.epoch == self._epoch else 0
        rows = _alike(rows[::-1], offset_s)[::-1] if self.newest_first else _alike(rows, offset_s)
        while True:
            first = segment.high - len(rows) if self.newest_first else segment.low
            claim = (self._epoch, seq, first, len(rows), offset_s)
            batch = self._batch(segment, claim, rows)
            if len(batch.data) <= MAX_SEALED - SIV_BYTES:
                break
            half = len(rows) // 2
            rows = rows[-half:] if self.newest_first else rows[:half]
        self._claim(segment, claim)
        if self.newest_first:
            segment.high = first
        else:
            segment.low += len(rows)
        return batch

    def _batch(self, segment: _Segment, claim: "tuple[int, int, int, int, int]", rows: "list[_Row]") -> Batch:
        epoch, seq, _, _, offset_s = claim
        readings = [Reading(_time_s(row, offset_s), row[3]) for row in rows]
        # Readings are numbered anew at each boot.
        numbers = [row[0] if segment.epoch == self._epoch else None for row in rows]
        return Batch(
            epoch, seq, bool(rows[0][1] & URGENT), numbers, readings[0].time_s, encode(readings), segment.number
        )

    def _rows(self, segment: _Segment, first: int, count: int) -> "list[_Row]":
        rows = []
        with open(self._path(segment.number), "rb") as file:
            file.read(_HEAD_BYTES)
            for i in range(first + count):
                record = _next_record(file)
                if record is None:
                    raise OSError(EIO, "damaged")
                if i >= first:
                    rows.append(_row(record))
        return rows

    # --- within ---

    def _path(self, number: int, end: str = "") -> str:
        return "%s/%08x%s" % (self._folder, number, end)

    def _find(self) -> None:
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return  # nothing was kept yet
        for name in names:
            try:
                number = int(name[:8], 16)
            except ValueError:
                continue
            if number < 1 or "%08x" % number != name[:8]:
                continue  # 0x00000a is a number too, but none of ours
            if len(name) == 8:
                self._scan(number)
            elif name[:8] not in names:
                os.remove(self._folder + "/" + name)  # the power went between the two removals

    def _scan(self, number: int) -> None:
        segment = _Segment(number, 0)
        with open(self._path(number), "rb") as file:
            head = file.read(_HEAD_BYTES)
            if head[:4] == _MAGIC and len(head) == _HEAD_BYTES:
                segment.epoch = struct.unpack(">I", head[4:])[0]
                record = _next_record(file)
                while record is not None and segment.count < _MOST_READINGS:
                    segment.count += 1
                    segment.size += len(record) + 4
                    record = _next_record(file)
        if segment.size != os.stat(self._path(number))[6]:
            self.bad += 1
        segment.high = segment.count
        for claim in self._claims(segment):
            first, count = claim[2], claim[3]
            segment.claimed += 1
            if first + count > segment.count:
                continue  # its readings were damaged
            segment.claims.append(claim)
            if first == segment.low:
                segment.low += count
            elif first + count == segment.high:
                segment.high = first
        self._next_number = number + 1
        self._segments.append(segment)
        if not segment.count:
            self._remove(segment)

    def _claims(self, segment: _Segment) -> "list[tuple[int, int, int, int, int]]":
        claims = []
        try:
            with open(self._path(segment.number, ".c"), "rb") as file:
                while True:
                    data = file.read(_CLAIM_BYTES)
                    if len(data) < _CLAIM_BYTES:
                        break
                    if struct.unpack(">I", data[-4:])[0] == crc32(data[:-4]):
                        claims.append(struct.unpack(_CLAIM, data[:-4]))
        except OSError:
            pass  # nothing of it was sent yet
        return claims

    def _last_open(self) -> "_Segment | None":
        if self._segments:
            last = self._segments[-1]
            if last.open and last.size + self._record_bytes <= self._segment_bytes and last.count < _MOST_READINGS:
                return last
            last.open = False
        return None

    def _make_room(self, keep_oldest: bool) -> "int | None":
        """Room for one more segment and its claims; gives how many readings without a data id were given up, None: no room."""
        given_up = 0
        need = self._segment_bytes // _BLOCK_BYTES + 1
        while self._segments:
            used = 0
            for segment in self._segments:
                used += segment.blocks()
            if used + need <= self._limit_blocks:
                break
            if keep_oldest:
                return None
            oldest = self._segments[0]
            given_up += oldest.high - oldest.low
            self.forgotten += oldest.count - oldest.acked - (oldest.high - oldest.low)
            self._remove(oldest)
        return given_up

    def _new_segment(self) -> _Segment:
        segment = _Segment(self._next_number, self._epoch)
        segment.open = True
        self._next_number += 1
        if not self._segments:
            try:
                os.mkdir(self._folder)
            except OSError:
                pass  # it is there
        self._segments.append(segment)
        return segment

    def _append(self, segment: _Segment, rows: "list[_Row]", first: int) -> int:
        out = bytearray()
        n = 0
        if not segment.count:
            out += _MAGIC + struct.pack(">I", segment.epoch)
        for number, flags, time_s, values in rows[first:]:
            record = _record(number, flags, time_s, values)
            if n and segment.open and segment.size + len(out) + len(record) > self._segment_bytes:
                break
            out += record
            n += 1
            self._record_bytes = len(record)
        with open(self._path(segment.number), "ab") as file:
            file.write(out)
        segment.size += len(out) - (0 if segment.count else _HEAD_BYTES)
        segment.count += n
        segment.high = segment.count
        return n

    def _claim(self, segment: _Segment, claim: "tuple[int, int, int, int, int]") -> None:
        data = struct.pack(_CLAIM, *claim)
        with open(self._path(segment.number, ".c"), "ab") as file:
            file.write(data + struct.pack(">I", crc32(data)))
        segment.claimed += 1

    def _remove(self, segment: _Segment) -> None:
        # Should the power go between the two, what is left is a claim on nothing.
        self._segments.remove(segment)
        _unlink(self._path(segment.number))
        _unlink(self._path(segment.number, ".c"))


def _unlink(path: str) -> None:
    try:
        os.remove(path)
    except OSError as error:
        if error.errno != ENOENT:
            raise


def _record(number: int, flags: int, time_s: int, values: "dict[int, int]") -> bytes:
    data = encode([Reading(0, values)])
    record = struct.pack(_RECORD, 9 + len(data), flags, number & 0xFFFFFFFF, time_s) + data
    return record + struct.pack(">I", crc32(record))


def _next_record(file) -> "bytes | None":  # type: ignore[no-untyped-def]
    """The next record without its CRC; None at the end, or where it is torn."""
    head = file.read(2)
    if len(head) < 2:
        return None
    length = head[0] << 8 | head[1]
    record: bytes = head + file.read(length)
    check = file.read(4)
    if length < 10 or len(record) != 2 + length or len(check) != 4 or struct.unpack(">I", check)[0] != crc32(record):
        return None
    return record


def _row(record: bytes) -> "_Row":
    _, flags, number, time_s = struct.unpack(_RECORD, record[:_RECORD_BYTES])
    try:
        return number, flags, time_s, decode(record[_RECORD_BYTES:], 1, 0)[0].values
    except ProtocolError:
        raise OSError(EIO, "damaged") from None


def _time_s(row: "_Row", offset_s: int) -> int:
    """The row's UTC, 0 if it is not known; `offset_s` is the UTC at its boot, 0 if that is not known."""
    if not row[1] & UPTIME:
        return row[2]
    return row[2] + offset_s if offset_s else 0


def _alike(rows: "list[_Row]", offset_s: int) -> "list[_Row]":
    """As many from the first on as go into one datagram: of the same quantities and urgency, all with a time or all without."""
    kind = None
    for i, row in enumerate(rows):
        this = row[1] & URGENT, mask_of(row[3]), bool(_time_s(row, offset_s))
        if i and this != kind:
            return rows[:i]
        kind = this
    return rows
