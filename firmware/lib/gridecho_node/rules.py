"""Which operation tag a reading gets: SEND when someone should know now, else STORE."""

from gridecho.frames import SEND, STORE
from gridecho.quantities import CURRENT_L1, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1


class Tagger:
    """Tags readings by the limits in `rules` (W, mA, mV; 0 is off), and by how far the power is from the last one that was SENT.

    What is beyond a limit is SENT, and so is the first reading within all limits again: someone waits for it. A failed phase shows
    as a voltage below the limit. A meter may send some of its values less often: what is missing is no value, and changes nothing.
    """

    def __init__(self, rules: "dict[str, int]") -> None:
        self._over_w = rules["over_w"]
        self._change_w = rules["change_w"]
        self._over_ma = rules["over_ma"]
        self._over_mv = rules["over_mv"]
        self._under_mv = rules["under_mv"]
        self._known_w: int | None = None
        self._beyond = 0  # a bit for each value that was beyond its limit when it was last there
        self._powers = 0  # bits: import and export were there once; both were above 0 at one time

    def tag(self, values: "dict[int, int]") -> int:
        """STORE or SEND for a reading of these quantities."""
        before = self._beyond
        now = self._phases(values)
        power_w = self._net_w(values)
        if power_w is not None and self._over_w:
            now |= self._judge(1, power_w > self._over_w)
        urgent = bool(now or (before and not self._beyond))
        if power_w is not None:
            # The first reading after boot is only the reference: a restart is no event in the grid.
            if self._known_w is None:
                self._known_w = power_w
            elif self._change_w and abs(power_w - self._known_w) >= self._change_w:
                urgent = True
            if urgent:
                self._known_w = power_w
        return SEND if urgent else STORE

    def _net_w(self, values: "dict[int, int]") -> "int | None":
        """Power drawn less power fed in; None if a part of it is missing."""
        drawn_w, fed_w = values.get(POWER_IMPORT), values.get(POWER_EXPORT)
        powers = (drawn_w is not None) | (fed_w is not None) << 1 | bool(drawn_w and fed_w) << 2
        if self._powers & 3 and powers & 3 & ~self._powers:
            self._known_w = None  # what was compared until now was not all of it
        self._powers |= powers
        if drawn_w is None or fed_w is None:
            # A meter that never has the other has none; one that nets its phases has one above 0 at a time, so the other is 0.
            if self._powers & 3 == 3 and (self._powers & 4 or not (drawn_w or fed_w)):
                return None
            if not powers:
                return None
        return (drawn_w or 0) - (fed_w or 0)

    def _phases(self, values: "dict[int, int]") -> int:
        """The bits of voltages and currents that are beyond a limit in this reading."""
        now = 0
        for phase in range(3):
            voltage_mv = values.get(VOLTAGE_L1 + phase)
            if voltage_mv is not None:
                over = bool(self._over_mv) and voltage_mv > self._over_mv
                now |= self._judge(2 << phase, over or voltage_mv < self._under_mv)
            current_ma = values.get(CURRENT_L1 + phase)
            if current_ma is not None:
                now |= self._judge(16 << phase, bool(self._over_ma) and current_ma > self._over_ma)
        return now

    def _judge(self, bit: int, beyond: bool) -> int:
        self._beyond = self._beyond | bit if beyond else self._beyond & ~bit
        return bit if beyond else 0
