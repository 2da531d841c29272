"""PZEM-004T v3: a single-phase module that speaks Modbus RTU; its ten input registers in one request."""

from gridecho.compat import const
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, FREQUENCY, POWER_FACTOR, POWER_IMPORT, VOLTAGE_L1

from .crc16 import ARC, crc16
from .framing import BAD, MORE, NOISE, Framer
from .serial import AskedMeter, open_line
from .values import put

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

ANY = 0xF8  # every module answers to it, so there may be one only
_READ, _ERROR = 0x04, 0x84
_REGISTERS = const(10)

# (code, first register, registers with the low one first, exponent)
_MEANING = (
    (VOLTAGE_L1, 0, 1, -1),
    (CURRENT_L1, 1, 2, -3),
    (POWER_IMPORT, 3, 2, -1),
    (ENERGY_IMPORT, 5, 2, 0),
    (FREQUENCY, 7, 1, -1),
    (POWER_FACTOR, 8, 1, -2),
)


def open_meter(settings: "dict[str, Any]") -> AskedMeter:
    """The module on its UART. Raises ConfigError."""
    return AskedMeter(open_line(settings), Parser(settings["address"]), settings["baud"], 1, settings["multiplier"])


class Parser(Framer):
    """Reads a module's replies. `answers` counts them, were they errors."""

    def __init__(self, address: int = ANY) -> None:
        super().__init__(5 + 2 * _REGISTERS, b"")
        self.answers = 0
        self._address = address

    def request(self, number: int) -> "bytes | None":
        """The one request of a round."""
        if number:
            return None
        body = bytes((self._address, _READ, 0, 0, 0, _REGISTERS))
        crc = crc16(ARC, 0xFFFF, body, 0, len(body))
        return body + bytes((crc & 255, crc >> 8))

    def _measure(self, start: int, end: int) -> int:
        buffer = self._buffer
        if self._address != ANY and buffer[start] != self._address:
            return NOISE
        if end - start < 3:
            return MORE if end - start < 2 or buffer[start + 1] in (_READ, _ERROR) else NOISE
        if buffer[start + 1] == _READ and buffer[start + 2] == 2 * _REGISTERS:
            length = 5 + 2 * _REGISTERS
        elif buffer[start + 1] == _ERROR and 1 <= buffer[start + 2] <= 4:
            length = 5
        else:
            return NOISE
        if end - start < length:
            return MORE
        crc = crc16(ARC, 0xFFFF, buffer, start, start + length - 2)
        return length if crc == buffer[start + length - 2] | buffer[start + length - 1] << 8 else BAD

    def _values(self, start: int, end: int) -> "dict[int, int] | None":
        self.answers += 1
        values: dict[int, int] = {}
        if self._buffer[start + 1] == _READ:
            for code, first, count, exponent in _MEANING:
                raw = 0
                for i in range(first + count - 1, first - 1, -1):
                    at = start + 3 + 2 * i
                    raw = raw << 16 | self._buffer[at] << 8 | self._buffer[at + 1]
                put(values, code, raw, exponent)
        return values
