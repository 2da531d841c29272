"""DL/T 645-2007: Chinese meters on RS-485, asked one identifier after the other."""

from gridecho.compat import const
from gridecho.quantities import CURRENT_L1, ENERGY_EXPORT, ENERGY_IMPORT, FREQUENCY, POWER_FACTOR, VOLTAGE_L1

from .framing import BAD, MORE, NOISE, Framer
from .serial import AskedMeter, open_line
from .values import put, put_power

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

ANY = "AAAAAAAAAAAA"
_READ, _READ_ADDRESS = 0x11, 0x13
_FROM_METER, _ERROR = 0x80, 0x40
_LONGEST_DATA = const(200)
_REFUSALS = const(2)  # one may have been a late answer to another request
_POWER = -1
_ADDRESS = -1  # in the place of an identifier: the request for the address

# identifier: (code of the first value or _POWER, values, bytes of one, exponent, whether its top bit is a sign)
_IDENTIFIERS = {
    0x00010000: (ENERGY_IMPORT, 1, 4, 1, False),  # 0.01 kWh
    0x00020000: (ENERGY_EXPORT, 1, 4, 1, False),
    0x02030000: (_POWER, 1, 3, -1, True),  # 0.0001 kW
    0x02010100: (VOLTAGE_L1, 1, 2, -1, False),
    0x02010200: (VOLTAGE_L1 + 1, 1, 2, -1, False),
    0x02010300: (VOLTAGE_L1 + 2, 1, 2, -1, False),
    0x0201FF00: (VOLTAGE_L1, 3, 2, -1, False),
    0x02020100: (CURRENT_L1, 1, 3, -3, True),
    0x02020200: (CURRENT_L1 + 1, 1, 3, -3, True),
    0x02020300: (CURRENT_L1 + 2, 1, 3, -3, True),
    0x0202FF00: (CURRENT_L1, 3, 3, -3, True),
    0x02060000: (POWER_FACTOR, 1, 2, -3, True),
    0x02800002: (FREQUENCY, 1, 2, -2, False),
}
_ROUND = (0x00010000, 0x00020000, 0x02030000, 0x02060000, 0x02800002)
_PHASES = {1: (0x02010100, 0x02020100), 3: (0x0201FF00, 0x0202FF00)}


def open_meter(settings: "dict[str, Any]") -> AskedMeter:
    """The meter on its UART. Raises ConfigError."""
    parser = Parser(settings["address"], settings["phases"])
    return AskedMeter(open_line(settings), parser, settings["baud"], len(_ROUND) + 3, settings["multiplier"])


class Parser(Framer):
    """Reads a meter's replies, and knows what to ask it next.

    With address ANY it asks for the address first and then takes replies of that meter only; until it is known, of any.
    `answers` counts the meter's frames that answered something, were it an error.
    """

    def __init__(self, address: str = ANY, phases: int = 1) -> None:
        super().__init__(12 + _LONGEST_DATA, b"\x68", b"\xfe")
        self.address = address
        self.answers = 0
        self._round = _ROUND + _PHASES[phases]
        self._refused: dict[int, int] = {}  # how often this meter said that it does not have it
        self._wanted: list[int] = []  # in the round under way
        self._asked = 0

    def request(self, number: int) -> "bytes | None":
        """The request `number` of a round, from 0 on; None when the round is over."""
        if number == 0:
            self._wanted = [identifier for identifier in self._round if self._refused.get(identifier, 0) < _REFUSALS]
            if self.address == ANY:
                self._wanted.insert(0, _ADDRESS)
        if number >= len(self._wanted):
            return None
        self._asked = self._wanted[number]
        if self._asked == _ADDRESS:
            return _frame(ANY, _READ_ADDRESS, b"")
        return _frame(self.address, _READ, bytes(self._asked >> shift & 255 for shift in (0, 8, 16, 24)))

    def _measure(self, start: int, end: int) -> int:
        buffer = self._buffer
        if end - start < 10:
            return NOISE if end - start > 7 and buffer[start + 7] != 0x68 else MORE
        length = buffer[start + 9]
        if buffer[start + 7] != 0x68 or length > _LONGEST_DATA:
            return NOISE
        last = start + 11 + length
        if last >= end:
            return MORE
        right = sum(buffer[start : last - 1]) & 255 == buffer[last - 1] and buffer[last] == 0x16
        return last + 1 - start if right else BAD

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        frame = self._buffer
        control = frame[start + 8]
        if not control & _FROM_METER:
            return {}  # our own request, heard again on two wires
        address = "".join("%02X" % frame[i] for i in range(start + 6, start, -1))
        if not address.isdigit() or self.address not in (ANY, address):
            return None
        data = bytes((byte - 0x33) & 255 for byte in frame[start + 10 : end - 2])
        if control == _READ_ADDRESS | _FROM_METER:
            self.answers += 1
            self.address = address
            return {}
        if control == _READ | _FROM_METER | _ERROR and len(data) == 1:
            self.answers += 1
            if data[0] & 2:  # no such data
                self._refused[self._asked] = self._refused.get(self._asked, 0) + 1
            return {}
        if control != _READ | _FROM_METER or len(data) < 4:
            return None
        identifier = int.from_bytes(data[:4], "little")
        values = _decode(identifier, data[4:])
        if values is not None:
            self.answers += 1
            self._refused.pop(identifier, None)
        return values


def _decode(identifier: int, data: bytes) -> "dict[int, int] | None":
    if identifier not in _IDENTIFIERS:
        return None
    code, count, size, exponent, is_signed = _IDENTIFIERS[identifier]
    # A meter with one phase may answer for all three with one value.
    if len(data) not in (count * size, size):
        return None
    values: dict[int, int] = {}
    for i in range(0, len(data), size):
        digits = "".join("%02X" % data[at] for at in range(i + size - 1, i - 1, -1))
        if digits.strip("F"):
            is_negative = is_signed and digits[0] in "89ABCDEF"
            if is_negative:
                digits = "%X" % (int(digits[0], 16) - 8) + digits[1:]
            if not digits.isdigit():
                return None
            number = -int(digits) if is_negative else int(digits)
            if code == _POWER:
                put_power(values, number, exponent)
            else:
                put(values, code + i // size, number, exponent)
    return values


def _frame(address: str, control: int, data: bytes) -> bytes:
    body = bytearray(b"\x68")
    for i in range(10, -2, -2):
        body.append(int(address[i : i + 2], 16))
    body.extend(bytes((0x68, control, len(data))))
    body.extend(bytes((byte + 0x33) & 255 for byte in data))
    body.extend(bytes((sum(body) & 255, 0x16)))
    return b"\xfe\xfe\xfe\xfe" + bytes(body)
