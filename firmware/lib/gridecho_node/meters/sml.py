"""SML (Smart Message Language 1.04, BSI TR-03109-1): what German meters push through their optical head."""

from gridecho.compat import const

from .crc16 import x25
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


def settings(values: "dict[str, object]") -> "dict[str, Any]":
    """The line: 9600 8N1, as through an optical head."""
    from .line import line_settings

    return line_settings(values, 9_600, "none")


def open_meter(settings: "dict[str, Any]") -> PushMeter:
    """The meter on its UART. Raises ConfigError."""
    return PushMeter(open_line(settings), Parser())


class Parser(Framer):
    """Feed it what the head hears. A file whose CRC is wrong, or that another one cuts off, is refused."""

    def __init__(self) -> None:
        super().__init__(_LARGEST, _ESCAPE + _START, b"\0")
        self._literal = False  # whether the file holds an escape as data

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
                right = x25(self._buffer, start, at + 6) == after[2] | after[3] << 8 and after[1] <= 3
                return at + 8 - start if right else BAD
            if after == _ESCAPE:
                self._literal = True
                self._searched += 8
            elif after[0] == 0x1B:
                self._searched += 1  # the data ended in 1B: the escape is the last four of the run
            else:
                return BAD

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        data = bytes(self._buffer[start + 8 : end - 8])
        data = data[: len(data) - self._buffer[end - 3]]  # without the fill to a multiple of four
        if self._literal:
            data = data.replace(_ESCAPE + _ESCAPE, _ESCAPE)
        registers = Registers()
        try:
            at = 0
            while at < len(data):
                at = _message(data, at, registers)
        except _FormError:
            return None
        return registers.values()


class _FormError(Exception):
    """The bytes are no SML."""


def _message(data: bytes, at: int, registers: Registers) -> int:
    """Reads one message; where the next begins."""
    end = _skip(data, at)
    at = _list(data, at, 6)
    for _ in range(3):  # transaction id, group, what to do on errors
        at = _skip(data, at)
    at = _list(data, at, 2)
    if _number(data, at) == _GET_LIST_RESPONSE:
        at = _list(data, _skip(data, at), 7)
        for _ in range(4):  # client, server, name of the list, time
            at = _skip(data, at)
        kind, count, at = _type_length(data, at)
        if kind != _LIST:
            raise _FormError
        for _ in range(count):
            after = _skip(data, at)
            _entry(data, at, registers)
            at = after
    return end


def _entry(data: bytes, at: int, registers: Registers) -> None:
    at = _list(data, at, 7)
    kind, length, at = _type_length(data, at)
    if kind != _OCTETS or length != 6:
        return
    name = data[at : at + 6]
    at = _skip(data, _skip(data, at + 6))  # status, time
    unit = _number(data, at)
    at = _skip(data, at)
    exponent = _number(data, at)
    number = _number(data, _skip(data, at))
    if name[0] == 1 and name[1] == 0 and unit is not None and number is not None:
        registers.add(name[2], name[3], name[4], number, exponent or 0, unit)


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
