"""A meter that is a file: one reading a line, for tests, demonstrations and whoever has a series but no meter."""

from gridecho.quantities import CODE_OF, ENERGY_EXPORT, ENERGY_IMPORT


class ReplayError(Exception):
    """The file is no series; `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__("line %d: %s" % (line, what))
        self.line = line


class ReplayMeter:
    """Reads a CSV file: the first line names OBIS registers, each further one holds whole numbers, an empty field is no value.

    With `loop` the series starts again at its end, and the energy registers count on, as a register does.
    """

    def __init__(self, name: str, loop: bool) -> None:
        self._file = open(name, encoding="utf-8")
        self._loop = loop
        self._line = 1
        self._carried: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self.codes = []
        for obis in self._file.readline().strip().split(","):
            if obis not in CODE_OF:
                raise ReplayError(1, "unknown register " + obis)
            self.codes.append(CODE_OF[obis])

    def read(self) -> "dict[int, int] | None":
        """The next reading's values by quantity code; None when the series is at its end. Raises ReplayError."""
        text = self._file.readline()
        if not text and self._loop and self._last:
            self._carried = {code: self._last[code] for code in (ENERGY_IMPORT, ENERGY_EXPORT) if code in self._last}
            self._file.seek(0)
            self._file.readline()
            self._line = 1
            text = self._file.readline()
        if not text:
            return None
        self._line += 1
        fields = text.strip().split(",")
        if len(fields) != len(self.codes):
            raise ReplayError(self._line, "%d fields expected" % len(self.codes))
        values = {}
        for code, field in zip(self.codes, fields):
            if field:
                try:
                    values[code] = int(field) + self._carried.get(code, 0)
                except ValueError:
                    raise ReplayError(self._line, "not a whole number") from None
        self._last.update(values)
        return values

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()
