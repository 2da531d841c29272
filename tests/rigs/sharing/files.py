"""What people take away: files, at once or bit by bit, and the tokens of pages, which they keep and hand on."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gridecho_remote.rules.actor import person
from gridecho_remote.rules.errors import NotFoundError
from gridecho_remote.rules.units import obis
from gridecho_remote.use import sensors
from gridecho_remote.use.sensors import Span
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from pyarrow import parquet

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import EXPORT
from tests.rigs.sharing.drawn import CODES, END, SENSORS, USERS
from tests.rigs.sharing.machine import Machine, row_of
from tests.rigs.sharing.model import exports

Row = tuple[tuple[int, ...], dict[int, int]]


@dataclass
class Download:
    """A download that goes on."""

    user: int
    sensor_id: int
    parts: Iterator[Any]


class Files(Machine):
    """Rules of downloads and of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.downloads: list[Download] = []
        self.tokens: list[tuple[int, str]] = []  # of which sensor, the address of a next page

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS, kind=st.sampled_from(["csv", "csv", "parquet"]))
    def export(self, user: int, sensor_id: int, kind: str) -> None:
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}/readings.{kind}", sensor_id)
        wanted = self.model.readings(user, sensor_id, EXPORT) if sensor_id in self.model.meters else []
        if answer is None:
            assert not exports(self.model.scopes(user, sensor_id)) or not wanted
            return
        assert exports(self.model.scopes(user, sensor_id))
        rows = of_csv(answer.text) if kind == "csv" else _of_parquet(answer.data)
        assert rows == [(one.key, one.values) for one in wanted]

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]))
    def begin_download(self, user: int, sensor_id: int) -> None:
        if len(self.downloads) < 4:
            try:
                parts = sensors.export(self.fleet.site, person(user), sensor_id, -1, Span(0, END)).parts
            except NotFoundError:
                assert not self.model.readings(user, sensor_id, EXPORT)
                return
            self.downloads.append(Download(user, sensor_id, parts))
            next(parts)  # was read at once

    @precondition(lambda self: self.downloads)
    @rule(data=st.data())
    def download_more(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.downloads))
        try:
            part = next(one.parts)
        except (StopIteration, NotFoundError):
            self.downloads.remove(one)
            return
        for item in part.rows():
            for code in item.values:
                assert self.model.opens(one.user, one.sensor_id, code, item.time_s, purpose=EXPORT)

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]), limit=st.integers(1, 4))
    def keep_a_token(self, user: int, sensor_id: int, limit: int) -> None:
        """Where a page ends, what comes next is kept for later."""
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}/readings?limit={limit}", sensor_id)
        if answer is not None and answer.json["next"] and len(self.tokens) < 6:
            self.tokens.append((sensor_id, answer.json["next"]))

    @precondition(lambda self: self.tokens)
    @rule(user=st.sampled_from([*USERS]), data=st.data())
    def go_on_later(self, user: int, data: st.DataObject) -> None:
        """Whoever comes with a token, and whenever: it opens what is open to them, and nothing else."""
        sensor_id, path = data.draw(st.sampled_from(self.tokens))
        key = tuple(map(int, path.partition("after=")[2].partition("&")[0].split(".")))
        limit = int(path.partition("limit=")[2].partition("&")[0])
        answer = self.get(user, path, sensor_id)
        assert (answer is not None) == bool(self.model.scopes(user, sensor_id))
        if answer is not None:
            wanted = [one for one in self.model.readings(user, sensor_id) if one.key > key]
            assert [row_of(one) for one in answer.json["readings"]] == [(one.key, one.values) for one in wanted[:limit]]
            assert (answer.json["next"] is not None) == (len(wanted) > limit)


def of_csv(text: str) -> list[Row]:
    """The readings of a file: their keys, and their values."""
    return [
        (
            tuple(int(row[name]) for name in ("time", "epoch", "seq", "item")),
            {code: int(row[name]) for code in CODES for name in row if obis(code) in name and row[name]},
        )
        for row in csv.DictReader(io.StringIO(text))
    ]


def _of_parquet(content: bytes) -> list[Row]:
    return [
        (
            (int(row["time"].timestamp()), row["epoch"], row["seq"], row["item"]),
            {code: row[name] for code in CODES for name in row if obis(code) in name and row[name] is not None},
        )
        for row in parquet.read_table(io.BytesIO(content)).to_pylist()
    ]
