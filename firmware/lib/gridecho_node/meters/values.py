"""From what meters count in to our fixed units: Wh, W, mV, mA, mHz, 1/1000. Integers throughout: a board's floats have 32 bits."""

from gridecho.compat import const
from gridecho.quantities import POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import MAX_VALUE
from gridecho.registers import CODE_OF

# Units of DLMS (IEC 62056-6-2, enumerated units), which SML uses too.
W, WH, A, V, HZ, NO_UNIT = 27, 30, 33, 35, 44, 255
_UNITS = (WH, WH, W, W, V, V, V, A, A, A, NO_UNIT, HZ)  # by quantity code
_FINE = const(4)  # tariff registers are summed in 1/10000 Wh, and rounded once


def scaled(number: int, exponent: int) -> int:
    """number x 10**exponent, rounded to the nearest whole number; halves away from zero."""
    if exponent >= 0:
        return int(number * 10**exponent)
    divisor = int(10**-exponent)
    whole = (abs(number) + divisor // 2) // divisor
    return -whole if number < 0 else whole


def put(values: "dict[int, int]", code: int, number: int, exponent: int) -> None:
    """Adds number x 10**exponent Wh, W, V, A, Hz or 1 in our unit; not if it is beyond what a datagram holds."""
    if -20 <= exponent <= 20:
        value = scaled(number, exponent + 3 if code >= VOLTAGE_L1 else exponent)
        if -MAX_VALUE <= value <= MAX_VALUE:
            values[code] = value


def put_power(values: "dict[int, int]", number: int, exponent: int) -> None:
    """Adds a power with a sign as what it is under OBIS: import if it is positive, export if it is negative, and the other 0."""
    put(values, POWER_IMPORT, max(number, 0), exponent)
    put(values, POWER_EXPORT, max(-number, 0), exponent)


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
