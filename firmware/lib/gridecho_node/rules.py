"""Which operation tag a reading gets: SEND when someone should know now, else STORE."""

from gridecho.frames import SEND, STORE
from gridecho.quantities import CURRENT_L1, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1


class Tagger:
    """Tags readings by the limits in `rules` (W, mA, mV; 0 is off), and by how far the power is from the last one that was SENT.

    What is beyond a limit is SENT, and so is the first reading within all limits again: someone waits for it. A failed phase shows
    as a voltage below the limit.
    """

    def __init__(self, rules: "dict[str, int]") -> None:
        self._over_w = rules["over_w"]
        self._change_w = rules["change_w"]
        self._over_ma = rules["over_ma"]
        self._over_mv = rules["over_mv"]
        self._under_mv = rules["under_mv"]
        self._known_w: int | None = None
        self._beyond = False

    def tag(self, values: "dict[int, int]") -> int:
        """STORE or SEND for a reading of these quantities."""
        power_w = None
        if POWER_IMPORT in values or POWER_EXPORT in values:
            power_w = values.get(POWER_IMPORT, 0) - values.get(POWER_EXPORT, 0)
        beyond = self._phase_beyond(values)
        if power_w is not None and self._over_w and power_w > self._over_w:
            beyond = True
        urgent = beyond or self._beyond
        self._beyond = beyond
        if power_w is not None:
            # The first reading after boot is only the reference: a restart is no event in the grid.
            if self._known_w is None:
                self._known_w = power_w
            elif self._change_w and abs(power_w - self._known_w) >= self._change_w:
                urgent = True
            if urgent:
                self._known_w = power_w
        return SEND if urgent else STORE

    def _phase_beyond(self, values: "dict[int, int]") -> bool:
        for phase in range(3):
            voltage_mv = values.get(VOLTAGE_L1 + phase)
            if voltage_mv is not None:
                if self._over_mv and voltage_mv > self._over_mv:
                    return True
                if voltage_mv < self._under_mv:
                    return True
            if self._over_ma and values.get(CURRENT_L1 + phase, 0) > self._over_ma:
                return True
        return False
