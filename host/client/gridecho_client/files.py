"""A CSV file of readings that is downloaded: where it breaks off it goes on after the last row that came, with none twice.

What is here so far is in a file beside it, whose name tells which question it answers, so a later call goes on, too.
"""

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import urllib3

from .asking import AnswerError, Asker, UnreachableError
from .progress import Told

_PIECE_BYTES = 64 << 10
_KEY = ("time", "epoch", "seq", "item")
Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is here whole: its rows, and how many holes the remote said are in them, at the last time that it was asked."""

    path: Path
    rows: int
    holes: int


class _Rows:
    """A file that grows by rows, each of them whole."""

    def __init__(self, path: Path) -> None:
        self.columns: list[str] = []
        self.last: Key | None = None
        self.count = 0
        self._places: list[int] = []
        self._file = path.open("r+b" if path.exists() else "w+b")
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            self._seen(_cells(line))
        self._file.seek(whole)
        self._file.truncate()

    def begin(self, columns: list[str]) -> None:
        """Which columns what comes now has: those of the file, or fewer. Raises AnswerError."""
        if not self.columns:
            self._add(columns)
        elif set(columns) - set(self.columns):
            raise AnswerError("the file goes on with other quantities; delete what is there of it")
        self._places = [columns.index(name) if name in columns else -1 for name in self.columns]

    def add(self, cells: list[str]) -> None:
        """One more row, unless it is here already."""
        row = [cells[place] if place >= 0 else "" for place in self._places]
        if self.last is None or self._key(row) > self.last:
            self._add(row)

    def close(self) -> None:
        """It is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _add(self, cells: list[str]) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(cells)
        self._file.write(text.getvalue().encode())
        self._seen(cells)

    def _seen(self, cells: list[str]) -> None:
        if not self.columns:
            if not set(_KEY) <= set(cells):
                raise AnswerError("no table of readings")
            self.columns = cells
            return
        self.last = self._key(cells)
        self.count += 1

    def _key(self, cells: list[str]) -> Key:
        return tuple(int(cells[self.columns.index(name)]) for name in _KEY)


def download(
    asker: Asker, address: str, query: dict[str, str], path: Path, told: Told, part_of: Callable[[int], float]
) -> Downloaded:
    """Has the file of this address at `path`, which is replaced only when all is here. Raises ClientError and OSError."""
    asked = hashlib.sha256(f"{asker.url}{address}?{urlencode(query)}".encode()).hexdigest()[:8]
    there = path.with_name(f"{path.name}.{asked}.part")
    rows = _Rows(there)
    try:
        holes = _all(asker, address, query, rows, told, part_of)
    finally:
        rows.close()
    there.replace(path)
    return Downloaded(path, rows.count, holes)


def _all(
    asker: Asker, address: str, query: dict[str, str], rows: _Rows, told: Told, part_of: Callable[[int], float]
) -> int:
    # It is asked again as long as each time something came.
    while True:
        before = rows.last
        since = {"from": str(before[0])} if before else {}
        response = asker.opened(f"{address}?{urlencode(query | since)}")
        try:
            if not (
                response.headers.get("Content-Length") or "chunked" in response.headers.get("Transfer-Encoding", "")
            ):
                raise AnswerError("a file whose end cannot be told")
            lines = _lines(response)
            rows.begin(next(lines, []))
            for cells in lines:
                rows.add(cells)
                if rows.last and rows.count % 1_000 == 0:
                    told(rows.count, part_of(rows.last[0]))
        except urllib3.exceptions.HTTPError as error:
            if rows.last == before:
                raise UnreachableError(asker.origin, str(error)) from None
        else:
            return int(response.headers.get("Gridecho-Holes", "0"))
        finally:
            response.close()


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[list[str]]:
    """Rows that came whole."""
    rest = b""
    for piece in response.stream(_PIECE_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield _cells(line)
    if rest:
        raise AnswerError("a file that ends within a row")


def _cells(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode().rstrip("\r\n")]), [])
    except (UnicodeDecodeError, csv.Error):
        raise AnswerError("no table of readings") from None
