"""P1 telegrams of Dutch, Belgian and Swedish meters: DSMR 2.2 to 5.x and their kin (lines of IEC 62056-21, CRC16)."""

from gridecho.compat import const

from .crc16 import ARC, crc16
from .framing import BAD, MORE, Framer
from .obis import HZ, NO_UNIT, WH, A, Registers, V, W
from .serial import PushMeter, open_line

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_UNITS = {
    b"kWh": (WH, 3),
    b"Wh": (WH, 0),
    b"kW": (W, 3),
    b"W": (W, 0),
    b"V": (V, 0),
    b"A": (A, 0),
    b"Hz": (HZ, 0),
    b"": (NO_UNIT, 0),
}
_MARKS = (b".7.0", b".8.")  # in a line's register, or it has no value for us
_BOTH_TARIFFS = 0b110
# (length, digits before the point) of numbers before DSMR 4, all of one unit alike: without a CRC nothing else shows lost bytes.
_WIDTHS = {b"kWh": ((9, 5), (10, 6)), b"kW": ((7, 4), (6, 3), (6, 2)), b"Wh": (), b"W": ()}
_LARGEST = const(4096)  # with a Belgian meter's 13 months of peaks and a long message it is some 3 KB
_HEX = b"0123456789abcdefABCDEF"
_CHECKED, _OLD, _ALONE = (
    const(0),
    const(1),
    const(2),
)  # by its CRC or by the telegram before it; by its age; by nothing yet
_CRC_NAMES = {b"1-3:0.2.8", b"0-0:96.1.4", b"0-0:1.0.0"}  # what has one of these has a CRC as well


def open_meter(settings: "dict[str, Any]") -> PushMeter:
    """The meter on its UART. Raises ConfigError."""
    return PushMeter(open_line(settings), Parser(), settings["multiplier"])


class Parser(Framer):
    """Feed it what the P1 port says.

    A telegram of DSMR 4 or later has a CRC16. One without is taken only if no telegram with a CRC was ever seen here, if it tells
    no version that has one, and if each of its lines is well-formed; and if it must be of the days before the CRC and has both
    tariffs, or else if the telegram before it was of the same form, digit for digit.
    """

    def __init__(self) -> None:
        super().__init__(_LARGEST, b"/", b"\r\n")
        self._crc_seen = False
        self._form: tuple[int, int] | None = None  # of the newest telegram without a CRC
        self._trust = _CHECKED

    def _measure(self, start: int, end: int) -> int:
        buffer = self._buffer
        bang = buffer.find(b"!", start + self._searched, end)
        if bang < 0:
            self._searched = end - start
            return MORE
        self._searched = bang - start
        at = bang + 1
        while at < min(end, bang + 5) and buffer[at] in _HEX:
            at += 1
        if at == end and at < bang + 5:
            return MORE
        if at < bang + 5 and buffer[at] not in b"\r\n":
            return BAD
        if at == bang + 1:
            return BAD if self._crc_seen or not self._is_alike(bytes(buffer[start:bang])) else at - start
        if crc16(ARC, 0, buffer, start, bang + 1) != int(
            bytes(buffer[bang + 1 : at]), 16
        ):  # some print it without leading zeros
            return BAD
        self._crc_seen = True
        self._trust = _CHECKED
        return at - start

    def _is_alike(self, telegram: bytes) -> bool:
        """Whether a telegram without a CRC is well-formed; then `_trust` says how far to trust its values."""
        names = _names(telegram)
        if names is None or _CRC_NAMES & set(names):
            self.why = "form"
            return False
        form = _form(telegram)
        if _is_old(telegram, names):
            self._trust = _OLD
        else:
            self._trust = _CHECKED if form == self._form else _ALONE
        self._form = form
        return True

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        if self._trust == _ALONE:
            return {}
        registers = Registers()
        at = start
        while at < end:
            line_end = self._buffer.find(b"\n", at, end)
            if line_end < 0:
                line_end = end
            if line_end - at < 60 and any(self._buffer.find(mark, at, at + 12) > 0 for mark in _MARKS):
                _add(registers, bytes(self._buffer[at:line_end]).strip())
            at = line_end + 1
        if self._trust == _CHECKED or all(
            registers.tariffs.get(code, _BOTH_TARIFFS) == _BOTH_TARIFFS for code in (0, 1)
        ):
            return registers.values()
        return None


def _add(registers: Registers, line: bytes) -> None:
    """A line such as 1-0:1.8.1(000004.426*kWh); what is not of this form has no value for us."""
    opened = line.find(b"(")
    if line[:4] not in (b"1-0:", b"1-1:") or opened < 0 or not line.endswith(b")"):
        return
    parts = line[4:opened].replace(b"*", b".").split(b".")
    if len(parts) not in (3, 4) or not b"".join(parts).isdigit() or b"" in parts:
        return
    if len(parts) == 4 and int(parts[3]) != 255:
        return  # a register of the past
    number, _, unit = line[opened + 1 : -1].partition(b"*")
    sign = -1 if number.startswith(b"-") else 1
    point = number.find(b".")
    digits = (number[1:] if sign < 0 else number).replace(b".", b"", 1)
    if unit in _UNITS and digits.isdigit() and len(digits) <= 15:
        kind, exponent = _UNITS[unit]
        decimals = len(number) - point - 1 if point >= 0 else 0
        registers.add(int(parts[0]), int(parts[1]), int(parts[2]), sign * int(digits), exponent - decimals, kind)


def _names(telegram: bytes) -> "list[bytes] | None":
    """The names of the lines of a telegram, from / to before !; None if it is cut or not well-formed."""
    lines = telegram.split(b"\n")
    if len(lines) < 4 or lines[-1] or lines[1].strip():
        return None
    names = []
    for line in lines[2:-1]:
        line = line.rstrip(b"\r")
        name = line[: line.find(b"(")]
        if not line.endswith(b")") or not _is_balanced(line) or name in names:
            return None
        if name:
            names.append(name)
    return names


def _is_old(telegram: bytes, names: "list[bytes]") -> bool:
    """Whether this is a telegram of the days before the CRC, DSMR 2.2 or 3, with no digit lost."""
    for name in names:
        if not name.replace(b"-", b"").replace(b".", b"").replace(b":", b"").isdigit() or name.find(b":") != 3:
            return False
    widths: dict[bytes, tuple[int, int]] = {}
    for line in telegram.split(b"\n"):
        name, _, rest = line.rstrip(b"\r)").partition(b"(")
        number, _, unit = rest.partition(b"*")
        if unit in _WIDTHS and name.startswith(b"1-"):
            width = (len(number), number.find(b"."))
            if width not in _WIDTHS[unit] or widths.setdefault(unit, width) != width:
                return False
    return b"0-0:96.1.1" in names


def _form(telegram: bytes) -> "tuple[int, int]":
    """The same for telegrams that differ in nothing but digits of their values."""
    form = bytearray(telegram)
    is_value = False
    for i in range(len(form)):
        if form[i] in b"()":
            is_value = form[i] == 40
        elif is_value and 48 <= form[i] <= 57:
            form[i] = 48
    return len(form), crc16(ARC, 0, form, 0, len(form))


def _is_balanced(line: bytes) -> bool:
    """Printable, and each ( closed by a ) before the next one."""
    is_open = False
    for byte in line:
        if not 32 <= byte < 127 or byte in b"/!":
            return False
        if byte in b"()":
            if is_open == (byte == 40):
                return False
            is_open = byte == 40
    return not is_open
