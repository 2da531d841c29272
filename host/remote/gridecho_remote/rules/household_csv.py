"""Readings of a CSV file: as the remote's own export has them, or with a column of local times."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from gridecho.registers import CODE_OF, QUANTITIES

from .errors import RemoteError
from .household import Household, whole

_TIMES = ("time", "utc", "local")  # the first of these that a file has counts
_IGNORED = {*_TIMES, "epoch", "seq", "item"}
_COLUMN = re.compile(r"(\d-\d:\d+\.\d+\.\d+)(?: ?\[([^\]]+)\])?")
_THOUSAND = {"kWh": "Wh", "kW": "W", "V": "mV", "A": "mA", "Hz": "mHz"}
_SECONDS = re.compile(r"\d{1,10}")


def read_csv(lines: Iterable[str], zone: ZoneInfo) -> Household:
    """What is in such a file. Raises RemoteError if it is none: for its first line, or for too many.

    First a line with the columns' names: "time" (Unix seconds, or ISO 8601), "utc" or "local" (ISO 8601; without an offset it is of
    `zone`, "utc" of UTC), and quantities by OBIS name, with a unit in brackets or in that of the export. Cells may be empty; where
    they are parted by semicolons, numbers may have a decimal comma. Of a time in the hour that comes twice the earlier one is
    meant, unless that is not after the line before.
    """
    text = iter(lines)
    head = next(text, "").lstrip("\ufeff")
    delimiter = ";" if head.count(";") > head.count(",") else ","
    names = [name.strip() for name in next(_rows(iter([head]), delimiter), [])]
    place = next((names.index(name) for name in _TIMES if name in names), None)
    columns = {n: _quantity(name) for n, name in enumerate(names) if name not in _IGNORED}
    if place is None or not columns or len({code for code, _ in columns.values()}) != len(columns):
        raise RemoteError("import-columns")
    found = Household()
    clock = _Clock(ZoneInfo("UTC") if names[place] == "utc" else zone, found)
    for line, cells in enumerate(_rows(text, delimiter), 2):
        if not cells:
            continue
        if len(cells) != len(names):
            found.refuse(line, RemoteError("import-cells", there=len(cells), expected=len(names)))
            continue
        time_s = clock.read(line, cells[place].strip())
        if time_s is None:
            continue
        values: dict[int, int] = {}
        for n, (code, factor) in columns.items():
            cell = cells[n].strip()
            if not cell:
                continue
            value = whole(cell.replace(",", ".") if delimiter == ";" else cell, factor)
            if value is None:
                found.refuse(line, RemoteError("import-value", column=names[n]))
                break
            values[code] = value
        else:
            if values:
                found.add(line, time_s, values)
    return found


def _rows(text: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each line; none has a line break in it."""
    for line in text:
        try:
            yield next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            yield [""]


def _quantity(name: str) -> tuple[int, Decimal]:
    """(code, factor) of a column. Raises RemoteError."""
    matched = _COLUMN.fullmatch(name)
    code = CODE_OF.get(matched[1]) if matched else None
    if matched is None or code is None:
        raise RemoteError("import-column", name=repr(name[:60]))
    unit = QUANTITIES[code][1]
    given = matched[2] or unit
    if given == unit:
        return code, Decimal(1)
    if _THOUSAND.get(given) == unit:
        return code, Decimal(1_000)
    raise RemoteError("import-unit", name=repr(name[:60]), unit=unit)


class _Clock:
    """Reads times one after the other."""

    def __init__(self, zone: ZoneInfo, found: Household) -> None:
        self._zone, self._found = zone, found
        self._before = 0

    def read(self, line: int, text: str) -> int | None:
        """Unix seconds; None for what is no time, which is refused."""
        if _SECONDS.fullmatch(text):
            self._before = int(text)
            return self._before
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._found.refuse(line, RemoteError("import-time"))
            return None
        if moment.microsecond:
            self._found.refuse(line, RemoteError("import-time"))
            return None
        if moment.tzinfo is None:
            first, second = (moment.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
            if first.utcoffset() != second.utcoffset():
                if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
                    self._found.refuse(line, RemoteError("import-time-never"))
                    return None
                self._found.ambiguous += 1
                moment = second if self._before >= first.timestamp() else first
            else:
                moment = first
        self._before = int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
        return self._before
