"""How a setting is checked: each function gives the value, or raises ConfigError for the key that is wrong."""

import json

from .errors import ConfigError

_CLOSES = {"{": "}", "[": "]"}


def parsed(content: str) -> object:
    """The value of a JSON text. Raises ValueError, also where MicroPython 1.24 takes what is cut off for the whole."""
    open_ones = []
    quoted = escaped = False
    for character in content:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in _CLOSES:
            open_ones.append(_CLOSES[character])
        elif character in "]}" and (not open_ones or open_ones.pop() != character):
            raise ValueError("a bracket that closes another")
    if open_ones or quoted:
        raise ValueError("cut off")
    return json.loads(content)


def number(least: int, most: int, default: "int | None" = None) -> "tuple[int, int, int | None]":
    """A row of a table {key: row} of whole numbers; a default of None means that the key must be there."""
    return (least, most, default)


def section(key: str, value: object, known: "tuple[str, ...]") -> "dict[str, object]":
    """An object that has none but the known keys."""
    if not isinstance(value, dict):
        raise ConfigError(key, "an object with " + ", ".join(known))
    for name in value:
        if name not in known:
            raise ConfigError('unknown key "' + str(name) + '"', "one of " + ", ".join(known))
    return value


def integer(
    prefix: str, values: "dict[str, object]", name: str, table: "dict[str, tuple[int, int, int | None]]"
) -> int:
    """The whole number `name` of `values`, within the limits of its row in `table`."""
    least, most, default = table[name]
    value = values.get(name, default)
    if not isinstance(value, int) or value is True or value is False or not least <= value <= most:
        raise ConfigError(prefix + name, "a whole number from %d to %d" % (least, most))
    return value


def text(key: str, value: object, least: int = 0) -> str:
    """A text of at least so many characters."""
    if not isinstance(value, str) or len(value) < least:
        raise ConfigError(key, "a text that is not empty" if least else "a text")
    return value


def flag(key: str, value: object) -> bool:
    """true or false."""
    if value is True or value is False:
        return bool(value)
    raise ConfigError(key, "true or false")


def choice(key: str, value: object, choices: "tuple[str, ...]") -> str:
    """One of these texts."""
    if isinstance(value, str) and value in choices:
        return value
    raise ConfigError(key, "one of " + ", ".join(choices))


def ratio(number: object) -> "tuple[int, int] | None":
    """A multiplier from 0.0001 to 100,000, of at most four decimals, as a number and an exponent of 10; None if it is none."""
    if number is True or not isinstance(number, (int, float)) or not 0 < number <= 100_000:
        return None
    for decimals in range(5):
        shifted = number * 10**decimals
        whole = int(shifted + 0.5)
        if whole and abs(shifted - whole) <= whole * 1e-6:  # a board's floats have seven digits
            return whole, -decimals
    return None
