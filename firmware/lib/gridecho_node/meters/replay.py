"""A meter that is a file: one reading a line, for tests, demonstrations and whoever has a series but no meter."""

from gridecho.compat import const
from gridecho.errors import ConfigError
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT
from gridecho.readings import MAX_VALUE

from ..faults import MeterError

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any


def open_meter(settings: "dict[str, Any]") -> "ReplayMeter":
    """The meter. Raises ConfigError if there is no such file, ReplayError if it is no series."""
    try:
        return ReplayMeter(settings["file"], settings["loop"])
    except OSError:
        raise ConfigError("meter.file", "a file on flash") from None


class ReplayError(MeterError):
    """The file is no series; `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__("line %d: %s" % (line, what))
        self.line = line


class ReplayMeter:
    """Reads a CSV file: the first line names OBIS registers, each further one holds whole numbers, an empty field is no value.

    With `loop` the series starts again at its end, and the energy registers go on from where they stood: as if the time between the
    last reading and the first of the new turn had used nothing, since the file does not say what it used.
    """

    turn_us = 0
    lead_us = 0

    def __init__(self, name: str, loop: bool) -> None:
        self._file = open(name, "rb")
        self._loop = loop
        self._line = 1
        self._carried: dict[int, int] = {}
        self._first: dict[int, int] = {}  # the energy registers as the series begins
        self._last: dict[int, int] = {}
        try:
            self.codes = _codes(self._file.readline())
        except ReplayError:
            self.close()
            raise

    def poll(self, now_us: int) -> None:
        """Nothing: a file is always there."""

    def begin(self, now_us: int) -> None:
        """Nothing: a file is always there."""

    def read(self, now_us: int) -> "dict[int, int] | None":
        """The next reading's values by quantity code; None when the series is at its end. Raises ReplayError."""
        row = self._file.readline()
        if not row and self._loop and self._last:
            self._carried = {code: self._last[code] - first for code, first in self._first.items()}
            self._file.seek(0)
            self._file.readline()
            self._line = 1
            row = self._file.readline()
        if not row:
            return None
        self._line += 1
        fields = row.strip().split(b",")
        if len(fields) != len(self.codes):
            raise ReplayError(self._line, "%d fields expected" % len(self.codes))
        values = {}
        for code, field in zip(self.codes, fields):
            if field:
                values[code] = self._number(field) + self._carried.get(code, 0)
        for code in (ENERGY_IMPORT, ENERGY_EXPORT):
            if code in values:
                self._first.setdefault(code, values[code])
        self._last.update(values)
        return values

    def _number(self, field: bytes) -> int:
        digits = field.strip()
        if digits[:1] in (b"+", b"-"):
            digits = digits[1:]
        if not digits.isdigit():  # MicroPython 1.24 takes 0x4 for 4
            raise ReplayError(self._line, "not a whole number")
        number = int(field)
        if not -MAX_VALUE <= number <= MAX_VALUE:
            raise ReplayError(self._line, "a number beyond 53 bits")
        return number

    def bad(self) -> int:
        """0: a series that is broken ends the meter."""
        return 0

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


def _codes(header: bytes) -> "list[int]":
    from gridecho.registers import CODE_OF

    try:
        names = header.decode().strip().split(",")
    except ValueError:
        raise ReplayError(1, "not UTF-8 text") from None
    codes: list[int] = []
    for obis in names:
        code = CODE_OF.get(obis)
        if code is None:
            raise ReplayError(1, "unknown register " + obis)
        if code in codes:
            raise ReplayError(1, "register " + obis + " twice")
        codes.append(code)
    return codes
