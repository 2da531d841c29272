"""Many data at once as columns of numbers: what `gridecho.readings.decode` does to one datum, done to thousands by numpy.

The verdict on each datum is that of `decode` (held by tests); this only says it sooner.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from gridecho.quantities import MAX_CODE
from gridecho.readings import MAX_VALUE
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_MAX_VARINT_BYTES = 8
_END_S = 1 << 32


@dataclass(frozen=True, slots=True)
class Alike:
    """Data with the same quantities and number of readings: `places` says which of those asked about they are.

    `times_s` has a row a datum, a column a reading (0: undated); `values` the same for each quantity, in order of code.
    """

    mask: int
    places: Ints  # (data,)
    times_s: Ints  # (data, readings)
    values: Ints  # (quantities, data, readings)


def codes_in(mask: int) -> list[int]:
    """The quantity codes in a mask, a sensor's own state among them."""
    return [code for code in range(mask.bit_length()) if mask >> code & 1]


def read_many(bodies: Sequence[bytes], counts: Ints, times_s: Ints) -> tuple[list[Alike], list[int]]:
    """Data by their encoded readings, number of readings and header's time; and the places of those that do not decode."""
    bad: list[int] = []
    lengths = np.fromiter(map(len, bodies), np.int64, len(bodies))
    places = np.arange(len(bodies))
    buffer = np.frombuffer(b"".join(bodies), np.uint8)
    # One that is cut short within a number would take the next one's first bytes for the rest of it.
    whole = (lengths > 0) & (buffer[np.maximum(np.cumsum(lengths) - 1, 0)] < 128) if len(buffer) else lengths > 0
    if not whole.all():
        bad += places[~whole].tolist()
        places, lengths = places[whole], lengths[whole]
        buffer = np.frombuffer(b"".join([bodies[place] for place in places.tolist()]), np.uint8)
    if not len(places):
        return [], bad
    numbers, first, right = _varints(buffer, lengths)
    counts, times_s = counts[places], times_s[places]
    masks = numbers[first]
    codes = np.bitwise_count(masks).astype(np.int64)
    found = np.diff(np.append(first, len(numbers)))
    right &= (masks > 0) & (masks >> (MAX_CODE + 1) == 0) & (counts > 0) & (found == counts * (codes + 1))
    bad += places[~right].tolist()
    groups = []
    for chosen in _groups(masks, counts, right):
        mask, count = int(masks[chosen[0]]), int(counts[chosen[0]])
        alike, fits = _read(mask, count, first[chosen], times_s[chosen], numbers)
        bad += places[chosen[~fits]].tolist()
        if fits.any():
            groups.append(Alike(mask, places[chosen[fits]], alike[0][fits], alike[1][:, fits]))
    return groups, sorted(bad)


def _varints(buffer: NDArray[np.uint8], lengths: Ints) -> tuple[Ints, Ints, Flags]:
    """All numbers; for each datum the place of its first; and whether all of its are well written."""
    stops = np.flatnonzero(buffer < 128)
    starts = np.empty_like(stops)
    starts[0], starts[1:] = 0, stops[:-1] + 1
    sizes = stops - starts + 1
    if len(stops) == len(buffer):
        numbers = buffer.astype(np.int64)
    else:
        shifts = 7 * np.minimum(np.arange(len(buffer)) - np.repeat(starts, sizes), _MAX_VARINT_BYTES - 1)
        numbers = np.add.reduceat((buffer & 127).astype(np.int64) << shifts, starts)
    well = (sizes <= _MAX_VARINT_BYTES) & ((buffer[stops] > 0) | (sizes == 1))
    begins = np.cumsum(lengths) - lengths
    first = np.searchsorted(starts, begins)
    return numbers, first, np.logical_and.reduceat(well, first)


def _groups(masks: Ints, counts: Ints, right: Flags) -> Iterator[Ints]:
    """The places of data alike, group by group."""
    chosen = np.flatnonzero(right)
    if not len(chosen):
        return
    masks, counts = masks[chosen], counts[chosen]
    if (masks == masks[0]).all() and (counts == counts[0]).all():
        yield chosen
        return
    order = np.lexsort((counts, masks))
    ends = np.flatnonzero((np.diff(masks[order]) != 0) | (np.diff(counts[order]) != 0)) + 1
    yield from (np.sort(chosen[part]) for part in np.split(order, ends))


def _read(mask: int, count: int, first: Ints, times_s: Ints, numbers: Ints) -> tuple[tuple[Ints, Ints], Flags]:
    """((times, values), which are in range) of data alike whose first number is at `first`."""
    codes = mask.bit_count()
    raw = numbers[first[:, None] + np.arange(1, count * (codes + 1))]
    raw = (raw >> 1) ^ -(raw & 1)
    fits = (np.abs(raw) <= 2 * MAX_VALUE).all(axis=1)
    steps = np.empty((len(first), count, codes + 1), np.int64)
    steps[:, 0, 0] = times_s
    steps[:, 0, 1:] = raw[:, :codes]
    steps[:, 1:] = raw[:, codes:].reshape(len(first), count - 1, codes + 1)
    steps[~fits] = 0
    sums = np.cumsum(steps, axis=1) if count > 1 else steps
    times, values = sums[:, :, 0], sums[:, :, 1:]
    fits &= ((times >= 0) & (times < _END_S)).all(axis=1) & (np.abs(values) <= MAX_VALUE).all(axis=(1, 2))
    return (times, np.moveaxis(values, 2, 0)), fits
