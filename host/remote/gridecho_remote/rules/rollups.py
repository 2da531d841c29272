"""What is known of one quantity over a stretch of time without its readings, and how stretches that follow each other become one.

Merging is associative, so that hours, days, months and regions come from one rule, and what is kept equals what the readings give.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HELD_S = 3600  # a reading stands for the time to the next one, but for no longer

# Of a stretch with at least one reading. `rise` is the sum of all steps upwards between readings: of a register of energy, the
# energy; a step down (`resets` counts them: the meter was changed, or set to zero) is no negative energy. Sums: exact to 53 bits.
STAT = np.dtype(
    [
        ("first_s", "<i8"),
        ("last_s", "<i8"),
        ("least_s", "<i8"),
        ("greatest_s", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("least", "<i8"),
        ("greatest", "<i8"),
        ("count", "<i8"),
        ("covered_s", "<i8"),
        ("resets", "<i8"),
        ("sum", "<f8"),
        ("rise", "<f8"),
    ]
)
Stats = NDArray[np.void]


def of_readings(times_s: NDArray[np.int64], values: NDArray[np.int64]) -> Stats:
    """Each reading as a stretch of its own."""
    stats = np.zeros(len(times_s), STAT)
    for name in ("first_s", "last_s", "least_s", "greatest_s"):
        stats[name] = times_s
    for name in ("first", "last", "least", "greatest", "sum"):
        stats[name] = values
    stats["count"] = 1
    return stats


def begins(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places at which another number begins: where stretches are cut by day, by hour or by sensor."""
    return np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))


def merged(stats: Stats, starts: NDArray[np.int64]) -> Stats:
    """Stretches in order of time, joined: one from each of `starts` (places, in order, the first is 0) to before the next."""
    if not len(starts):
        return np.zeros(0, STAT)
    ends = np.append(starts[1:], len(stats)) - 1
    joined = np.zeros(len(starts), STAT)
    for name in ("first", "first_s"):
        joined[name] = stats[name][starts]
    for name in ("last", "last_s"):
        joined[name] = stats[name][ends]
    held_s, rise, resets = steps(stats)
    held_s[starts], rise[starts], resets[starts] = 0, 0, 0  # what leads to a stretch is not within it
    joined["count"] = np.add.reduceat(stats["count"], starts)
    joined["sum"] = np.add.reduceat(stats["sum"], starts)
    joined["covered_s"] = np.add.reduceat(stats["covered_s"] + held_s, starts)
    joined["rise"] = np.add.reduceat(stats["rise"] + rise, starts)
    joined["resets"] = np.add.reduceat(stats["resets"] + resets, starts)
    for name, reduce in (("least", np.minimum), ("greatest", np.maximum)):
        joined[name] = reduce.reduceat(stats[name], starts)
        where = stats[name] == np.repeat(joined[name], ends - starts + 1)
        times = np.where(where, stats[f"{name}_s"], np.iinfo(np.int64).max)
        joined[f"{name}_s"] = np.minimum.reduceat(times, starts)
    return joined


def merged_readings(times_s: NDArray[np.int64], values: NDArray[np.int64], starts: NDArray[np.int64]) -> Stats:
    """The same as `merged` of `of_readings`, in a third of the time: for the thousand readings of a day it counts."""
    if not len(starts):
        return np.zeros(0, STAT)
    sizes = np.diff(np.append(starts, len(times_s)))
    ends = starts + sizes - 1
    held_s, change = np.zeros_like(times_s), np.zeros(len(values), np.float64)
    np.minimum(np.diff(times_s), HELD_S, out=held_s[1:])
    np.subtract(values[1:], values[:-1], out=change[1:], dtype=np.float64, casting="unsafe")
    held_s[starts], change[starts] = 0, 0
    joined = np.zeros(len(starts), STAT)
    joined["first_s"], joined["last_s"] = times_s[starts], times_s[ends]
    joined["first"], joined["last"] = values[starts], values[ends]
    joined["count"] = sizes
    joined["sum"] = np.add.reduceat(values.astype(np.float64), starts)
    joined["covered_s"] = np.add.reduceat(held_s, starts)
    joined["rise"] = np.add.reduceat(np.maximum(change, 0), starts)
    joined["resets"] = np.add.reduceat(change < 0, starts, dtype=np.int64)
    for name, reduce in (("least", np.minimum), ("greatest", np.maximum)):
        joined[name] = reduce.reduceat(values, starts)
        places = np.flatnonzero(values == np.repeat(joined[name], sizes))
        joined[f"{name}_s"] = times_s[places[np.searchsorted(places, starts)]]  # the first of each stretch
    return joined


def merged_each(parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]) -> list[Stats]:
    """`merged_readings` of each (times, values, starts), all at once."""
    if not parts:
        return []
    begins_at = np.cumsum([0, *(len(times_s) for times_s, _, _ in parts[:-1])])
    starts = [starts + at for (_, _, starts), at in zip(parts, begins_at, strict=True)]
    joined = merged_readings(
        np.concatenate([times_s for times_s, _, _ in parts]),
        np.concatenate([values for _, values, _ in parts]),
        np.concatenate(starts),
    )
    return np.split(joined, np.cumsum([len(some) for some in starts[:-1]]))


def steps(stats: Stats) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """(seconds covered, rise, resets) between each stretch and the one before it; 0 for the first."""
    held_s = np.zeros(len(stats), np.int64)
    rise = np.zeros(len(stats), np.float64)
    resets = np.zeros(len(stats), np.int64)
    held_s[1:] = np.minimum(stats["first_s"][1:] - stats["last_s"][:-1], HELD_S)
    change = stats["first"][1:].astype(np.float64) - stats["last"][:-1]
    rise[1:] = np.maximum(change, 0)
    resets[1:] = change < 0
    return held_s, rise, resets


def energy(stats: Stats) -> NDArray[np.float64]:
    """What a register rose by in each stretch, the step that leads from it to the next one among it: they add up to the whole.

    So a day is from the first reading of it to the first of the next, as bills have it: at midnight a register shows the old day.
    """
    return np.asarray(stats["rise"] + np.append(steps(stats)[1][1:], 0.0)[: len(stats)])
