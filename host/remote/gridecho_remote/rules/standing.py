"""How a sensor stands: by how old the newest reading is of those that somebody may see as they come."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

REPORTING_S = 1_200  # meters that tell every quarter of an hour, and are a little late, are among them
SILENT_S = 86_400


class Standing(IntEnum):
    """`HIDDEN`: nothing of it is open as it comes, so that it is not said whether anything does."""

    HIDDEN = -1
    REPORTING = 0
    LATE = 1
    SILENT = 2  # for a day, or ever

    @property
    def word(self) -> str:
        """By which it is asked for and shown."""
        return self.name.lower()


WORDS = {one.word: one for one in Standing if one is not Standing.HIDDEN}


def standings(last_s: NDArray[np.int64], now_s: float) -> NDArray[np.int64]:
    """Of the times of newest readings (0: there is none)."""
    ages_s = now_s - last_s
    found = np.where(
        ages_s < REPORTING_S, Standing.REPORTING, np.where(ages_s < SILENT_S, Standing.LATE, Standing.SILENT)
    )
    return np.where(last_s == 0, Standing.SILENT, found).astype(np.int64)


def standing(last_s: int | None, now_s: float) -> Standing:
    """Of one."""
    return Standing(int(standings(np.array([last_s or 0], np.int64), now_s)[0]))
