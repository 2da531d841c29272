"""Which operation tag a reading gets: SEND when someone should know now, else STORE."""

from gridecho.frames import SEND, STORE
from gridecho.quantities import POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1


class Tagger:
    """Tags readings by the limits in `rules` (W and mV; 0 is off), and by how far the power is from the last one that was SENT."""

    def __init__(self, rules: "dict[str, int]") -> None:
        self._over_w = rules["over_w"]
        self._change_w = rules["change_w"]
        self._over_mv = rules["over_mv"]
        self._under_mv = rules["under_mv"]
        self._known_w: int | None = None

    def tag(self, values: "dict[int, int]") -> int:
        """STORE or SEND for a reading of these quantities."""
        urgent = self._voltage_off(values)
        if POWER_IMPORT in values or POWER_EXPORT in values:
            power_w = values.get(POWER_IMPORT, 0) - values.get(POWER_EXPORT, 0)
            if self._over_w and power_w > self._over_w:
                urgent = True
            # The first reading after boot is only the reference: a restart is no event in the grid.
            if self._known_w is None:
                self._known_w = power_w
            elif self._change_w and abs(power_w - self._known_w) >= self._change_w:
                urgent = True
            if urgent:
                self._known_w = power_w
        return SEND if urgent else STORE

    def _voltage_off(self, values: "dict[int, int]") -> bool:
        for code in range(VOLTAGE_L1, VOLTAGE_L1 + 3):
            if code in values:
                if self._over_mv and values[code] > self._over_mv:
                    return True
                if values[code] < self._under_mv:
                    return True
        return False
