"""How a run of data (one sensor, one epoch, one seq after the other) is written as one block, and read again.

A block that just came in is *plain*: the data's own bytes behind each other, made in microseconds. A *compact* one holds the
same by column: differences, a byte of each beside the same byte of the others, deflated. Both are read as sections, one for
each set of quantities.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from gridecho.readings import Reading, encode
from numpy.typing import NDArray

from .columns import Ints, codes_in, read_many
from .planes import Columns, packed

_PLAIN, _COMPACT = 0, 1
_HEAD = struct.Struct("<IB")  # CRC-32 of what follows, kind
_PLAIN_HEAD = struct.Struct("<BIIQ")  # whether some were dated, data, relay id, stored at (ms)
_SECTION_HEAD = struct.Struct("<QII")  # quantities, data, readings
_HEADS_SIZE = struct.Struct("<I")  # bytes of the heads of all columns
_EFFORT = 9
_HOT = 32  # compact blocks that stay read, each up to 0.7 MB


class TornBlockError(Exception):
    """A block that is not as it was written, or of a kind that a newer version writes."""


class Places(NamedTuple):
    """Each reading's time (as given; 0: none), the seq of its datum, and its place in it."""

    times_s: Ints
    seqs: Ints
    items: Ints


@dataclass(frozen=True, eq=False)
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

    def only(self, chosen: NDArray[np.bool_]) -> "Section":
        """Some of the data."""
        readings = np.repeat(chosen, self.counts)
        return Section(
            self.mask,
            self.seqs[chosen],
            self.counts[chosen],
            self.ops[chosen],
            self.relay_ids[chosen],
            self.stored_ms[chosen],
            self.times_s[readings],
            self.values[:, readings],
            None if self.dated_s is None else self.dated_s[chosen],
            None if self.step_s is None else self.step_s[chosen],
        )

    @cached_property
    def places(self) -> Places:
        """Of each reading; made once, for what stays read."""
        times_s = self.given_times_s()
        items = np.arange(len(times_s)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        found = Places(times_s, np.repeat(self.seqs, self.counts), items)
        for column in found:
            column.flags.writeable = False
        return found

    @cached_property
    def is_ascending(self) -> bool:
        """Whether each reading is of a later time than the one before."""
        return bool((np.diff(self.places.times_s) > 0).all())


def plain(
    relay_id: int,
    stored_ms: int,
    ops: Ints,
    counts: Ints,
    times_s: Ints,
    bodies: Sequence[bytes],
) -> bytes:
    """A block of data as they came by one relay at one time: tags, numbers of readings, headers' times, encoded readings."""
    parts = [
        _PLAIN_HEAD.pack(False, len(bodies), relay_id, stored_ms),
        ops.astype("<u1").tobytes(),
        counts.astype("<u1").tobytes(),
        np.fromiter(map(len, bodies), "<u2", len(bodies)).tobytes(),
        times_s.astype("<u4").tobytes(),
    ]
    return _sealed(_PLAIN, b"".join([*parts, *bodies]))


def dated(block: bytes, dating: Ints) -> bytes:
    """A plain block whose undated readings are given times: (2, data), what `Section.dated_s` and `step_s` are to be."""
    before, size, relay_id, stored_ms = _PLAIN_HEAD.unpack_from(block, _HEAD.size)
    begin = _HEAD.size + _PLAIN_HEAD.size
    end = begin + 8 * size  # tag, number of readings, length, header's time
    bodies = block[end + 16 * size * before :]
    head = _PLAIN_HEAD.pack(True, size, relay_id, stored_ms)
    return _sealed(_PLAIN, head + block[begin:end] + dating.astype("<i8").tobytes() + bodies)


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
    return read_together([(block, first_seq)], mask)


def read_together(some: Sequence[tuple[bytes, int]], mask: int = -1) -> list[Section]:
    """The sections of blocks of one epoch, each with its first seq; plain ones, of which there may be many, all at once."""
    plain: list[tuple[bytes, int]] = []
    sections: list[Section] = []
    for block, first_seq in some:
        if len(block) <= _HEAD.size or zlib.crc32(memoryview(block)[4:]) != int.from_bytes(block[:4], "little"):
            raise TornBlockError
        kind = block[_HEAD.size - 1]
        if kind == _PLAIN:
            plain.append((block, first_seq))
        elif kind == _COMPACT:
            sections += _read_compact(block, first_seq, mask)
        else:
            raise TornBlockError
    if plain:
        sections += _read_plain(plain, mask)
    return sections


def bodies_of(block: bytes, first_seq: int, wanted: range | None = None) -> dict[int, tuple[int, int, bytes]]:
    """Data of a block by seq, all or those of some seqs, as they came: number of readings, header's time, encoded readings."""
    found = {}
    for section in read(block, first_seq):
        if wanted is not None:
            section = section.only((section.seqs >= wanted.start) & (section.seqs < wanted.stop))
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


def joined(sections: Iterable[Section]) -> list[Section]:
    """The sections of blocks that follow each other as those of one. None of their data was dated later."""
    by_mask: dict[int, list[Section]] = {}
    for section in sections:
        by_mask.setdefault(section.mask, []).append(section)
    return [one[0] if len(one) == 1 else _concatenated(one) for one in by_mask.values()]


def _concatenated(sections: list[Section]) -> Section:
    seqs, counts, ops, relay_ids, stored_ms, times_s, values = (
        np.concatenate([getattr(section, name) for section in sections], axis=-1)
        for name in ("seqs", "counts", "ops", "relay_ids", "stored_ms", "times_s", "values")
    )
    order = np.argsort(seqs, kind="stable")
    of_readings = np.argsort(np.repeat(seqs, counts), kind="stable")
    return Section(
        sections[0].mask,
        seqs[order],
        counts[order],
        ops[order],
        relay_ids[order],
        stored_ms[order],
        times_s[of_readings],
        values[:, of_readings],
    )


def _sealed(kind: int, content: bytes) -> bytes:
    return _HEAD.pack(zlib.crc32(content, zlib.crc32(bytes([kind]))), kind) + content


def _read_plain(some: Sequence[tuple[bytes, int]], mask: int) -> Iterator[Section]:
    sizes, relay_ids, stored_ms = [], [], []
    parts: tuple[list[bytes], ...] = ([], [], [], [], [])  # the columns of each block
    packed_bodies = []
    any_dated = False
    for block, _ in some:
        dated, size, relay_id, at_ms = _PLAIN_HEAD.unpack_from(block, _HEAD.size)
        at = _HEAD.size + _PLAIN_HEAD.size
        for part, width in zip(parts, (1, 1, 2, 4, 16 if dated else 0), strict=True):
            part.append(block[at : at + width * size])
            at += width * size
        if not dated:
            parts[-1][-1] = b"\xff" * (16 * size)
        any_dated |= dated
        packed_bodies.append(block[at:])
        sizes.append(size)
        relay_ids.append(relay_id)
        stored_ms.append(at_ms)
    ops, counts, lengths, times_s = (
        np.frombuffer(b"".join(part), kind).astype(np.int64)
        for part, kind in zip(parts[:4], ("<u1", "<u1", "<u2", "<u4"), strict=True)
    )
    ends = np.cumsum(lengths).tolist()
    joined_bodies = b"".join(packed_bodies)
    bodies = [joined_bodies[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    groups, bad = read_many(bodies, counts, times_s)
    if bad or ends[-1] != len(joined_bodies):
        raise TornBlockError
    seqs = np.concatenate(
        [np.arange(first_seq, first_seq + size) for (_, first_seq), size in zip(some, sizes, strict=True)]
    )
    fixed = (counts, ops, np.repeat(relay_ids, sizes), np.repeat(stored_ms, sizes))
    dating: list[Ints] = []
    if any_dated:
        pairs = [np.frombuffer(part, "<i8").reshape(2, -1) for part in parts[4]]
        dating = list(np.concatenate(pairs, axis=1))
    by_mask: dict[int, list[tuple[Ints, Ints, Ints]]] = {}
    for alike in groups:
        if alike.mask & mask:
            kept = alike.values if mask == -1 else alike.values[_kept(alike.mask, mask)]
            by_mask.setdefault(alike.mask, []).append((alike.places, alike.times_s, kept))
    for own, alike_parts in by_mask.items():
        places, times, values = _joined(alike_parts, counts)
        of_counts, of_ops, of_relays, of_stored = (column[places] for column in fixed)
        dated_s, step_s = (column[places] for column in dating) if dating else (None, None)
        yield Section(own & mask, seqs[places], of_counts, of_ops, of_relays, of_stored, times, values, dated_s, step_s)


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


@lru_cache(_HOT)
def _read_compact(block: bytes, first_seq: int, mask: int) -> tuple[Section, ...]:
    """Kept for a while: what somebody looks at is looked at again, by the page that refreshes or by others."""
    sections = []
    begin = _HEAD.size + _HEADS_SIZE.size
    end = begin + _HEADS_SIZE.unpack_from(block, _HEAD.size)[0]
    columns = Columns(zlib.decompress(block[begin:end]), block, end)
    while columns.more():
        own, size, readings = columns.head(_SECTION_HEAD)
        asked = bool(own & mask)
        of_data = columns.take(size, [asked] * 5)
        rows = columns.take(readings, [asked, *(bool(mask >> code & 1) for code in codes_in(own))])
        if asked:
            of_data[0] += first_seq
            for kept in (of_data, rows):
                kept.flags.writeable = False
            seqs, counts, ops, relay_ids, stored_ms = of_data
            sections.append(Section(own & mask, seqs, counts, ops, relay_ids, stored_ms, rows[0], rows[1:]))
    return tuple(sections)
