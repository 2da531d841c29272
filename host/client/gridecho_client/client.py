"""What a program asks a remote for: which sensors it may see, their readings, their energy by period, a file."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gridecho_common.secrets import read_text_secret

from . import files
from .asking import AnswerError, Asker
from .progress import shown
from .table import Column, Hole, Table

RESOLUTIONS = ("raw", "quarter", "hour", "day", "month")
_API = "/api/v1"
_PAGE = 10_000  # readings
_DAYS = {"quarter": 90, "hour": 360, "day": 3_600, "month": 36_000}  # in one answer
_DAY_S = 86_400

Moment = int | datetime


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a sensor measures: its OBIS name, its unit (of integers), and what people call it."""

    obis: str
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor that the token opens."""

    id: int
    name: str
    region: str
    category: str
    quantities: tuple[Quantity, ...]


class Client:
    """A remote at `url`, asked with a token from one thread at a time.

    `token`, or the file `token_file` (its owner's alone), or the variable GRIDECHO_TOKEN, or the file that GRIDECHO_TOKEN_FILE
    names. `ca_file`: an authority of your own. `patience_s`: for how long a remote that is away or busy is asked again. `progress`:
    a bar on the error stream; None: at a terminal. `plain`: http:// to another machine. Raises ValueError, OSError, and
    SettingsError for a file that others may read. Its methods raise ClientError.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        token_file: str | Path | None = None,
        ca_file: str | None = None,
        patience_s: float = 120,
        progress: bool | None = None,
        plain: bool = False,
    ) -> None:
        self._asker = Asker(url, token or _token(token_file), ca_file, patience_s, plain)
        self._progress = progress

    def __repr__(self) -> str:
        return f"Client({self._asker.url!r})"

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._asker.close()

    def sensors(self) -> Iterator[Sensor]:
        """Every sensor that the token opens, by id."""
        for page in self._pages(f"{_API}/sensors"):
            with _understood():
                found = [_sensor(one) for one in page["sensors"]]
            yield from found

    def read(
        self,
        sensor: int,
        begin: Moment | None = None,
        end: Moment | None = None,
        quantities: Iterable[str] = (),
        *,
        resolution: str = "raw",
        wait_s: int = 3,
    ) -> Table:
        """Readings of a span (`end` not included), by default all; or what energy registers rose by in each period.

        `quantities`: OBIS names; of periods, "1-0:1.8.0" if none is named. `resolution`: one of RESOLUTIONS; a period belongs to
        the span that it begins in. `wait_s`: how long relays are waited for that hold something still, 30 at most. Moments are Unix
        seconds or datetimes with a zone; ValueError for others.
        """
        if resolution not in RESOLUTIONS:
            raise ValueError(f"{resolution!r} is none of {', '.join(RESOLUTIONS)}")
        begin_s, end_s = _seconds(begin, 0), _seconds(end, 1 << 32)
        names = list(quantities)
        if resolution == "raw":
            return self._readings(sensor, begin_s, end_s, names, wait_s)
        return self._energy(sensor, begin_s, end_s, names or ["1-0:1.8.0"], resolution, wait_s)

    def download(
        self,
        sensor: int,
        path: str | Path,
        begin: Moment | None = None,
        end: Moment | None = None,
        quantities: Iterable[str] = (),
        *,
        wait_s: int = 3,
    ) -> files.Downloaded:
        """The readings of a span as a CSV file at `path`, which is there when it is whole.

        One that broke off goes on where it was, also in a later call with the same span. Each start holds what the remote had by
        then: what came late of a time that was passed already is not in it. Raises OSError, too.
        """
        begin_s, end_s = _seconds(begin, 0), _seconds(end, 1 << 32)
        query = {"from": str(begin_s), "to": str(end_s), "wait": str(wait_s), **_named(list(quantities))}
        with shown(f"sensor {sensor}", self._progress) as told:
            address = f"{_API}/sensors/{sensor}/readings.csv"
            return files.download(self._asker, address, query, Path(path), told, _part_of(begin_s, end_s))

    def _readings(self, sensor: int, begin_s: int, end_s: int, names: list[str], wait_s: int) -> Table:
        table = Table(sensor, "raw")
        query = {"from": str(begin_s), "to": str(end_s), "limit": str(_PAGE), "wait": str(wait_s), **_named(names)}
        part_of = _part_of(begin_s, end_s)

        def take(page: dict[str, Any]) -> None:
            _add_holes(table, page["holes"])
            for row in page["readings"]:
                table.append(row["time"], row["values"])
                table.epochs.append(row["epoch"])
                table.seqs.append(row["seq"])
                table.items.append(row["item"])

        with shown(f"sensor {sensor}", self._progress) as told:
            for page in self._pages(f"{_API}/sensors/{sensor}/readings?{urlencode(query)}"):
                with _understood():
                    take(page)
                told(len(table), part_of(table.times[-1] if table.times else begin_s))
        for name in names:
            table.columns.setdefault(name, Column.empty(len(table)))
        return table

    def _energy(self, sensor: int, begin_s: int, end_s: int, names: list[str], resolution: str, wait_s: int) -> Table:
        table = Table(sensor, resolution)
        days = self._days(sensor, begin_s, end_s, resolution)
        rows: dict[int, dict[str, int]] = {}

        def take(answer: dict[str, Any], name: str) -> None:
            table.zone = str(answer["zone"])
            _add_holes(table, answer["holes"])
            for one in answer["energy"]:
                if begin_s <= one["begin"] < end_s:
                    rows.setdefault(one["begin"], {})[name] = one["value"]

        spans = list(_pieces(*days, _DAYS[resolution])) if days else []
        with shown(f"sensor {sensor}", self._progress) as told:
            for at, (first, last) in enumerate(spans):
                for name in names:
                    query = {
                        "unit": resolution,
                        "from": str(first),
                        "to": str(last),
                        "quantities": name,
                        "wait": wait_s,
                    }
                    answer = self._asker.json(f"{_API}/sensors/{sensor}/energy?{urlencode(query)}")
                    with _understood():
                        take(answer, name)
                told(len(rows), (at + 1) / len(spans))
        for time_s in sorted(rows):
            table.append(time_s, rows[time_s])
        for name in names:
            table.columns.setdefault(name, Column.empty(len(table)))
        return table

    def _days(self, sensor: int, begin_s: int, end_s: int, resolution: str) -> tuple[date, date] | None:
        """Days that hold the span in any zone: of months, whole ones. None: there are no readings."""
        known = self._asker.json(f"{_API}/sensors/{sensor}")
        first_s, last_s = known.get("first"), known.get("last")
        if not isinstance(first_s, int) or not isinstance(last_s, int):
            return None
        first = _date(max(begin_s, first_s) - _DAY_S)
        last = _date(min(end_s, last_s) + _DAY_S)
        if resolution == "month":
            first, last = first.replace(day=1), (last.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
        return (first, last) if first <= last else None

    def _pages(self, address: str) -> Iterator[dict[str, Any]]:
        after: str | None = address
        while after is not None:
            page = self._asker.json(after)
            yield page
            after = page.get("next")
            if after is not None and not isinstance(after, str):
                raise AnswerError("a page that does not say where it goes on")


def _token(token_file: str | Path | None) -> str | None:
    if token_file is None and "GRIDECHO_TOKEN" in os.environ:
        return os.environ["GRIDECHO_TOKEN"]
    named = token_file or os.environ.get("GRIDECHO_TOKEN_FILE")
    return read_text_secret(Path(named)) if named else None


def _seconds(moment: Moment | None, default: int) -> int:
    if moment is None:
        return default
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no zone")
        return int(moment.timestamp())
    return moment


def _date(time_s: int) -> date:
    return datetime.fromtimestamp(max(0, time_s), UTC).date()


def _pieces(first: date, last: date, most: int) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(last, first + timedelta(most - 1))
        yield first, end
        first = end + timedelta(1)


def _named(names: list[str]) -> dict[str, str]:
    return {"quantities": ",".join(names)} if names else {}


def _part_of(begin_s: int, end_s: int) -> Callable[[int], float]:
    end_s = min(end_s, int(time.time()))
    return lambda time_s: (time_s - begin_s) / max(1, end_s - begin_s)


@contextmanager
def _understood() -> Iterator[None]:
    """An answer of another form than that of the API's version 1 raises AnswerError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AnswerError(f"an answer of another form ({type(error).__name__})") from None


def _sensor(one: dict[str, Any]) -> Sensor:
    quantities = tuple(Quantity(each["obis"], each["unit"], each["label"]) for each in one["quantities"])
    return Sensor(one["id"], one["name"], one["region"], one["category"], quantities)


def _add_holes(table: Table, holes: list[dict[str, Any]]) -> None:
    """Those that are not named yet: each page says what is missing when it is asked."""
    found = [Hole(one["from"], one["to"], one["relay"], one["reason"], one["says"], one["expected"]) for one in holes]
    table.holes += [hole for hole in found if hole not in table.holes]
