"""Length classes of data, so that one datum of years makes no query read years.

A datum that reaches into a span may begin before it. Within a class it is known how far before: a query looks in each class of
the sensor's data, and goes back there as far as that class is long. A class is eight times as long as the one below it.
"""

UNDATED = -1  # the class of a datum without any time


def level_of(span_s: int) -> int:
    """The class of a datum with so many seconds from its first reading to its last."""
    return max(0, (span_s.bit_length() - 4) // 3)


def reach_s(level: int) -> int:
    """Every datum of a class is shorter than this."""
    return 64 << 3 * level


def levels_in(mask: int) -> list[int]:
    """The classes in a mask of them."""
    return [level for level in range(mask.bit_length()) if mask >> level & 1]


def extent_of(times_s: list[int]) -> tuple[int, int, int, int]:
    """(first, last, class, how many are undated) of a datum's readings; an undated one is at 0 and counts for no other."""
    dated = [time_s for time_s in times_s if time_s]
    if not dated:
        return 0, 0, UNDATED, len(times_s)
    first_s, last_s = min(dated), max(dated)
    return first_s, last_s, level_of(last_s - first_s), len(times_s) - len(dated)
