"""Who sees what: nothing without a login, nothing without a grant, nothing after it ends; on pages, API and CSV alike."""

import csv
import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import add_grant, list_grants, put, revoke_grant
from gridecho_remote.store.users import user_id
from gridecho_remote.use.shared import sensors

from tests.rigs.fleet import PLACES, Fleet

W, WH, MV = "1-0:1.7.0", "1-0:1.8.0", "1-0:32.7.0"
T0 = 1_800_000_000
OF_A_SENSOR = [
    "/sensors/{}",
    "/api/v1/sensors/{}",
    "/api/v1/sensors/{}/readings",
    "/api/v1/sensors/{}/readings.csv",
    "/api/v1/sensors/{}/green-button.xml",
    "/api/v1/sensors/{}/gaps",
    "/api/v1/sensors/{}/routes",
]


@pytest.fixture
def filled(fleet: Fleet) -> Fleet:
    """Ten readings of each sensor, and a report of its route."""
    for sensor_id in PLACES:
        values = [{POWER_IMPORT: 4321 + n, ENERGY_IMPORT: 10**6 + n, VOLTAGE_L1: 230_000 + n} for n in range(10)]
        frames = [fleet.frame(sensor_id, [Reading(T0 + 60 * n, v)]) for n, v in enumerate(values)]
        fleet.send(*frames)
        fleet.send(fleet.frame(sensor_id, [Reading(T0 + 601, {ROUTE_RELAY: 2, ROUTE_RTT: 1234})]), relay_id=2)
    return fleet


@pytest.mark.parametrize("path", ["/", *OF_A_SENSOR, "/api/v1/sensors", "/password"])
@pytest.mark.parametrize("sensor_id", [7, 99])
def test_anonymous_has_to_log_in_first(filled: Fleet, path: str, sensor_id: int) -> None:
    answer = filled.app.test_client().get(path.format(sensor_id))
    assert answer.status_code == (401 if path.startswith("/api/") else 302)
    text = answer.get_data(as_text=True)
    assert "Mill Lane" not in text
    assert "4321" not in text
    if path.startswith("/api/"):
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == 401
    else:
        assert answer.location.startswith("/login")


@pytest.mark.parametrize("path", OF_A_SENSOR)
def test_ungranted_unknown_and_absurd_sensors_are_404_alike(filled: Fleet, path: str) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", sensor_id=7)
    assert client.get(path.format(7)).status_code == 200
    answers = [client.get(path.format(number)) for number in (8, 99, 1 << 32, 1 << 70)]
    assert [answer.status_code for answer in answers] == [404] * 4
    bodies = {answer.data for answer in answers}
    if path.startswith("/api/"):
        assert len(bodies) == 1
        assert answers[0].content_type == "application/problem+json"
    else:
        assert len({body.split(b"<main")[1] for body in bodies}) == 1


@pytest.mark.parametrize("path", OF_A_SENSOR)
def test_a_revoked_grant_ends_at_the_next_request(filled: Fleet, path: str) -> None:
    client = filled.person()
    number = add_grant(filled.archive, "ada", region="north/city-a")
    assert client.get(path.format(7)).status_code == 200
    revoke_grant(filled.archive, number)
    assert client.get(path.format(7)).status_code == 404
    assert [info.scope.revoked for info in list_grants(filled.archive)] == [True]


