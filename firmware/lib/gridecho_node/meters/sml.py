"""SML (Smart Message Language 1.04, BSI TR-03109-1): what German meters push through their optical head."""

from gridecho.compat import const
from gridecho.quantities import POWER_EXPORT, POWER_IMPORT

from .crc16 import X25, crc16, x25
from .framing import BAD, MORE, Framer
from .obis import Registers
from .serial import PushMeter, open_line

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_ESCAPE = b"\x1b\x1b\x1b\x1b"
_START = b"\x01\x01\x01\x01"  # after an escape: a file of version 1 begins
_GET_LIST_RESPONSE = const(0x0701)
_OCTETS, _SIGNED, _UNSIGNED, _LIST = 0, 5, 6, 7  # types, in bits 4 to 6 of a type-length byte
_LARGEST = const(3072)

# Which way the power flows is in the status word of 1.8.0: bit 5 as EDL21 meters have it, bit 11 in the words of newer ones, which
# end in 04. These makers' powers have no sign of their own (EMH eHZ and ED300L, Holley DTZ251).
_FED_IN, _FED_IN_04 = const(0x20), const(0x800)
_NO_SIGN = (b"EMH", b"HLY")
_WRAPPED = b"DZG"  # a DVS74 of this maker writes 327.68 to 655.35 W drawn as a negative number of two bytes


def open_meter(settings: "dict[str, Any]") -> PushMeter:
    """The meter on its UART. Raises ConfigError."""
    return PushMeter(open_line(settings), Parser(), settings["multiplier"])


class Parser(Framer):
    """Feed it what the head hears. A file whose CRC is wrong, or that another one cuts off, is refused.

    The CRC is X.25's; some meters send Kermit's on RS-485, either byte first: then every message's own CRC must be right as well.
    """

    def __init__(self) -> None:
        super().__init__(_LARGEST, _ESCAPE + _START, b"\0")
        self._literal = False  # whether the file holds an escape as data
        self._kermit = False  # whether its CRC was Kermit's

    def _measure(self, start: int, end: int) -> int:
        if not self._searched:
            self._searched, self._literal = 8, False
        while True:
            at = self._buffer.find(_ESCAPE, start + self._searched, end)
            if at < 0:
                self._searched = max(self._searched, end - start - 3)
                return MORE
            self._searched = at - start
            if end - at < 8:
                return MORE
            after = self._buffer[at + 4 : at + 8]
            if after[0] == 0x1A:
                right = after[1] <= 3 and self._has_crc(start, at + 6, after[2] | after[3] << 8)
                return at + 8 - start if right else BAD
            if after == _ESCAPE:
                self._literal = True
                self._searched += 8
            elif after[0] == 0x1B:
                self._searched += 1  # the data ended in 1B: the escape is the last four of the run
            else:
                self.why = "form"
                return BAD

    def _has_crc(self, start: int, end: int, crc: int) -> bool:
        if x25(self._buffer, start, end) == crc:
            self._kermit = False
            return True
        self._kermit = crc16(X25, 0, self._buffer, start, end) in (crc, _swapped(crc))
        return self._kermit

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        data = bytes(self._buffer[start + 8 : end - 8])
        data = data[: len(data) - self._buffer[end - 3]]  # without the fill to a multiple of four
        if self._literal:
            data = data.replace(_ESCAPE + _ESCAPE, _ESCAPE)
        registers = _List()
        try:
            at = 0
            while at < len(data):
                at = _message(data, at, registers, self._kermit)
        except _FormError:
            return None
        return registers.values()


class _FormError(Exception):
    """The bytes are no SML."""


