"""A household's own files over the API: who may, what is refused, and how much of a packed one is unpacked."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import imports, places
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, give_role

T0, DAY_S = 1_790_000_000, 86_400
PATH = "/api/v1/sensors/7/imports"
FILE = b"time,1-0:1.8.0\n" + b"".join(b"%d,%d\n" % (T0 - 900 * n, 9_000 - n) for n in range(1, 100))


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    fleet = make_fleet(now_s=T0 + DAY_S)
    fleet.send(fleet.frame(7, [Reading(T0 + 900 * n, {ENERGY_IMPORT: 10_000 + n}) for n in range(20)]))
    return fleet


def person(fleet: Fleet, name: str) -> Callable[..., TestResponse]:
    client: FlaskClient = fleet.person(name)
    csrf = client.get("/api/v1/me").json["csrf"]

    def call(method: str, path: str, content: bytes = b"", kind: str = "text/csv", **headers: str) -> TestResponse:
        return client.open(
            path, method=method, data=content, content_type=kind, headers={"X-CSRFToken": csrf} | headers
        )

    return call


def test_the_subject_takes_a_file_in_and_back(fleet: Fleet) -> None:
    kim = person(fleet, "kim")
    places.begin_contract(fleet.site, OPERATOR, 7, "kim", T0 - 50 * 900)
    preview = kim("POST", f"{PATH}?preview=1", FILE).json
    assert (preview["id"], preview["readings"]) == (None, 50 - 1 + 1)
    assert [(one["code"], one["readings"]) for one in preview["left_out"]] == [("import-not-of-yours", 49)]
    taken = kim("POST", f"{PATH}?name=own.csv", gzip.compress(FILE), **{"Content-Encoding": "gzip"}).json
    assert taken == preview | {"id": taken["id"]} and taken["id"]
    assert kim("POST", PATH, FILE).json["known"]
    first, last = taken["first"], taken["last"]
    sensor = kim("GET", "/api/v1/sensors/7").json
    assert sensor["imported"] == [{"from": first, "to": last + 1}]
    assert sensor["first"] == first
    rows = kim("GET", f"/api/v1/sensors/7/readings?to={T0}").json["readings"]
    assert [(row["epoch"], row["item"]) for row in rows] == [(0, 0)] * 50
    lines = kim("GET", f"/api/v1/sensors/7/readings.csv?to={T0}").text.splitlines()
    assert lines[1].split(",")[2] == "0"
    assert kim("GET", "/api/v1/sensors/7/gaps").json["gaps"] == []
    (one,) = kim("GET", PATH).json["imports"]
    assert (one["file"], one["user"], one["taken_back"]) == ("own.csv", "kim", None)
    assert kim("DELETE", f"{PATH}/{one['id']}").json == {"id": one["id"], "days_left": 0}
    assert kim("GET", "/api/v1/sensors/7").json["imported"] == []
    assert kim("GET", PATH).json["imports"][0]["taken_back"] == int(fleet.clock())
    assert kim("DELETE", f"{PATH}/{one['id']}").status_code == 404


def test_who_has_only_a_grant_is_refused_and_who_has_none_sees_nothing(fleet: Fleet) -> None:
    eve, nobody, runs = person(fleet, "eve"), person(fleet, "nobody"), person(fleet, "runs")
    add_grant(fleet.archive, "eve", region="north")
    give_role(fleet.archive, "runs", "operator")
    for method, path in (("POST", PATH), ("POST", f"{PATH}?preview=1"), ("GET", PATH), ("DELETE", f"{PATH}/1")):
        assert (eve(method, path, FILE).status_code, eve(method, path, FILE).json["code"]) == (400, "import-not-yours")
        there, none = nobody(method, path, FILE), nobody(method, path.replace("/7/", "/77/"), FILE)
        assert (there.status_code, there.data) == (none.status_code, none.data) == (404, there.data)
    number = runs("POST", PATH, FILE).json["id"]
    assert number and runs("POST", PATH.replace("/7/", "/77/"), FILE).status_code == 404
    # Who sees the sensor sees of when readings were imported, and no more.
    assert eve("GET", "/api/v1/sensors/7").json["imported"] == [{"from": T0 - 99 * 900, "to": T0 - 900 + 1}]
    assert eve("DELETE", f"{PATH}/{number}").json["code"] == "import-not-yours"
    assert runs("DELETE", f"{PATH}/{number}").status_code == 200


def test_what_cannot_be_is_named(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = person(fleet, "runs")
    give_role(fleet.archive, "runs", "operator")
    bad = FILE + b"x,1\n"
    preview = runs("POST", f"{PATH}?preview=1", bad).json
    assert preview["bad_lines"] == 1
    assert preview["lines"] == [{"line": 101, "code": "import-time", "why": "A time was expected, in whole seconds."}]
    refused = runs("POST", PATH, bad)
    assert (refused.status_code, refused.json["code"], refused.json["fields"]) == (
        400,
        "import-lines",
        {"count": 1, "line": 101},
    )
    zipped = {"Content-Encoding": "gzip"}
    assert runs("POST", PATH, FILE, **zipped).json["code"] == "import-gzip"
    asked: list[int] = []

    class Unpacking:
        def decompress(self, content: bytes, most: int) -> bytes:
            asked.append(most)
            return zlib.decompress(content, 31)[:most]

    monkeypatch.setattr("gridecho_remote.use.imports.zlib.decompressobj", lambda _: Unpacking())
    large = gzip.compress(bytes(imports.MOST_BYTES + 9))
    assert runs("POST", PATH, large, **zipped).json["code"] == "import-large"
    assert asked == [imports.MOST_BYTES + 1]
    assert runs("POST", PATH, bytes(1 << 21)).status_code == 413
    assert runs("POST", PATH, bytes(1_000_000)).json["code"] == "import-column"
    stranger = fleet.app.test_client()
    for path in (PATH, "/sensors/7/imports"):
        assert stranger.post(path, data={"text": "x" * 100_000}).status_code == 413, "more is for who is logged in"
    with fleet.site.reading_file:
        assert runs("POST", PATH, FILE).json["code"] == "import-busy"
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><feed>&b;</feed>'
    assert runs("POST", PATH, laughs, "application/xml").json["code"] == "import-no-green"
    assert runs("GET", PATH).json["imports"] == []