def test_an_expired_grant_ends_at_the_next_request(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", category="residential", expires_s=T0 + 100)
    assert [one["id"] for one in client.get("/api/v1/sensors").json["sensors"]] == [7, 9]
    filled.clock.now_s = T0 + 100
    assert client.get("/api/v1/sensors").json["sensors"] == []
    assert client.get("/api/v1/sensors/7/readings").status_code == 404
    assert b"Mill Lane" not in client.get("/").data


def test_selectors_are_joined(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north", category="commercial")
    assert [one["id"] for one in client.get("/api/v1/sensors").json["sensors"]] == [8]


def test_regions_are_trees_and_names_are_no_patterns(fleet: Fleet) -> None:
    for n, region in enumerate(["x", "x/y", "xy", "X", "x%", "x0", "x.", "x_"]):
        enrol_sensor(fleet.archive, 100 + n, region, region, "residential", bytes(32))
    fleet.person()
    for region, seen in (("x", ["x", "x/y"]), ("x%", ["x%"]), ("x_", ["x_"]), ("x/", ["x", "x/y"])):
        number = add_grant(fleet.archive, "ada", region=region)
        assert [one.name for one in sensors(fleet.site, person(user_id(fleet.archive, "ada")))] == seen
        revoke_grant(fleet.archive, number)


def test_only_granted_quantities_anywhere(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", sensor_id=7, quantities=[W])
    listed = client.get("/api/v1/sensors").json["sensors"][0]["quantities"]
    assert [quantity["obis"] for quantity in listed] == [W]
    for query in ("", f"?quantities={W},{WH}", f"?quantities={W}&points=5"):
        readings = client.get("/api/v1/sensors/7/readings" + query).json["readings"]
        assert readings
        assert all(set(reading["values"]) == {W} for reading in readings)
    assert client.get(f"/api/v1/sensors/7/readings?quantities={WH}").json["readings"] == []
    assert client.get(f"/api/v1/sensors/7/readings?quantities={WH}&points=9").json["readings"] == []
    assert client.get("/api/v1/sensors/7/readings.csv").text.splitlines()[0] == f"time,utc,epoch,seq,item,{W} [W]"
    assert set(client.get("/api/v1/sensors/7").json["latest"]["values"]) == {W}
    page = client.get("/sensors/7").get_data(as_text=True)
    assert "Voltage" not in page
    assert "Power drawn" in page


def test_numbers_come_out_as_they_were_sent_and_state_does_not(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    answer = client.get("/api/v1/sensors/7/readings").json
    assert len(answer["readings"]) == 10
    assert answer["readings"][3] == {
        "time": T0 + 180,
        "epoch": 1,
        "seq": 3,
        "item": 0,
        "values": {WH: 10**6 + 3, W: 4324, MV: 230_003},
    }
    assert answer["next"] is None
    rows = list(csv.reader(io.StringIO(client.get("/api/v1/sensors/7/readings.csv").text)))
    assert rows[0] == ["time", "utc", "epoch", "seq", "item", f"{WH} [Wh]", f"{W} [W]", f"{MV} [mV]"]
    assert rows[4] == [str(T0 + 180), "2027-01-15T08:03:00Z", "1", "3", "0", "1000003", "4324", "230003"]
    assert len(rows) == 11


def test_spans_are_half_open(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    answer = client.get(f"/api/v1/sensors/7/readings?from={T0 + 60}&to={T0 + 180}").json
    assert [reading["time"] for reading in answer["readings"]] == [T0 + 60, T0 + 120]
    assert len(client.get(f"/api/v1/sensors/7/readings.csv?from={T0 + 60}&to={T0 + 180}").text.splitlines()) == 3


def test_a_span_finds_readings_inside_long_datagrams(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    long = [Reading(T0 + 3600 * n, {POWER_IMPORT: n}) for n in range(24)]
    backwards = [Reading(T0 - 60 * n, {POWER_IMPORT: 100 + n}) for n in range(5)]
    fleet.send(fleet.frame(7, long), fleet.frame(7, backwards))
    answer = client.get(f"/api/v1/sensors/7/readings?from={T0 + 3600 * 5}&to={T0 + 3600 * 7}").json
    assert [reading["values"][W] for reading in answer["readings"]] == [5, 6]
    answer = client.get(f"/api/v1/sensors/7/readings?from={T0 - 130}&to={T0}").json
    assert sorted(reading["values"][W] for reading in answer["readings"]) == [101, 102]


def test_pages_of_readings_hold_each_once(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    path, seen, pages = f"/api/v1/sensors/7/readings?limit=3&quantities={W}&from={T0}", [], 0
    while path:
        answer = client.get(path).json
        seen += [reading["seq"] for reading in answer["readings"]]
        path = answer["next"]
        pages += 1
    assert (seen, pages) == (list(range(10)), 4)


def test_a_revoked_grant_ends_paging(filled: Fleet) -> None:
    client = filled.person()
    number = add_grant(filled.archive, "ada", region="north")
    following = client.get("/api/v1/sensors/7/readings?limit=3").json["next"]
    revoke_grant(filled.archive, number)
    assert client.get(following).status_code == 404


def test_thinning_keeps_the_peaks(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    values = [500 + n % 7 for n in range(3000)]
    values[1234], values[2000] = 9999, 1
    frames = [
        fleet.frame(7, [Reading(T0 + n + k, {POWER_IMPORT: values[n + k]}) for k in range(100)])
        for n in range(0, 3000, 100)
    ]
    fleet.send(*frames)
    answer = client.get(f"/api/v1/sensors/7/readings?quantities={W}&points=100").json
    thin = [reading["values"][W] for reading in answer["readings"]]
    assert 50 <= len(thin) <= 102
    assert (max(thin), min(thin)) == (9999, 1)
    assert answer["bucket_s"] == 60
    assert answer["cut_before"] is None
    whole = client.get(f"/api/v1/sensors/7/readings?quantities={W}&points=3000").json
    assert [reading["values"][W] for reading in whole["readings"]] == values
    assert whole["bucket_s"] == 0


def test_what_was_stored_since(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    filled.clock.now_s += 3600
    since = client.get("/api/v1/sensors/7/readings").json["as_of"]
    late = filled.frame(7, [Reading(T0 + 30, {POWER_IMPORT: 77})])
    filled.send(late)
    answer = client.get(f"/api/v1/sensors/7/readings?stored_since={since}").json
    assert [reading["values"] for reading in answer["readings"]] == [{W: 77}]


@pytest.mark.parametrize(
    "query",
    [
        "from=9&to=8", "from=", "from=NaN", "to=253402300800", "limit=-9223372036854775809", "from=x", "from=-1",
        "to=1e9", "limit=0", "limit=999999", "quantities=power", "quantities=route.rtt,x",
        "points=5", "points=-1", "after=1", "after=1.2.x", "after=1.2.-3", "stored_since=x", f"from={'9' * 5000}",
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_used(filled: Fleet, query: str) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    answer = client.get(f"/api/v1/sensors/7/readings?{query}")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["detail"].endswith(".")


def test_state_quantities_cannot_be_asked_for(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    assert client.get("/api/v1/sensors/7/readings?quantities=route.rtt").status_code == 400


def test_gaps_and_route(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    filled.send(filled.frame(7, [Reading(T0 + 700, {POWER_IMPORT: 1})], seq=14))
    gap = {"epoch": 1, "first_seq": 11, "last_seq": 13, "after": T0 + 601, "before": T0 + 700, "held_by": []}
    assert client.get("/api/v1/sensors/7/gaps").json == {"sensor": 7, "gaps": [gap]}
    route = {"relay": 2, "relay_name": "Relay 2", "rtt_us": 1234, "time": T0 + 601}
    assert client.get("/api/v1/sensors/7").json["route"] == route
    page = client.get("/sensors").get_data(as_text=True)
    assert "Relay 2" in page
    assert "1.2 ms" in page


def routes(client: FlaskClient, query: str = "") -> list[tuple[int, str | None, int, int | None, bool]]:
    found = client.get(f"/api/v1/sensors/7/routes{query}").json["routes"]
    return [tuple(one[name] for name in ("relay", "relay_name", "rtt_us", "time", "switched")) for one in found]


def test_the_routes_that_a_sensor_took_and_when_it_switched(filled: Fleet) -> None:
    client = filled.person()
    number = add_grant(filled.archive, "ada", sensor_id=7)
    told = [(1, 900, 1), (1, 800, 2), (3, 700, 2), (2, 600, 3)]  # relay, RTT, epoch: twice it started anew
    for n, (relay_id, rtt_us, epoch) in enumerate(told):
        route = Reading(T0 + 700 + 100 * n, {ROUTE_RELAY: relay_id, ROUTE_RTT: rtt_us})
        filled.send(filled.frame(7, [route], epoch=epoch))
    every = [
        (2, "Relay 2", 600, T0 + 1_000, True),
        (3, None, 700, T0 + 900, True),  # a relay that nobody here knows
        (1, "Relay 1", 800, T0 + 800, False),
        (1, "Relay 1", 900, T0 + 700, True),
        (2, "Relay 2", 1_234, T0 + 601, False),
    ]
    assert routes(client) == every
    assert routes(client, "?limit=2") == every[:2]
    assert client.get("/api/v1/sensors/7/routes?limit=201").status_code == 400
    revoke_grant(filled.archive, number)
    put(filled.archive, "ada", Scope(sensors=frozenset({7}), first_s=T0 + 750), filled.clock())
    filled.clock.now_s = T0 + 2_000
    assert routes(client) == [*every[:2], (1, "Relay 1", 800, T0 + 800, False)], "of times that are open"


@pytest.mark.parametrize("less", [{"resolution": Resolution.DAY}, {"live": False}, {"until_s": T0 + 1_000}])
def test_who_does_not_see_readings_as_they_come_is_told_no_route(filled: Fleet, less: dict[str, Any]) -> None:
    client = filled.person()
    put(filled.archive, "ada", Scope(sensors=frozenset({7}), **less), filled.clock())
    filled.clock.now_s = T0 + 3 * 86_400
    assert routes(client) == []
    assert "data-routes" not in client.get("/sensors/7").get_data(as_text=True)


def test_the_list_in_pages(fleet: Fleet) -> None:
    client: FlaskClient = fleet.person()
    for n in range(250):
        enrol_sensor(fleet.archive, 1000 + n, f"Meter {n}", "west", "residential", bytes(32))
    add_grant(fleet.archive, "ada", region="west")
    path, seen = "/api/v1/sensors?limit=100", []
    while path:
        answer = client.get(path).json
        seen += [one["id"] for one in answer["sensors"]]
        path = answer["next"]
    assert seen == list(range(1000, 1250))
    path, shown = "/sensors", []
    while path:
        page = client.get(path).text
        shown += re.findall(r'href="/sensors/(\d+)"', page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert sorted(map(int, shown)) == list(range(1000, 1250))
    assert len(re.findall(r'href="/sensors/\d', client.get(f"/sensors?page={10**30}").text)) == 50, "the last page"


def test_names_are_escaped(fleet: Fleet) -> None:
    client = fleet.person()
    enrol_sensor(fleet.archive, 50, "<script>alert(1)</script>", "west", '"><b>', bytes(32))
    add_grant(fleet.archive, "ada", region="west")
    for path in ("/", "/sensors", "/sensors/50"):
        page = client.get(path).get_data(as_text=True)
        assert "<script>alert" not in page
        assert '"><b>' not in page
