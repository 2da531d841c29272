"""The HAN port of Norwegian meters: DLMS notifications in HDLC frames (IEC 62056-46), with the lists of Aidon, Kamstrup, Kaifa."""

from gridecho.compat import const

from .crc16 import x25
from .framing import BAD, MORE, NOISE, Framer
from .obis import WH, A, Registers, V, W
from .serial import PushMeter, open_line

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_LARGEST = const(2049)  # HDLC's length has eleven bits
_LLC = b"\xe6\xe7\x00"
_DATA_NOTIFICATION = 0x0F

# DLMS types with a fixed size (IEC 62056-6-2): tag: (bytes, signed integer, integer)
_FIXED = {
    0: (0, False, False),
    3: (1, False, False),
    5: (4, True, True),
    6: (4, False, True),
    13: (1, False, False),
    15: (1, True, True),
    16: (2, True, True),
    17: (1, False, True),
    18: (2, False, True),
    20: (8, True, True),
    21: (8, False, True),
    22: (1, False, True),
    23: (4, False, False),
    24: (8, False, False),
    25: (12, False, False),
    26: (5, False, False),
    27: (4, False, False),
}
_STRINGS = (9, 10, 12)
_ARRAY, _STRUCTURE, _INTEGER, _ENUM = 1, 2, 15, 22

# What a maker's registers count in, where the list does not say it: (unit, exponent) by C of 1-0:C.D.0.
_KAIFA = {1: (W, 0), 2: (W, 0), 31: (A, -3), 51: (A, -3), 71: (A, -3), 32: (V, -1), 52: (V, -1), 72: (V, -1)}
_KAMSTRUP = {1: (W, 0), 2: (W, 0), 31: (A, -2), 51: (A, -2), 71: (A, -2), 32: (V, 0), 52: (V, 0), 72: (V, 0)}
_TRANSFORMER = b"685"  # how the type of a Kamstrup meter begins whose currents come in mA

# Kaifa's lists without names: what stands in which place, C * 256 + D, by the number of elements.
_P, _N, _IMPORT, _EXPORT = 0x0107, 0x0207, 0x0108, 0x0208
_ONE = (0, 0, 0, _P, _N, 0, 0, 0x1F07, 0x2007)
_THREE = (0, 0, 0, _P, _N, 0, 0, 0x1F07, 0x3307, 0x4707, 0x2007, 0x3407, 0x4807)
_HOUR = (0, _IMPORT, _EXPORT, 0, 0)
_PLACES = {1: (_P,), 9: _ONE, 13: _THREE, 14: _ONE + _HOUR, 18: _THREE + _HOUR}


def settings(values: "dict[str, object]") -> "dict[str, Any]":
    """The line: 2400 8E1, behind an M-Bus slave chip."""
    from .line import line_settings

    return line_settings(values, 2_400, "even")


def open_meter(settings: "dict[str, Any]") -> PushMeter:
    """The meter on its UART. Raises ConfigError."""
    return PushMeter(open_line(settings), Parser())


class Parser(Framer):
    """Feed it what the M-Bus slave hears."""

    def __init__(self) -> None:
        super().__init__(_LARGEST, b"\x7e", b"\x7e")

    def _measure(self, start: int, end: int) -> int:
        buffer = self._buffer
        if end - start < 3:
            return MORE if end - start < 2 or buffer[start + 1] & 0xF8 == 0xA0 else NOISE
        if buffer[start + 1] & 0xF8 != 0xA0:  # frame format 3, not a part of a longer message
            return NOISE
        length = (buffer[start + 1] & 7) << 8 | buffer[start + 2]
        control = start + 3
        for _ in range(2):  # destination and source: the last byte of each is odd
            limit = control + 4
            while control < min(end, limit) and not buffer[control] & 1:
                control += 1
            if control >= end:
                return MORE
            if control == limit:
                return NOISE
            control += 1
        if end < control + 3:
            return MORE
        if length < control + 5 - start - 1 or x25(buffer, start + 1, control + 1) != _little(buffer, control + 1):
            return BAD
        last = start + 1 + length  # the closing flag, which may be the next frame's opening one
        if last >= end:
            return MORE
        if buffer[last] != 0x7E or x25(buffer, start + 1, last - 2) != _little(buffer, last - 2):
            return BAD
        self._info = control + 3 - start
        return last - start

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        return list_values(bytes(self._buffer[start + self._info : end - 2]))


