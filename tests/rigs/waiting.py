"""How tests wait: for a condition, with a deadline that only a hang reaches. Nothing is said of how soon it came true."""

import time
from collections.abc import Callable
from typing import TypeVar

HANG_S = 120.0  # what takes this long on the slowest, busiest machine does not happen at all

Found = TypeVar("Found")


def wait_for(
    condition: Callable[[], Found],
    what: str | Callable[[], object] = "it",
    *,
    every_s: float = 0.01,
    hang_s: float = HANG_S,
) -> Found:
    """What the condition gives, when that is true; AssertionError, with `what` did not happen, when it is taken for hung."""
    end_s = time.monotonic() + hang_s
    while not (found := condition()):
        if time.monotonic() > end_s:
            raise AssertionError(f"{what if isinstance(what, str) else what()} did not happen within {hang_s:.0f} s")
        time.sleep(every_s)
    return found
