"""Figures as people read them: sizes, spans of time."""

import time


def count(n: int, what: str) -> str:
    """So many of something."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def size(n: float) -> str:
    """Bytes with a unit."""
    value = float(n)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def rate(bytes_per_s: float) -> str:
    """Bytes a second with a unit."""
    return f"{size(bytes_per_s)}/s"


def span(seconds: float) -> str:
    """A length of time in the largest unit that leaves two of it."""
    seconds = max(0, int(seconds))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def ago(utc_ms: int) -> str:
    """How long ago a time was; 0 is never."""
    return f"{span(time.time() - utc_ms / 1000)} ago" if utc_ms else "none yet"


def hours(n: float | None) -> str:
    """How long room lasts."""
    if n is None:
        return "unknown"
    return "over a year" if n > 366 * 24 else span(3600 * n)
