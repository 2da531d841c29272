"""What `bench remote` stores, as it lies on disk: rows for those who take rows, batches as a relay sends them for the remote.

One meter has up to a year of minutes; the rest comes from the sensors of one region at a time, minute by minute. Rows stand in
`meter.npy` and `region.npy` (a row of the array for each of COLUMNS), batches in files of bodies with their lengths before them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from numpy.typing import NDArray

Rows = NDArray[np.int32]

COLUMNS = ("sensor_id", "time_s", "energy_wh", "power_w", "voltage_mv", "current_ma")
CODES = (ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1, CURRENT_L1)
ZONE = "Europe/Berlin"
FIRST_S = 1_735_686_000  # 2025-01-01 00:00 there
YEAR_MINUTES = 525_600
POINTS = 200  # of a thinned year
BATCH_FRAMES = 10_000  # a relay's batch_frames, as it is by default
PER_FRAME = (1, 10)
METER_ID, FIRST_REGION_ID = 1, 1_000
RELAY_ID, KEY_ID, EPOCH = 7, 1, 1
RELAY_SECRET = bytes(range(32))
MINUTE_S, DAY_S = 60, 86_400


@dataclass(frozen=True, slots=True)
class Data:
    """What lies in `folder`: `meter` minutes of one meter, `minutes` of each of `sensors` in a region; `mixed_singles` of the
    latter also as frames with one reading.
    """

    folder: str
    meter: int
    sensors: int
    minutes: int
    mixed_singles: int

    @property
    def readings(self) -> int:
        return self.meter + self.sensors * self.minutes

    @property
    def year(self) -> tuple[int, int]:
        """From when to when the meter has readings, the end not included."""
        return FIRST_S, FIRST_S + self.meter * MINUTE_S

    @property
    def day(self) -> tuple[int, int]:
        """A day in the middle of it."""
        begin = FIRST_S + self.meter * MINUTE_S // DAY_S // 2 * DAY_S
        return begin, begin + DAY_S

    @property
    def region_day(self) -> tuple[int, int]:
        """A day in the middle of the region's readings; all of them if they are fewer."""
        begin = FIRST_S + self.minutes * MINUTE_S // DAY_S // 2 * DAY_S
        return begin, begin + DAY_S

    def rows(self, part: str) -> Rows:
        """The rows of `meter` or `region`, shape (len(COLUMNS), n), as they are on disk."""
        rows: Rows = np.load(Path(self.folder) / f"{part}.npy", mmap_mode="r")
        return rows

    def bodies(self, part: str) -> Iterator[bytes]:
        """The batches of `meter-1`, `meter-10`, `mixed-1` or `mixed-10`."""
        with (Path(self.folder) / f"{part}.batches").open("rb") as file:
            while head := file.read(4):
                yield file.read(int.from_bytes(head, "big"))

    def readings_of(self, part: str) -> int:
        """How many readings these batches hold."""
        if part.startswith("meter"):
            return self.meter
        return self.mixed_singles if part == "mixed-1" else self.sensors * self.minutes


def root_of(sensor_id: int) -> bytes:
    """A sensor's root key in the bench."""
    return sensor_id.to_bytes(32, "big")
