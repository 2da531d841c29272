"""How a run of data (one sensor, one epoch, one seq after the other) is written as one block, and read again.

A block that just came in is *plain*: the data's own bytes behind each other, made in microseconds. A *compact* one holds the
same by column: differences, a byte of each beside the same byte of the others, deflated. Both are read as sections, one for
each set of quantities.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from gridecho.readings import Reading, encode

from .columns import Ints, codes_in, read_many
from .planes import Columns, packed

_PLAIN, _COMPACT = 0, 1
_HEAD = struct.Struct("<IB")  # CRC-32 of what follows, kind
_PLAIN_HEAD = struct.Struct("<BIIQ")  # whether some were dated, data, relay id, stored at (ms)
_SECTION_HEAD = struct.Struct("<QII")  # quantities, data, readings
_HEADS_SIZE = struct.Struct("<I")  # bytes of the heads of all columns
_EFFORT = 9


class TornBlockError(Exception):
    """A block that is not as it was written, or of a kind that a newer version writes."""


@dataclass(frozen=True, slots=True)
class Section:
    """The data of a block that have the same quantities; columns a datum, then a reading.

    `times_s` is as sent, 0 for an undated reading; what was undated and then dated begins at `dated_s`, `step_s` apart (None in a
    block without such data; `dated_s` -1 for a datum that was not). `values` has a row a quantity, in order of code.
    """

    mask: int
    seqs: Ints
    counts: Ints
    ops: Ints
    relay_ids: Ints
    stored_ms: Ints
    times_s: Ints
    values: Ints
    dated_s: Ints | None = None
    step_s: Ints | None = None

    def given_times_s(self) -> Ints:
        """The readings' times, those that were given later among them; 0: still none."""
        if self.dated_s is None or self.step_s is None:
            return self.times_s
        undated = self.times_s == 0
        before = np.cumsum(undated) - undated
        first = np.cumsum(self.counts) - self.counts
        place = before - np.repeat(before[first], self.counts)
        begin = np.repeat(self.dated_s, self.counts)
        return np.where(undated & (begin >= 0), begin + place * np.repeat(self.step_s, self.counts), self.times_s)

    def items(self) -> Ints:
        """Each reading's place in its datum."""
        return np.arange(len(self.times_s)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)


def plain(
    relay_id: int,
    stored_ms: int,
    ops: Ints,
    counts: Ints,
    times_s: Ints,
    bodies: Sequence[bytes],
    dating: Ints | None = None,
) -> bytes:
    """A block of data as they came by one relay at one time: tags, numbers of readings, headers' times, encoded readings.

    `dating`: (2, data), what `Section.dated_s` and `step_s` are to be.
    """
    parts = [
        _PLAIN_HEAD.pack(dating is not None, len(bodies), relay_id, stored_ms),
        ops.astype("<u1").tobytes(),
        counts.astype("<u1").tobytes(),
        np.fromiter(map(len, bodies), "<u2", len(bodies)).tobytes(),
        times_s.astype("<u4").tobytes(),
        *([] if dating is None else [dating.astype("<i8").tobytes()]),
    ]
    return _sealed(_PLAIN, b"".join([*parts, *bodies]))


def compact(sections: Sequence[Section], first_seq: int) -> bytes:
    """The same data by column. Such as were dated later are not taken."""
    heads = bytearray()
    planes: list[bytes] = []
    for section in sections:
        heads += _SECTION_HEAD.pack(section.mask, len(section.seqs), len(section.times_s))
        columns = (section.seqs - first_seq, section.counts, section.ops, section.relay_ids, section.stored_ms)
        for column in (*columns, section.times_s, *section.values):
            head, its_planes = packed(column)
            heads += head
            planes += its_planes
    short = zlib.compress(bytes(heads), _EFFORT)
    return _sealed(_COMPACT, b"".join([_HEADS_SIZE.pack(len(short)), short, *planes]))


def is_compact(block: bytes) -> bool:
    """Whether a block is of the second kind."""
    return block[_HEAD.size - 1] == _COMPACT


def read(block: bytes, first_seq: int, mask: int = -1) -> list[Section]:
    """A block's sections with a quantity in `mask`, and of these only such quantities. Raises TornBlockError."""
    if len(block) <= _HEAD.size or zlib.crc32(memoryview(block)[4:]) != int.from_bytes(block[:4], "little"):
        raise TornBlockError
    reader = {_PLAIN: _read_plain, _COMPACT: _read_compact}.get(block[_HEAD.size - 1])
    if reader is None:
        raise TornBlockError
    return list(reader(block, first_seq, mask))


