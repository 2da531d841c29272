"""Readings of a Green Button file (NAESB REQ.21 ESPI), read by a parser that knows no entities and looks nothing up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO, Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT

from .errors import RemoteError
from .household import MOST_ROWS, Household, exact, whole

_ATOM, _ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
_FORWARD, _REVERSE = 1, 19
_WH, _W = 72, 38
_CODES = {
    (_WH, _FORWARD): ENERGY_IMPORT,
    (_WH, _REVERSE): ENERGY_EXPORT,
    (_W, _FORWARD): POWER_IMPORT,
    (_W, _REVERSE): POWER_EXPORT,
}
_MOST_METERS = 20
_REGISTER = (1, 3)  # of the accumulation behaviours: the register itself, and no difference

Interval = tuple[int, int, str]  # begin, seconds, value


@dataclass(slots=True)
class _Entry:
    kind: str = ""
    own: str = ""
    up: str = ""
    related: set[str] = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)

    def is_above(self, other: "_Entry") -> bool:
        return other.own in self.related or other.up in self.related


def read_green(file: IO[bytes]) -> Household:
    """What is in such a file: registers and power; of energy in intervals the sums from 0 on. Lines are the intervals' numbers.

    Raises RemoteError for what is none, or has quantities that no reading has (other units, net energy).
    """
    entries = list(_entries(file))
    meters = [entry for entry in entries if entry.kind == "MeterReading"]
    blocks = [entry for entry in entries if entry.kind == "IntervalBlock"]
    types = [entry for entry in entries if entry.kind == "ReadingType"]
    if not blocks:
        raise RemoteError("import-no-green")
    if max(len(meters), len(types)) > _MOST_METERS:
        raise RemoteError("import-meters", most=_MOST_METERS)
    found = Household()
    number = 0
    for meter in meters:
        own = [block for block in blocks if meter.is_above(block)]
        kind = next((one for one in types if meter.is_above(one)), None)
        if not own or kind is None:
            continue
        code, factor, register = _quantity(kind)
        intervals = sorted(one for block in own for one in block.intervals)
        if register or code in (POWER_IMPORT, POWER_EXPORT):
            for begin_s, _, text in intervals:
                number += 1
                _add(found, number, begin_s, code, whole(text, factor))
        else:
            found.differences |= 1 << code
            number = _sum(found, number, intervals, code, factor)
    return found


def _sum(found: Household, number: int, intervals: list[Interval], code: int, factor: Decimal) -> int:
    """The register that such intervals would have turned, from 0 on, at the begin and the end of each, in whole units."""
    total, end_s = Decimal(0), -1
    for begin_s, lasts_s, text in intervals:
        number += 1
        value = exact(text, factor)
        if value is None or value < 0 or lasts_s <= 0:
            found.refuse(number, RemoteError("import-value", column="value"))
            continue
        if begin_s < end_s:
            found.refuse(number, RemoteError("import-overlap"))
            continue
        if begin_s != end_s:
            _add(found, number, begin_s, code, int(total))
        total, end_s = total + value, begin_s + lasts_s
        _add(found, number, end_s, code, int(total))
    return number


def _add(found: Household, number: int, time_s: int, code: int, value: int | None) -> None:
    if value is None:
        found.refuse(number, RemoteError("import-value", column="value"))
    else:
        found.add(number, time_s, {code: value})


def _quantity(kind: _Entry) -> tuple[int, Decimal, bool]:
    """(code, factor, whether values are the register's). Raises RemoteError."""
    said = {name: _number(kind.said.get(name, "0")) for name in ("uom", "flowDirection", "powerOfTenMultiplier")}
    code = _CODES.get((said["uom"], said["flowDirection"] or _FORWARD))
    if code is None or abs(said["powerOfTenMultiplier"]) > 12:
        raise RemoteError("import-green-kind", uom=said["uom"], flow=said["flowDirection"])
    behaviour = _number(kind.said.get("accumulationBehaviour", "0"))
    return code, Decimal(10) ** said["powerOfTenMultiplier"], behaviour in _REGISTER


def _entries(file: IO[bytes]) -> Iterator[_Entry]:
    """Each entry of the feed; its elements are forgotten then. Raises RemoteError."""
    count = 0
    try:
        for _, element in iterparse(file, events=("end",), forbid_dtd=True):
            if element.tag != f"{_ATOM}entry":
                continue
            entry = _entry(element)
            element.clear()
            count += len(entry.intervals)
            if count > MOST_ROWS:
                raise RemoteError("import-many", most=MOST_ROWS)
            yield entry
    except (ParseError, DefusedXmlException, ValueError, OverflowError):
        raise RemoteError("import-no-green") from None


def _entry(element: Any) -> _Entry:
    entry = _Entry()
    for link in element.iter(f"{_ATOM}link"):
        rel, href = link.get("rel", ""), link.get("href", "")
        if rel == "related":
            entry.related.add(href)
        elif rel == "self":
            entry.own = href
        elif rel == "up":
            entry.up = href
    for content in element.iter(f"{_ATOM}content"):
        for one in content:
            entry.kind = one.tag.removeprefix(_ESPI)
            if entry.kind == "ReadingType":
                entry.said = {each.tag.removeprefix(_ESPI): each.text or "" for each in one}
            for reading in one.iter(f"{_ESPI}IntervalReading"):
                entry.intervals.append(_interval(reading))
    return entry


def _interval(reading: Any) -> Interval:
    period = reading.find(f"{_ESPI}timePeriod")
    begin, lasts = (period.findtext(f"{_ESPI}{name}") if period is not None else None for name in ("start", "duration"))
    value = reading.findtext(f"{_ESPI}value")
    if begin is None or lasts is None or value is None:
        raise ValueError
    return _number(begin), _number(lasts), value.strip()


def _number(text: str) -> int:
    """Raises ValueError."""
    if len(text) > 20:
        raise ValueError
    return int(text)
