"""Readings as arrays: times, and a column of integers for each quantity, in which values may be missing."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Ints: TypeAlias = "array[int]"


@dataclass(frozen=True, slots=True)
class Hole:
    """A span of which something is missing still: of which relay it is awaited, why it did not come, and when it is expected."""

    begin_s: int
    end_s: int  # not included
    relay: int | None
    reason: str
    says: str
    expected_s: int | None


@dataclass(slots=True)
class Column:
    """Integers as the meter told them (Wh, W, mV, mA); `has` is 0 where a value is missing, and `values` is 0 there."""

    values: Ints = field(default_factory=lambda: array("q"))
    has: Ints = field(default_factory=lambda: array("b"))

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[int | None]:
        return (value if has else None for value, has in zip(self.values, self.has, strict=True))

    @classmethod
    def empty(cls, rows: int) -> "Column":
        """One in which every value is missing."""
        return cls(array("q", bytes(8 * rows)), array("b", bytes(rows)))

    def append(self, value: int | None) -> None:
        """One more row; None: it has no value."""
        self.values.append(value or 0)
        self.has.append(value is not None)


@dataclass(slots=True)
class Table:
    """Rows by time. `times`: Unix seconds, of a reading or of the begin of a period. `columns`: by OBIS name, a value a row.

    `epochs`, `seqs`, `items`: of single readings, where each is from. `zone`: of the site, of which the periods are; UTC for single
    readings. `holes`: what is missing still of the span that was asked for.
    """

    sensor: int
    resolution: str
    zone: str = "UTC"
    times: Ints = field(default_factory=lambda: array("q"))
    epochs: Ints = field(default_factory=lambda: array("q"))
    seqs: Ints = field(default_factory=lambda: array("q"))
    items: Ints = field(default_factory=lambda: array("q"))
    columns: dict[str, Column] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.times)

    def append(self, time_s: int, values: dict[str, int]) -> None:
        """One more row, with these values by OBIS name."""
        for name in values:
            if name not in self.columns:
                self.columns[name] = Column.empty(len(self.times))
        self.times.append(time_s)
        for name, column in self.columns.items():
            column.append(values.get(name))

    def to_pandas(self, zone: str = "") -> Any:
        """A pandas.DataFrame: `time`, its index, in a zone (the table's, if none is named), columns of Int64 with NA for no value.

        Its `attrs["holes"]` are the table's. Raises ImportError where pandas is not installed.
        """
        import numpy
        import pandas

        index = pandas.to_datetime(numpy.array(self.times, "int64"), unit="s", utc=True).tz_convert(zone or self.zone)
        columns = {
            name: pandas.arrays.IntegerArray(numpy.array(column.values, "int64"), numpy.array(column.has) == 0)
            for name, column in self.columns.items()
        }
        frame = pandas.DataFrame(columns, index=index.rename("time"))
        frame.attrs["holes"] = list(self.holes)
        return frame
