"""Readings as columns, in order of time: what queries hand on, and, one by one, what pages and exports show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..rules.periods import END_S
from .blocks import Section
from .columns import Ints, codes_in

NO_EPOCH = -1
ALWAYS_MS = 1 << 62  # after everything that is stored


class Item(NamedTuple):
    """One reading: `item` is its place in its datagram, `values` maps quantity codes to integers as sent.

    Epoch 0 is of what was imported. NO_EPOCH: it is from a rollup, which knows no numbers.
    """

    time_s: int
    epoch: int
    seq: int
    item: int
    values: dict[int, int]


Cursor = tuple[int, int, int, int]  # time_s, epoch, seq, item of the last reading that was given


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings by (time, epoch, seq, item). `values` has a row a quantity of `codes`; `has` says which of them are there."""

    codes: list[int]
    times_s: Ints
    epochs: Ints
    seqs: Ints
    items: Ints
    values: Ints
    has: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times_s)

    def only(self, chosen: NDArray[np.bool_] | slice) -> "Readings":
        """Some of them."""
        columns = (self.times_s[chosen], self.epochs[chosen], self.seqs[chosen], self.items[chosen])
        return Readings(self.codes, *columns, self.values[:, chosen], self.has[:, chosen])

    def between(self, from_s: int, to_s: int, after: Cursor | None = None) -> "Readings":
        """Those of a span (`to_s` not included), and of these what comes after a place."""
        begin, end = np.searchsorted(self.times_s, [from_s, to_s]).tolist()
        if after is None:
            return self.only(slice(begin, end))
        begin = max(begin, int(np.searchsorted(self.times_s, after[0])))
        keys = zip(
            *(column[begin:end].tolist() for column in (self.times_s, self.epochs, self.seqs, self.items)), strict=True
        )
        for key in keys:  # few have the same time
            if key > after:
                break
            begin += 1
        return self.only(slice(begin, end))

    def key(self, place: int) -> Cursor:
        """Where a page ends."""
        return int(self.times_s[place]), int(self.epochs[place]), int(self.seqs[place]), int(self.items[place])

    def rows(self) -> Iterator[Item]:
        """One by one."""
        columns = [column.tolist() for column in (self.times_s, self.epochs, self.seqs, self.items)]
        if self.has.all():
            rows = map(dict, map(zip, [self.codes] * len(self), self.values.T.tolist()))
            yield from map(Item, *columns, rows)
            return
        for time_s, epoch, seq, item, values, has in zip(
            *columns, self.values.T.tolist(), self.has.T.tolist(), strict=True
        ):
            there = {code: value for code, value, one in zip(self.codes, values, has, strict=True) if one}
            yield Item(time_s, epoch, seq, item, there)


def joined(parts: Sequence[Readings], codes: list[int]) -> Readings:
    """Readings that follow each other, with all of some quantities: of each part, it has some of them."""
    if len(parts) == 1 and parts[0].codes == codes:
        return parts[0]
    values = np.zeros((len(codes), sum(map(len, parts))), np.int64)
    has = np.zeros(values.shape, bool)
    at = 0
    for part in parts:
        rows = [codes.index(code) for code in part.codes]
        values[rows, at : at + len(part)] = part.values
        has[rows, at : at + len(part)] = part.has
        at += len(part)
    none = np.zeros(0, np.int64)
    times_s, epochs, seqs, items = (
        np.concatenate([none, *(getattr(part, name) for part in parts)])
        for name in ("times_s", "epochs", "seqs", "items")
    )
    return Readings(codes, times_s, epochs, seqs, items, values, has)


def readings_of(parts: Sequence[tuple[int, Section]], mask: int, from_s: int = 0, to_s: int = END_S) -> Readings:
    """The readings of sections, each of an epoch, with a quantity in `mask`; by time. Of a span, its end not included, if any."""
    codes = codes_in(mask)
    kept = [(epoch, section, _within(section, from_s, to_s)) for epoch, section in parts]
    kept = [one for one in kept if one[2].stop > one[2].start]
    sizes = [chosen.stop - chosen.start for _, _, chosen in kept]
    values, has = _values(kept, sizes, codes, mask)
    epochs = np.repeat(np.array([epoch for epoch, _, _ in kept], np.int64), sizes)
    times_s, seqs, items = (
        _end_to_end([section.places[column][chosen] for _, section, chosen in kept]) for column in range(3)
    )
    if (np.diff(times_s) > 0).all():
        return Readings(codes, times_s, epochs, seqs, items, values, has)
    order = np.lexsort((items, seqs, epochs, times_s))
    found = Readings(codes, times_s[order], epochs[order], seqs[order], items[order], values[:, order], has[:, order])
    return found.between(from_s, to_s)


def _within(section: Section, from_s: int, to_s: int) -> slice:
    """Which of its readings may lie in a span."""
    if not section.is_ascending:
        return slice(0, len(section.times_s))
    begin, end = np.searchsorted(section.places.times_s, [from_s, to_s]).tolist()
    return slice(begin, end)


def _end_to_end(columns: list[Ints]) -> Ints:
    return columns[0] if len(columns) == 1 else np.concatenate([np.zeros(0, np.int64), *columns])


def _values(
    kept: list[tuple[int, Section, slice]], sizes: list[int], codes: list[int], mask: int
) -> tuple[Ints, NDArray[np.bool_]]:
    """(values, which are there) of some readings of sections, of which not all need have every quantity."""
    shape = len(codes), sum(sizes)
    if all(section.mask == mask for _, section, _ in kept):
        columns = [section.values[:, chosen] for _, section, chosen in kept]
        values = columns[0] if len(columns) == 1 else np.concatenate([np.zeros((len(codes), 0), np.int64), *columns], 1)
        return values, np.broadcast_to(np.True_, shape)
    values, has = np.zeros(shape, np.int64), np.zeros(shape, bool)
    at = 0
    for (_, section, chosen), size in zip(kept, sizes, strict=True):
        rows = [codes.index(code) for code in codes_in(section.mask)]
        values[rows, at : at + size] = section.values[:, chosen]
        has[rows, at : at + size] = True
        at += size
    return values, has