class _List(Registers):
    """A list's registers, and what decides which way the power flows: the meter's id and the status of its energy."""

    def __init__(self) -> None:
        super().__init__()
        self.server = b""
        self.status: int | None = None
        self.wrapped: int | None = None  # 16.7.0, if it is negative and short, without its sign

    def values(self) -> "dict[int, int]":
        """By quantity code."""
        if self.status is not None:
            self.fed_in = bool(self.status & (_FED_IN_04 if self.status & 0xFF == 0x04 else _FED_IN))
        if self.signed is not None and self.fed_in is False and self.wrapped is not None and _WRAPPED in self.server:
            self.signed = (self.wrapped, self.signed[1])
        if self.fed_in and any(maker in self.server for maker in _NO_SIGN):
            if self.signed is not None:
                self.signed = (-abs(self.signed[0]), self.signed[1])
            if POWER_IMPORT in self.present and POWER_EXPORT not in self.present:
                self.present[POWER_IMPORT] = -abs(self.present[POWER_IMPORT])
        return super().values()


def _message(data: bytes, at: int, registers: _List, is_checked: bool) -> int:
    """Reads one message; where the next begins."""
    end = _skip(data, at)
    start = at
    at = _list(data, at, 6)
    for _ in range(3):  # transaction id, group, what to do on errors
        at = _skip(data, at)
    if is_checked:
        body = _skip(data, at)
        crc = _number(data, body) or 0
        if not {crc, _swapped(crc)} & {x25(data, start, body), crc16(X25, 0, data, start, body)}:
            raise _FormError
    at = _list(data, at, 2)
    if _number(data, at) == _GET_LIST_RESPONSE:
        at = _skip(data, _list(data, _skip(data, at), 7))  # client
        _, length, at = _type_length(data, at)
        registers.server = data[at : at + length]
        at = _skip(data, _skip(data, at + length))  # name of the list, time
        kind, count, at = _type_length(data, at)
        if kind != _LIST:
            raise _FormError
        for _ in range(count):
            after = _skip(data, at)
            _entry(data, at, registers)
            at = after
    return end


def _entry(data: bytes, at: int, registers: _List) -> None:
    at = _list(data, at, 7)
    kind, length, at = _type_length(data, at)
    if kind != _OCTETS or length != 6:
        return
    name = data[at : at + 6]
    status = _number(data, at + 6)
    at = _skip(data, _skip(data, at + 6))  # status, time
    unit = _number(data, at)
    at = _skip(data, at)
    exponent = _number(data, at)
    at = _skip(data, at)
    number = _number(data, at)
    if name[0] == 1 and name[1] == 0 and name[5] == 255 and unit is not None and number is not None:
        registers.add(name[2], name[3], name[4], number, exponent or 0, unit)
        if name[3] == 8 and registers.status is None:
            registers.status = status
        size = (data[at] & 15) - 1
        if name[2] == 16 and number < 0 and size < 4:
            registers.wrapped = number + (1 << 8 * size)


def _type_length(data: bytes, at: int) -> "tuple[int, int, int]":
    """(type, bytes that follow or elements of a list, where they begin)."""
    first = at
    length = 0
    while True:
        if at >= len(data) or at - first > 3:
            raise _FormError
        byte = data[at]
        length = length << 4 | byte & 15
        at += 1
        if byte < 0x80:
            break
    kind = data[first] >> 4 & 7
    if kind != _LIST:
        length = max(0, length - (at - first))  # the length counts itself; 00 is the end of a message
        if at + length > len(data):
            raise _FormError
    return kind, length, at


def _skip(data: bytes, at: int) -> int:
    """Where what begins at `at`, with all that it holds, ends."""
    left = 1
    while left:
        kind, length, at = _type_length(data, at)
        left -= 1
        if kind == _LIST:
            left += length
        else:
            at += length
    return at


def _list(data: bytes, at: int, count: int) -> int:
    """Where the elements of the list at `at` begin. It must have so many."""
    kind, length, at = _type_length(data, at)
    if kind != _LIST or length != count:
        raise _FormError
    return at


def _number(data: bytes, at: int) -> "int | None":
    """The integer of 1 to 8 bytes at `at`; None if something else is there, or nothing."""
    kind, length, at = _type_length(data, at)
    if kind not in (_SIGNED, _UNSIGNED) or not 0 < length <= 8:
        return None
    number = int.from_bytes(data[at : at + length], "big")
    if kind == _SIGNED and data[at] & 0x80:
        number -= 1 << 8 * length
    return number


def _swapped(crc: int) -> int:
    return crc >> 8 | (crc & 255) << 8
