"""What a sensor said, line by line, with the time of each."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Line:
    """One line: a word, then name=value."""

    at_s: float
    word: str
    fields: dict[str, str]

    def number(self, name: str) -> int:
        return int(self.fields[name])

    def numbers(self) -> list[int]:
        """The readings of a datagram; the sensor's own state is none."""
        return [int(n) for n in self.fields["n"].split(",") if n != "-"]


@dataclass
class Console:
    """Reads a growing file; `update` takes in what is new."""

    path: Path
    lines: list[Line] = field(default_factory=list)
    readings: int = 0
    acked: set[int] = field(default_factory=set)
    ended: bool = False  # the meter's series is at its end
    _at: int = 0

    def update(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._at)
            *whole, rest = file.read().split(b"\n")
            self._at = file.tell() - len(rest)
        for raw in whole:
            self.take(raw.decode())

    def take(self, raw: str) -> None:
        at_s, word, *rest = raw.split(" ")
        try:
            line = Line(float(at_s), word, dict(part.split("=") for part in rest if "=" in part))
        except ValueError:
            raise AssertionError(f"{self.path} says: {self.path.read_text()[-2000:]}") from None
        self.lines.append(line)
        if word == "reading":
            self.readings += 1
        elif word == "acked":
            self.acked.update(line.numbers())
        elif word == "meter":
            self.ended = True

    @property
    def delivered(self) -> bool:
        """Whether the series is at its end and a relay has all of it."""
        return self.ended and len(self.acked) == self.readings

    def said(self, word: str, since_s: float = 0.0) -> list[Line]:
        return [line for line in self.lines if line.word == word and line.at_s >= since_s]

    @property
    def target(self) -> int | None:
        """The relay of the present route."""
        routes = self.said("route")
        return routes[-1].number("relay") if routes else None
