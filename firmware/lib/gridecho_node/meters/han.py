"""The HAN port of Norwegian meters: DLMS notifications in HDLC frames (IEC 62056-46), for the lists of `han_lists`."""

from gridecho.compat import const

from .crc16 import x25
from .framing import BAD, MORE, NOISE, Framer
from .han_lists import Lists
from .serial import PushMeter, open_line

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

    from .han_lists import Leaf

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
_ARRAY, _STRUCTURE = 1, 2


def open_meter(settings: "dict[str, Any]") -> PushMeter:
    """The meter on its UART. Raises ConfigError."""
    multiplier = settings["multiplier"]
    return PushMeter(open_line(settings), Parser(tuple(name for name in multiplier if name != "energy")), multiplier)


class Parser(Framer):
    """Feed it what the M-Bus slave hears."""

    def __init__(self, given: "tuple[str, ...]" = ()) -> None:
        super().__init__(_LARGEST, b"\x7e", b"\x7e")
        self._lists = Lists(given)

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
        leaves = _notified(bytes(self._buffer[start + self._info : end - 2]))
        values = self._lists.read(leaves) if leaves else "form"
        if isinstance(values, str):
            self.why = values
            return None
        return values


def list_values(pdu: bytes) -> "dict[int, int] | None":
    """The values in an LLC PDU, E6 E7 00 and a data notification; None if it is none, or no list that is known."""
    leaves = _notified(pdu)
    values = Lists().read(leaves) if leaves else None
    return values if isinstance(values, dict) else None


def _notified(pdu: bytes) -> "list[Leaf] | None":
    """What a data notification holds, as `_leaves`."""
    if not pdu.startswith(_LLC) or len(pdu) < 10 or pdu[3] != _DATA_NOTIFICATION:
        return None
    at = 8  # after the invoke id and priority: the time, with or without its type
    if pdu[at] == 9:
        at += 1
    return _leaves(pdu, at + 1 + pdu[at]) if at < len(pdu) else None


def _leaves(data: bytes, at: int) -> "list[Leaf] | None":
    """(type, integer, string or None) of each value in the one structure or array at `at`, in order; None if its form is wrong."""
    leaves: list[Leaf] = []
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


def _little(data: bytearray, at: int) -> int:
    return data[at] | data[at + 1] << 8
