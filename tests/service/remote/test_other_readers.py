"""Parquet and CSV files as pandas and DuckDB read them: each value, and days of 23 and 25 hours in the site's zone."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas
import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.store.grants import add_grant

from tests.rigs.fleet import Fleet

ZONE = "Europe/Berlin"
WH, W = "1-0:1.8.0 [Wh]", "1-0:1.7.0 [W]"
STEP_S = 600
DAY_BEFORE = {25: datetime(2026, 10, 24, tzinfo=ZoneInfo(ZONE)), 23: datetime(2026, 3, 28, tzinfo=ZoneInfo(ZONE))}


@pytest.fixture(params=DAY_BEFORE)
def hours(request: pytest.FixtureRequest) -> int:
    """Of the second of the three days."""
    return int(request.param)


@pytest.fixture
def sent(hours: int) -> list[tuple[int, int, int | None]]:
    """(time, register, power) each ten minutes of three days, the register as high as one goes, the power not always there."""
    begin = int(DAY_BEFORE[hours].timestamp())
    count = (48 + hours) * 6
    return [(begin + STEP_S * n, 9 * 10**15 + 7 * n, None if n // 10 % 3 else n) for n in range(count)]


@pytest.fixture
def client(make_fleet: Callable[..., Fleet], sent: list[tuple[int, int, int | None]]):
    fleet = make_fleet(now_s=sent[-1][0] + 86_400, time_zone=ZONE)
    readings = [
        Reading(time_s, {ENERGY_IMPORT: wh} | ({} if w is None else {POWER_IMPORT: w})) for time_s, wh, w in sent
    ]
    starts = range(0, len(sent), 10)
    fleet.send(*(fleet.frame(7, readings[n : n + 10], n // 10) for n in starts))
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


@pytest.fixture
def file(client, tmp_path: Path) -> Path:
    path = tmp_path / "readings.parquet"
    path.write_bytes(client.get("/api/v1/sensors/7/readings.parquet").data)
    return path


def test_pandas_has_each_value_and_the_zone(file: Path, sent: list[tuple[int, int, int | None]], hours: int) -> None:
    frame = pandas.read_parquet(file, dtype_backend="numpy_nullable")
    assert str(frame["time"].dt.tz) == "UTC"
    times = [int(one.timestamp()) for one in frame["time"]]
    powers = [None if one is pandas.NA else int(one) for one in frame[W]]
    assert list(zip(times, map(int, frame[WH]), powers, strict=True)) == sent
    local = frame.set_index("time").tz_convert(ZONE)
    assert local[WH].groupby(local.index.date).count().tolist() == [144, hours * 6, 144]
    by_hour = local[WH].resample("h").count()
    assert (len(by_hour), set(by_hour)) == (48 + hours, {6})


def test_duckdb_has_each_value_and_the_days(file: Path, sent: list[tuple[int, int, int | None]], hours: int) -> None:
    with duckdb.connect() as database:
        database.execute(f"SET TimeZone = '{ZONE}'")
        database.read_parquet(str(file)).create_view("readings")
        ((kind,),) = database.sql("SELECT DISTINCT typeof(time) FROM readings").fetchall()
        assert kind == "TIMESTAMP WITH TIME ZONE"
        rows = database.sql("SELECT epoch(time)::BIGINT, COLUMNS('^1-0') FROM readings ORDER BY time").fetchall()
        assert rows == sent
        by_day = database.sql(
            "SELECT count(*) FROM readings GROUP BY date_trunc('day', time) ORDER BY min(time)"
        ).fetchall()
        assert by_day == [(144,), (hours * 6,), (144,)]
        by_name = database.sql("SELECT count(*) FROM readings WHERE hour(time) = 2").fetchall()
        assert by_name == [({23: 12, 25: 24}[hours],)]


def test_the_csv_file_says_the_same(client, tmp_path: Path, sent: list[tuple[int, int, int | None]]) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(client.get("/api/v1/sensors/7/readings.csv").data)
    frame = pandas.read_csv(path, dtype={WH: "Int64", W: "Int64"}, parse_dates=["utc"])
    assert str(frame["utc"].dt.tz) == "UTC"
    powers = [None if one is pandas.NA else int(one) for one in frame[W]]
    assert list(zip(frame["time"], frame[WH], powers, strict=True)) == sent
    assert [int(one.timestamp()) for one in frame["utc"]] == frame["time"].tolist()
    with duckdb.connect() as database:
        rows = database.sql(f'SELECT time, "{WH}", "{W}" FROM read_csv(\'{path}\') ORDER BY time').fetchall()  # noqa: S608  # names of ours
    assert rows == sent
