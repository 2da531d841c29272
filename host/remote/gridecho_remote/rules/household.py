"""A household's own file of readings as it is read: what is in it by time, and each line that cannot be, with the reason."""

from dataclasses import dataclass, field
from decimal import Decimal

from gridecho.readings import MAX_VALUE

from .errors import RemoteError

MOST_ROWS = 600_000  # more than a year has minutes
MOST_BAD = 20  # lines that are named; the rest is counted
_END_S = 1 << 32


@dataclass(slots=True)
class Household:
    """`rows`: by time in Unix seconds, values by quantity code. `bad`: the first lines that cannot be, by number, each with why.

    `ambiguous`: how many times of the hour that comes twice were told apart by their order only. `differences`: the quantities of
    which the file has no register but what it rose by; then the rows have sums from 0 on.
    """

    rows: dict[int, dict[int, int]] = field(default_factory=dict)
    bad: list[tuple[int, RemoteError]] = field(default_factory=list)
    bad_count: int = 0
    ambiguous: int = 0
    differences: int = 0

    def refuse(self, line: int, why: RemoteError) -> None:
        """A line that cannot be."""
        self.bad_count += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append((line, why))

    def add(self, line: int, time_s: int, values: dict[int, int]) -> None:
        """What a line says. One that says otherwise than one before, or more than a reading holds, is one that cannot be.

        Raises RemoteError for too many.
        """
        if not 0 < time_s < _END_S:
            self.refuse(line, RemoteError("import-time-beyond"))
        elif any(abs(value) > MAX_VALUE for value in values.values()):
            self.refuse(line, RemoteError("import-value-beyond"))
        elif any(self.rows.get(time_s, {}).get(code, value) != value for code, value in values.items()):
            self.refuse(line, RemoteError("import-twice"))
        else:
            self.rows.setdefault(time_s, {}).update(values)
            if len(self.rows) > MOST_ROWS:
                raise RemoteError("import-many", most=MOST_ROWS)


def exact(text: str, factor: Decimal) -> Decimal | None:
    """A number times a factor: "1.25" kWh is 1250. None: it is none, or beyond what a reading holds."""
    try:
        value = Decimal(text) * factor
    except ArithmeticError:  # no number, or one beyond all bounds
        return None
    return value if value.is_finite() and abs(value) <= MAX_VALUE else None


def whole(text: str, factor: Decimal) -> int | None:
    """The same, if that is a whole number."""
    value = exact(text, factor)
    return int(value) if value is not None and value == value.to_integral_value() else None
