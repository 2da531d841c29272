"""Energy by the site's days through the API, and files that other programs read."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.api import tables
from gridecho_remote.store import timeline, undated
from gridecho_remote.store.grants import add_grant, revoke_grant

from tests.rigs.fleet import Fleet

ZONE = "Europe/Berlin"
T0 = int(datetime(2026, 10, 24, tzinfo=ZoneInfo(ZONE)).timestamp())  # the next day has 25 hours
WH = "1-0:1.8.0"


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    fleet = make_fleet(now_s=T0 + 3 * 86_400, time_zone=ZONE)
    # 100 Wh in every quarter of an hour, for three days and a little.
    readings = [Reading(T0 + 900 * n, {ENERGY_IMPORT: 5_000 + 100 * n, POWER_IMPORT: 400}) for n in range(300)]
    fleet.send(*(fleet.frame(7, readings[n : n + 10], n // 10) for n in range(0, 300, 10)))
    fleet.send(fleet.frame(7, [Reading(T0 + 900 * 300, {POWER_IMPORT: 1})], 30))
    return fleet


@pytest.fixture
def client(fleet: Fleet):
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


def energy(client, query: str):
    return client.get(f"/api/v1/sensors/7/energy{query}")


def test_a_day_of_25_hours_has_the_energy_of_25_hours(client) -> None:
    answer = energy(client, "?from=2026-10-24&to=2026-10-26").json
    assert (answer["unit"], answer["zone"]) == ("day", ZONE)
    assert [(one["date"], one["value"], one["count"]) for one in answer["energy"]] == [
        ("2026-10-24", 9_600, 96),
        ("2026-10-25", 10_000, 100),
        ("2026-10-26", 9_600, 96),
    ]
    hours = energy(client, "?unit=hour&from=2026-10-25&to=2026-10-25").json["energy"]
    assert [one["begin"] for one in hours] == [T0 + 86_400 + 3_600 * n for n in range(25)]
    assert {one["value"] for one in hours} == {400}
    (month,) = energy(client, "?unit=month&from=2026-10-01&to=2026-10-31").json["energy"]
    assert (month["date"], month["value"]) == ("2026-10-01", 29_900)
    assert [one["date"] for one in energy(client, "").json["energy"]] == [f"2026-10-{n}" for n in (24, 25, 26)]


@pytest.mark.parametrize(
    "query",
    [
        "?unit=year",
        "?from=yesterday",
        "?from=2026-10-25&to=2026-10-24",
        "?unit=hour&from=2020-01-01&to=2026-01-01",
        "?quantities=1-0:1.8.0,1-0:1.7.0",
    ],
)
def test_what_cannot_be_answered_is_said(client, query: str) -> None:
    answer = energy(client, query)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["code"].startswith("query-")


def test_before_and_after_all_days_there_is_nothing(client) -> None:
    for query in ("?from=1960-01-01&to=1960-01-02", "?from=2300-01-01&to=2300-01-02", "?quantities=1-0:2.8.0"):
        assert energy(client, query).json["energy"] == []
    assert client.get("/api/v1/sensors/8/energy").status_code == 404


def test_parquet_and_csv_and_json_have_the_same(client) -> None:
    answer = client.get("/api/v1/sensors/7/readings.parquet")
    assert answer.content_type == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(answer.data))
    assert table.schema.field("time").type.tz == "UTC"
    rows = [
        [int(row["time"].timestamp()), row["epoch"], row["seq"], row["item"], row[f"{WH} [Wh]"], row["1-0:1.7.0 [W]"]]
        for row in table.to_pylist()
    ]
    assert len(rows) == 301
    lines = client.get("/api/v1/sensors/7/readings.csv").get_data(as_text=True).splitlines()
    cells = [[*row[:1], *row[2:]] for row in csv.reader(lines[1:])]
    assert [[int(cell) if cell else None for cell in row] for row in cells] == rows
    found = client.get("/api/v1/sensors/7/readings").json["readings"]
    assert [
        [one["time"], one["epoch"], one["seq"], one["item"], one["values"].get(WH), one["values"]["1-0:1.7.0"]]
        for one in found
    ] == rows
    whole = client.get(f"/api/v1/sensors/7/readings?limit=10&to={T0 + 9_000}").json
    assert [one["values"] for one in whole["readings"]] == [one["values"] for one in found[:10]]


def late_readings(fleet: Fleet) -> None:
    """What comes while a download is under way, at its end and before it."""
    fleet.clock.now_s += 1
    fleet.send(fleet.frame(7, [Reading(T0 + 500_000, {POWER_IMPORT: 77})], 9_000))
    fleet.send(fleet.frame(7, [Reading(T0 - 500_000, {POWER_IMPORT: 77})], 0, epoch=2))
    fleet.send(fleet.frame(7, [Reading(0, {POWER_IMPORT: 77})], 0, epoch=3))


@pytest.mark.parametrize("name", ["readings.csv", "readings.parquet", "undated.csv"])
def test_a_download_ends_with_what_was_there_when_it_was_asked_for(
    client, fleet: Fleet, monkeypatch, name: str
) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 100)
    monkeypatch.setattr(undated, "_CHUNK", 100)
    fleet.send(*(fleet.frame(7, [Reading(0, {POWER_IMPORT: 5})] * 50, n, epoch=4) for n in range(5)))
    whole = client.get(f"/api/v1/sensors/7/{name}").data
    answer = client.get(f"/api/v1/sensors/7/{name}", buffered=False)
    found = [next(answer.response)]
    late_readings(fleet)
    assert b"".join([*found, *answer.response]) == whole
    assert client.get(f"/api/v1/sensors/7/{name}").data != whole


@pytest.mark.parametrize("revoked", ["all", "a quantity"])
@pytest.mark.parametrize("name", ["readings.csv", "readings.parquet", "undated.csv"])
def test_a_download_breaks_off_when_its_grant_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, name: str, revoked: str
) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 100)
    monkeypatch.setattr(undated, "_CHUNK", 100)
    monkeypatch.setattr(tables, "_ROW_GROUP", 100)
    fleet.send(*(fleet.frame(7, [Reading(0, {POWER_IMPORT: 5, ENERGY_IMPORT: 1})] * 50, n, epoch=4) for n in range(5)))
    client = fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    answer = client.get(f"/api/v1/sensors/7/{name}", buffered=False)
    found = [next(answer.response)]
    revoke_grant(fleet.archive, number)
    if revoked == "a quantity":
        add_grant(fleet.archive, "ada", sensor_id=7, quantities=[WH])
    late_readings(fleet)
    with pytest.raises(ConnectionAbortedError):
        found.extend(answer.response)
    assert len(found) == 1
    assert client.get(f"/api/v1/sensors/7/{name}").status_code == (404 if revoked == "all" else 200)


def test_an_empty_span_is_an_empty_file(client) -> None:
    answer = client.get("/api/v1/sensors/7/readings.parquet?to=5")
    assert pq.read_table(io.BytesIO(answer.data)).num_rows == 0
