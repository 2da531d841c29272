"""The registers of one telegram by OBIS (IEC 62056-61), whatever it was written in, as our quantities."""

from gridecho.compat import const
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT
from gridecho.registers import CODE_OF

from .values import put, put_power, scaled

# Units of DLMS (IEC 62056-6-2, enumerated units), which SML uses too.
W, WH, A, V, HZ, NO_UNIT = 27, 30, 33, 35, 44, 255
_UNITS = (WH, WH, W, W, V, V, V, A, A, A, NO_UNIT, HZ)  # by quantity code
_FINE = const(4)  # tariff registers are summed in 1/10000 Wh, and rounded once


class Registers:
    """The present registers of one telegram, collected by OBIS; tariffs are summed where there is no total.

    What group F of a name (255, or left out) says is of the past, its reader leaves out.
    """

    def __init__(self) -> None:
        self.tariffs: dict[int, int] = {}  # energy code: which tariffs were there, a bit each
        self.signed: tuple[int, int] | None = None  # 16.7.0: drawn is positive, fed in is negative; number and exponent
        self.fed_in: bool | None = None  # which way the power flows, where the meter says so beside the number
        self._absolute: tuple[int, int] | None = None  # 15.7.0, either way
        self._sums: dict[int, int] = {}
        self.present: dict[int, int] = {}  # by quantity code, but for sums of tariffs

    def add(self, c: int, d: int, e: int, number: int, exponent: int, unit: int) -> None:
        """Takes register 1-b:c.d.e = number x 10**exponent `unit`. What has no code, or not its quantity's unit, is left out."""
        if (d, e, unit) == (7, 0, W) and c in (15, 16):
            if c == 16:
                self.signed = (number, exponent)
            else:
                self._absolute = (abs(number), exponent)
            return
        tariff = e if d == 8 else 0
        code = CODE_OF.get("1-0:%d.%d.%d" % (c, d, e - tariff))
        if code is None or not 0 <= code < len(_UNITS) or unit != _UNITS[code]:
            return
        if not tariff:
            put(self.present, code, number, exponent)
        elif tariff <= 8 and -20 <= exponent <= 20 and not self.tariffs.get(code, 0) & (1 << tariff):
            self.tariffs[code] = self.tariffs.get(code, 0) | (1 << tariff)
            self._sums[code] = self._sums.get(code, 0) + scaled(number, exponent + _FINE)

    def values(self) -> "dict[int, int]":
        """By quantity code."""
        values = self.present
        for code, energy in self._sums.items():
            if code not in values:
                put(values, code, energy, -_FINE)
        if POWER_IMPORT not in values:
            if self.signed is not None:
                put_power(values, *self.signed)
            elif self._absolute is not None and POWER_EXPORT not in values:
                self._put_absolute(values, *self._absolute)
        elif POWER_EXPORT not in values and values[POWER_IMPORT] < 0:
            put_power(values, values[POWER_IMPORT], 0)
        return values

    def _put_absolute(self, values: "dict[int, int]", number: int, exponent: int) -> None:
        fed_in = self.fed_in
        if ENERGY_IMPORT not in values and ENERGY_EXPORT in values:
            fed_in = True  # a generator's meter
        elif fed_in is None and (ENERGY_EXPORT in values or ENERGY_IMPORT not in values):
            return  # it may be either
        put_power(values, -number if fed_in else number, exponent)
