"""How the API is served: not again what somebody has, compressed where that is asked for, and so often a minute."""

import csv
import gzip
import io
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import Reading
from gridecho_remote.store.grants import add_grant, revoke_grant

from tests.rigs.fleet import Fleet

T0, DAY_S = 1_800_000_000 // 86_400 * 86_400, 86_400
DAY = f"/api/v1/sensors/7/readings?from={T0}&to={T0 + DAY_S}"
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    """A reading a quarter of an hour for two days; it is the second evening."""
    fleet.clock.now_s = T0 + 1.9 * DAY_S
    readings = [Reading(T0 + 900 * n, {ENERGY_IMPORT: 100 * n}) for n in range(180)]
    for begin in range(0, 180, 30):
        fleet.send(fleet.frame(7, readings[begin : begin + 30]))
    client = fleet.person("ada")
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


@pytest.mark.parametrize("path", [DAY, "/api/v1/sensors/7/energy?from=2027-01-15&to=2027-01-15"])
def test_a_day_that_is_over_is_not_sent_again_as_long_as_it_is_the_same(
    fleet: Fleet, ada: FlaskClient, path: str
) -> None:
    first = ada.get(path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    shown = {"If-None-Match": first.headers["ETag"]}
    fleet.clock.now_s += 3
    again = ada.get(path, headers=shown)
    assert (again.status_code, again.data) == (304, b"")
    assert ada.get(path, headers=shown | GZIP).status_code == 304
    fleet.send(fleet.frame(7, [Reading(T0 + 450, {ENERGY_IMPORT: 50})], 99))  # late
    later = ada.get(path, headers=shown)
    assert later.status_code == 200 and later.headers["ETag"] != first.headers["ETag"]
    revoke_grant(fleet.archive, 1)
    assert ada.get(path, headers={"If-None-Match": later.headers["ETag"]}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/sensors/7/readings?from={T0}",
        DAY + "&stored_since=5",
        "/api/v1/sensors/7/energy",
        "/api/v1/sensors/7/latest",
        "/api/v1/sensors",
    ],
)
def test_what_may_change_has_no_tag(ada: FlaskClient, path: str) -> None:
    answer = ada.get(path)
    assert answer.status_code == 200 and "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_json_and_csv_come_compressed_where_that_is_asked_for(ada: FlaskClient) -> None:
    for path in (DAY, "/api/v1/sensors/7/readings.csv", "/openapi.json"):
        plain, packed = ada.get(path), ada.get(path, headers=GZIP)
        assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip", path
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < len(plain.data) / 3
        said, same = gzip.decompress(packed.data), plain.data
        if path == DAY:
            assert json.loads(said)["readings"] == json.loads(same)["readings"]
        else:
            assert said == same
    packed = ada.get("/api/v1/sensors/7/readings.parquet", headers=GZIP)
    assert "Content-Encoding" not in packed.headers, "it is packed already"
    for path in ("/", "/account", "/api/v1/docs"):
        assert "Content-Encoding" not in ada.get(path, headers=GZIP).headers, "it has secrets, or needs none"


def test_a_download_that_is_given_up_while_compressed_counts_no_more(fleet: Fleet, ada: FlaskClient) -> None:
    for _ in range(5):
        answer = ada.get("/api/v1/sensors/7/readings.csv", headers=GZIP, buffered=False)
        assert answer.status_code == 200
        next(answer.iter_encoded())
        answer.close()
    rows = list(csv.reader(io.StringIO(ada.get("/api/v1/sensors/7/readings.csv").get_data(as_text=True))))
    assert len(rows) == 181


def test_who_calls_too_often_is_told_when_to_come_again(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(api_calls_per_minute=3)
    fleet.clock.now_s = T0 + 20
    ada, ben = fleet.person("ada"), fleet.person("ben")
    for _ in range(3):
        assert ada.get("/api/v1/sensors").status_code == 200
    answer = ada.get("/api/v1/sensors")
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "calls-many", "40")
    assert answer.content_type == "application/problem+json" and answer.json["fields"] == {"most": 3}
    assert ada.get("/").status_code == 200, "a page"
    assert ben.get("/api/v1/sensors").status_code == 200, "somebody else"
    assert fleet.app.test_client().get("/openapi.json").status_code == 200
    fleet.clock.now_s += 40
    assert ada.get("/api/v1/sensors").status_code == 200


def test_there_may_be_no_limit(make_fleet: Callable[..., Fleet]) -> None:
    ada = make_fleet(api_calls_per_minute=0).person("ada")
    assert {ada.get("/api/v1/sensors").status_code for _ in range(20)} == {200}