def list_values(pdu: bytes) -> "dict[int, int] | None":
    """The values in an LLC PDU, E6 E7 00 and a data notification; None if it is none, or none of the three makers'."""
    if not pdu.startswith(_LLC) or len(pdu) < 10 or pdu[3] != _DATA_NOTIFICATION:
        return None
    at = 8  # after the invoke id and priority: the time, with or without its type
    if pdu[at] == 9:
        at += 1
    if at >= len(pdu):
        return None
    leaves = _leaves(pdu, at + 1 + pdu[at])
    if not leaves:
        return None
    names = [tag == 9 and isinstance(value, bytes) and _is_obis(value) for tag, value in leaves]
    if True not in names:
        return _unnamed(leaves)
    return _named(leaves, names)


def _unnamed(leaves: "list[tuple[int, int | bytes | None]]") -> "dict[int, int] | None":
    places = _PLACES.get(len(leaves))
    if places is None:
        return None
    registers = Registers()
    for place, (_, value) in zip(places, leaves):
        if place:
            if not isinstance(value, int):
                return None
            _add(registers, place >> 8, place & 255, value, _KAIFA)
    return registers.values()


def _named(leaves: "list[tuple[int, int | bytes | None]]", names: "list[bool]") -> "dict[int, int] | None":
    makers = _maker(leaves)
    registers = Registers()
    for i in range(len(leaves) - 1):
        name, value = leaves[i][1], leaves[i + 1][1]
        if not names[i] or not isinstance(name, bytes) or not isinstance(value, int) or name[1] > 1 or name[4]:
            continue
        if [tag for tag, _ in leaves[i + 2 : i + 4]] == [_INTEGER, _ENUM]:
            exponent, unit = leaves[i + 2][1], leaves[i + 3][1]
            if isinstance(exponent, int) and isinstance(unit, int):
                registers.add(name[2], name[3], 0, value, exponent, unit)
        elif makers is None:
            return None  # nobody knows what it counts in
        else:
            _add(registers, name[2], name[3], value, makers)
    return registers.values()


def _maker(leaves: "list[tuple[int, int | bytes | None]]") -> "dict[int, tuple[int, int]] | None":
    """The units of the maker that names itself in the list."""
    texts = [value for _, value in leaves if isinstance(value, bytes)]
    if any(text.startswith(b"Kamstrup") for text in texts):
        if any(text.startswith(_TRANSFORMER) for text in texts):
            return {c: (A, -3) if unit == A else (unit, exponent) for c, (unit, exponent) in _KAMSTRUP.items()}
        return _KAMSTRUP
    return _KAIFA if any(text[:3] in (b"KFM", b"Kfm") for text in texts) else None


def _add(registers: Registers, c: int, d: int, value: int, units: "dict[int, tuple[int, int]]") -> None:
    if d == 8:
        registers.add(c, d, 0, value, 0 if units is _KAIFA else 1, WH)
    elif c in units:
        registers.add(c, d, 0, value, units[c][1], units[c][0])


def _leaves(data: bytes, at: int) -> "list[tuple[int, int | bytes | None]] | None":
    """(type, integer, string or None) of each value in the one structure or array at `at`, in order; None if its form is wrong."""
    leaves: list[tuple[int, int | bytes | None]] = []
    left = 1
    while left:
        if at >= len(data):
            return None
        tag = data[at]
        at += 1
        left -= 1
        if tag in (_ARRAY, _STRUCTURE) or tag in _STRINGS:
            if at >= len(data) or data[at] > 0x7F:  # no list of a meter is so long
                return None
            size = data[at]
            at += 1
            if tag in (_ARRAY, _STRUCTURE):
                left += size
                continue
            value: int | bytes | None = data[at : at + size]
        elif tag in _FIXED:
            size, is_signed, is_integer = _FIXED[tag]
            value = None
            if is_integer:
                value = int.from_bytes(data[at : at + size], "big")
                if is_signed and value >> (8 * size - 1):
                    value -= 1 << 8 * size
        else:
            return None
        at += size
        if at > len(data):
            return None
        leaves.append((tag, value))
    return leaves if at == len(data) else None


def _is_obis(name: bytes) -> bool:
    return len(name) == 6 and name[0] in (0, 1) and name[5] == 255


def _little(data: bytearray, at: int) -> int:
    return data[at] | data[at + 1] << 8