def bodies_of(block: bytes, first_seq: int) -> dict[int, tuple[int, int, bytes]]:
    """Each datum of a block by its seq, as it came: number of readings, header's time, encoded readings."""
    found = {}
    for section in read(block, first_seq):
        codes = codes_in(section.mask)
        rows = section.values.T.tolist()
        times_s = section.times_s.tolist()
        at = 0
        for seq, count in zip(section.seqs.tolist(), section.counts.tolist(), strict=True):
            some = zip(times_s[at : at + count], rows[at : at + count], strict=True)
            readings = [Reading(time_s, dict(zip(codes, values, strict=True))) for time_s, values in some]
            found[seq] = count, times_s[at], encode(readings)
            at += count
    return found


def joined(blocks: Sequence[Sequence[Section]]) -> list[Section]:
    """The sections of blocks that follow each other as those of one. None of their data was dated later."""
    by_mask: dict[int, list[Section]] = {}
    for sections in blocks:
        for section in sections:
            by_mask.setdefault(section.mask, []).append(section)
    return [one[0] if len(one) == 1 else _concatenated(one) for one in by_mask.values()]


def _concatenated(sections: list[Section]) -> Section:
    columns = (
        np.concatenate([getattr(section, name) for section in sections], axis=-1)
        for name in ("seqs", "counts", "ops", "relay_ids", "stored_ms", "times_s", "values")
    )
    return Section(sections[0].mask, *columns)


def _sealed(kind: int, content: bytes) -> bytes:
    return _HEAD.pack(zlib.crc32(content, zlib.crc32(bytes([kind]))), kind) + content


def _read_plain(block: bytes, first_seq: int, mask: int) -> Iterator[Section]:
    dated, size, relay_id, stored_ms = _PLAIN_HEAD.unpack_from(block, _HEAD.size)
    at = _HEAD.size + _PLAIN_HEAD.size
    columns = []
    for kind in ("<u1", "<u1", "<u2", "<u4", *(("<i8", "<i8") if dated else ())):
        columns.append(np.frombuffer(block, kind, size, at).astype(np.int64))
        at += size * np.dtype(kind).itemsize
    ops, counts, lengths, times_s, *dating = columns
    ends = (at + np.cumsum(lengths)).tolist()
    bodies = [block[begin:end] for begin, end in zip([at, *ends], ends, strict=False)]
    groups, bad = read_many(bodies, counts, times_s)
    if bad:
        raise TornBlockError
    by_mask: dict[int, list[tuple[Ints, Ints, Ints]]] = {}
    for alike in groups:
        if alike.mask & mask:
            kept = alike.values if mask == -1 else alike.values[_kept(alike.mask, mask)]
            by_mask.setdefault(alike.mask, []).append((alike.places, alike.times_s, kept))
    for own, parts in by_mask.items():
        places, times, values = _joined(parts, counts)
        dating_of = [column[places] for column in dating] if dated else [None, None]
        fixed = counts[places], ops[places], np.full(len(places), relay_id), np.full(len(places), stored_ms)
        yield Section(own & mask, first_seq + places, *fixed, times, values, *dating_of)


def _joined(parts: list[tuple[Ints, Ints, Ints]], counts: Ints) -> tuple[Ints, Ints, Ints]:
    """(places, times, values) of data of one mask in order of seq; `parts` have them by number of readings."""
    places = np.concatenate([part[0] for part in parts])
    times = np.concatenate([part[1].reshape(-1) for part in parts])
    values = np.concatenate([part[2].reshape(len(part[2]), -1) for part in parts], axis=1)
    if len(parts) > 1:
        order = np.argsort(np.repeat(places, counts[places]), kind="stable")
        places, times, values = np.sort(places), times[order], values[:, order]
    return places, times, values


def _kept(own: int, mask: int) -> list[int]:
    """Which rows of a section's values are asked for."""
    return [row for row, code in enumerate(codes_in(own)) if mask >> code & 1]


def _read_compact(block: bytes, first_seq: int, mask: int) -> Iterator[Section]:
    begin = _HEAD.size + _HEADS_SIZE.size
    end = begin + _HEADS_SIZE.unpack_from(block, _HEAD.size)[0]
    columns = Columns(zlib.decompress(block[begin:end]), block, end)
    while columns.more():
        own, size, readings = columns.head(_SECTION_HEAD)
        fixed = [columns.take(count, bool(own & mask)) for count in (size, size, size, size, size, readings)]
        values = [(code, columns.take(readings, bool(mask >> code & 1))) for code in codes_in(own)]
        if own & mask:
            seqs, counts, ops, relay_ids, stored_ms, times_s = fixed
            kept = np.stack([column for code, column in values if mask >> code & 1])
            yield Section(own & mask, seqs + first_seq, counts, ops, relay_ids, stored_ms, times_s, kept)
