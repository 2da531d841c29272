"""A column of whole numbers in as few bytes as they need: differences, centred, a byte of each beside the same byte of the others.

What varies little fills no plane at all, and noise costs little more than its entropy; each plane is deflated for itself, so
that a column that nobody asks for is passed over.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .columns import Ints

_HEAD = struct.Struct("<BB")  # planes, how often differences were taken
_TABLE_HEAD = struct.Struct("<HHB")  # rows, numbers a row, planes
_DEEPEST = 2
# By depth and planes: first numbers, centre, sizes of the planes.
_FIELDS = [[struct.Struct(f"<{depth + 1}q{width}I") for width in range(9)] for depth in range(_DEEPEST + 1)]
_RAW_DEFLATE = -15
_EFFORT = 9
_EFFORT_TABLE = 6


def packed(numbers: Ints) -> tuple[bytes, list[bytes]]:
    """(head, planes) of a column of 64-bit numbers; of its differences, or those of its differences, if these are shorter."""
    best, depth = _centred(numbers), 0
    candidate = numbers
    for again in range(1, min(_DEEPEST, len(numbers) - 1) + 1):
        candidate = np.diff(candidate)
        centred = _centred(candidate)
        if _bits(centred[0]) < _bits(best[0]):
            best, depth = centred, again
    rest, centre = best
    zigzag = ((rest << 1) ^ (rest >> 63)).astype("<u8")
    width = (int(zigzag.max(initial=0)).bit_length() + 7) // 8
    planes = [_deflated(zigzag.view(np.uint8)[n::8].tobytes()) for n in range(width)]
    firsts = [int(np.diff(numbers, again)[0]) for again in range(depth)]
    head = _HEAD.pack(width, depth) + _FIELDS[depth][width].pack(*firsts, centre, *map(len, planes))
    return head, planes


def _centred(numbers: Ints) -> tuple[Ints, int]:
    """(what is left of the numbers, their centre). Differences wrap round as 64-bit numbers do, and so come back."""
    centre = int(np.partition(numbers, len(numbers) // 2)[len(numbers) // 2]) if len(numbers) else 0
    return numbers - centre, centre


def _bits(numbers: Ints) -> float:
    return float(np.log2(1.0 + np.abs(numbers.astype(np.float64))).sum())


def _deflated(plane: bytes) -> bytes:
    """The shortest of three: deflated, deflated without a search for repeats, as it is (then as long as the column)."""
    found = [plane]
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        deflate = zlib.compressobj(_EFFORT, zlib.DEFLATED, _RAW_DEFLATE, 9, strategy)
        found.append(deflate.compress(plane) + deflate.flush())
    return min(found, key=len)


def packed_table(rows: Ints) -> bytes:
    """Rows of a table, each alike in itself: what `packed` does to a column, done to all rows at once, and deflated together.

    For many short rows; none of them can be read without the others.
    """
    count, length = rows.shape
    steps = np.diff(rows, axis=1)
    (plain, centres), (stepped, step_centres) = _centred_rows(rows), _centred_rows(steps)
    by_step = _bits_of_rows(stepped) < _bits_of_rows(plain)
    rest = np.where(by_step[:, None], np.concatenate([np.zeros((count, 1), np.int64), stepped], axis=1), plain)
    zigzag = ((rest << 1) ^ (rest >> 63)).astype("<u8")
    width = (int(zigzag.max(initial=0)).bit_length() + 7) // 8
    heads = np.stack([np.where(by_step, rows[:, 0], 0), np.where(by_step, step_centres, centres)]).astype("<i8")
    parts = [
        by_step.astype("<u1").tobytes(),
        np.ascontiguousarray(heads.view(np.uint8).reshape(2, count, 8).transpose(0, 2, 1)).tobytes(),
        np.ascontiguousarray(zigzag.view(np.uint8).reshape(count, length, 8).transpose(2, 0, 1)[:width]).tobytes(),
    ]
    return _TABLE_HEAD.pack(count, length, width) + zlib.compress(b"".join(parts), _EFFORT_TABLE)


def read_table(content: bytes) -> Ints:
    """The rows that `packed_table` was given."""
    count, length, width = _TABLE_HEAD.unpack_from(content)
    data = np.frombuffer(zlib.decompress(memoryview(content)[_TABLE_HEAD.size :]), np.uint8)
    by_step, heads, planes = np.split(data, [count, 17 * count])
    heads = np.ascontiguousarray(heads.reshape(2, 8, count).transpose(0, 2, 1)).view("<i8").reshape(2, count)
    rest: Ints = np.zeros((count, length), np.int64)
    for n, plane in enumerate(planes.reshape(width, count, length)):
        rest |= plane.astype(np.int64) << 8 * n
    _unzigzag(rest)
    firsts, centres = heads
    stepped = by_step.astype(bool)
    out = rest + centres[:, None]
    out[stepped, 0] = firsts[stepped]
    out[stepped] = np.cumsum(out[stepped], axis=1)
    return out


def _centred_rows(rows: Ints) -> tuple[Ints, Ints]:
    if not rows.shape[1]:
        return rows, np.zeros(len(rows), np.int64)
    middle = rows.shape[1] // 2
    centres: Ints = np.partition(rows, middle, axis=1)[:, middle]
    return rows - centres[:, None], centres


def _bits_of_rows(rows: Ints) -> NDArray[np.float64]:
    bits: NDArray[np.float64] = np.log2(1.0 + np.abs(rows.astype(np.float64))).sum(axis=1)
    return bits


class Columns:
    """Columns one after the other: their heads and, in `data` from `at` on, their planes."""

    def __init__(self, heads: bytes, data: bytes, at: int) -> None:
        self._heads = heads
        self._head_at = 0
        self._data = data
        self._at = at

    def more(self) -> bool:
        """Whether heads are left."""
        return self._head_at < len(self._heads)

    def head(self, layout: struct.Struct) -> tuple[int, ...]:
        """What stands between the heads of columns."""
        fields = layout.unpack_from(self._heads, self._head_at)
        self._head_at += layout.size
        return fields

    def take(self, length: int, wanted: Sequence[bool]) -> Ints:
        """The next columns, which have so many numbers each: those that are wanted, a row each."""
        rows = np.zeros((sum(wanted), length), np.int64)
        bytes_of = rows.view(np.uint8).reshape(len(rows), length, 8)
        steps: list[tuple[int, tuple[int, ...]]] = []
        for one in wanted:
            width, depth = self.head(_HEAD)
            fields = self.head(_FIELDS[depth][width])
            sizes = fields[depth + 1 :]
            if one:
                self._fill(bytes_of[len(steps), depth:], sizes)
                steps.append((depth, fields))
            self._at += sum(sizes)
        if any(len(fields) > depth + 1 for depth, fields in steps):
            _unzigzag(rows)
        for row, (depth, fields) in zip(rows, steps, strict=True):
            row[depth:] += fields[depth]
            for place in range(depth - 1, -1, -1):
                row[place] = fields[place]
                np.add.accumulate(row[place:], out=row[place:])
        return rows

    def _fill(self, bytes_of: NDArray[np.uint8], sizes: tuple[int, ...]) -> None:
        at = self._at
        for n, size in enumerate(sizes):
            plane = self._data[at : at + size]
            at += size
            if size != len(bytes_of):
                plane = zlib.decompress(plane, _RAW_DEFLATE, len(bytes_of))
            bytes_of[:, n] = np.frombuffer(plane, np.uint8)


def _unzigzag(zigzag: Ints) -> None:
    """In place; what is read as zigzag is unsigned."""
    unsigned = zigzag.view(np.uint64)
    odd = zigzag & 1
    np.right_shift(unsigned, 1, out=unsigned)
    np.bitwise_xor(zigzag, np.negative(odd, out=odd), out=zigzag)
