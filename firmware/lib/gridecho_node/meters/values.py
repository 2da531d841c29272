"""From what meters count in to our fixed units: Wh, W, mV, mA, mHz, 1/1000. Integers throughout: a board's floats have 32 bits."""

from gridecho.quantities import POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import MAX_VALUE


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
