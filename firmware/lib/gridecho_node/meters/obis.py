"""The registers of one telegram by OBIS (IEC 62056-61), whatever it was written in, as our quantities."""

from gridecho.compat import const
from gridecho.quantities import POWER_EXPORT, POWER_IMPORT
from gridecho.registers import CODE_OF

from .values import put, put_power, scaled

# Units of DLMS (IEC 62056-6-2, enumerated units), which SML uses too.
W, WH, A, V, HZ, NO_UNIT = 27, 30, 33, 35, 44, 255
_UNITS = (WH, WH, W, W, V, V, V, A, A, A, NO_UNIT, HZ)  # by quantity code
_FINE = const(4)  # tariff registers are summed in 1/10000 Wh, and rounded once


class Registers:
    """The registers of one telegram, collected by OBIS; tariffs are summed where there is no total."""

    def __init__(self) -> None:
        self.tariffs: dict[int, int] = {}  # energy code: which tariffs were there, a bit each
        self._sums: dict[int, int] = {}
        self._values: dict[int, int] = {}
        self._total: tuple[int, int] | None = None

    def add(self, c: int, d: int, e: int, number: int, exponent: int, unit: int) -> None:
        """Takes register 1-b:c.d.e = number x 10**exponent `unit`. What has no code, or not its quantity's unit, is left out."""
        if (c, d, e, unit) == (16, 7, 0, W):
            self._total = (number, exponent)
            return
        tariff = e if d == 8 else 0
        code = CODE_OF.get("1-0:%d.%d.%d" % (c, d, e - tariff))
        if code is None or not 0 <= code < len(_UNITS) or unit != _UNITS[code]:
            return
        if not tariff:
            put(self._values, code, number, exponent)
        elif tariff <= 8 and -20 <= exponent <= 20 and not self.tariffs.get(code, 0) & (1 << tariff):
            self.tariffs[code] = self.tariffs.get(code, 0) | (1 << tariff)
            self._sums[code] = self._sums.get(code, 0) + scaled(number, exponent + _FINE)

    def values(self) -> "dict[int, int]":
        """By quantity code."""
        values = self._values
        for code, energy in self._sums.items():
            if code not in values:
                put(values, code, energy, -_FINE)
        if self._total is not None and POWER_IMPORT not in values:
            put_power(values, *self._total)
        elif POWER_EXPORT not in values and values.get(POWER_IMPORT, 0) < 0:
            put_power(values, values[POWER_IMPORT], 0)
        return values
