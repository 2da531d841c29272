"""The operators' pages of the fleet: relays, which of them sensors chose, orders, firmware, what was set aside."""

import re

import pytest
from flask.testing import FlaskClient
from gridecho.orders import CONFIG, FIRMWARE
from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading
from gridecho_remote.store import enrol, orders

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.group_bars import make_group
from tests.rigs.heartbeats import beat

NONE = "\u2013"


@pytest.fixture
def operator(fleet: Fleet) -> FlaskClient:
    client = fleet.person("root")
    give_role(fleet.archive, "root")
    return client


def rows(client: FlaskClient, path: str = "/relays") -> list[list[str]]:
    page = client.get(path).get_data(as_text=True)
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def test_relays_are_shown_as_their_last_heartbeats_say(fleet: Fleet, operator: FlaskClient) -> None:
    make_group(fleet, [2], name="north", turns=0)
    beat(
        fleet,
        1,
        store_bytes=100,
        store_free_bytes=15,
        buffer_bytes=1_000,
        buffer_bytes_used=31,
        clock_ahead_ms=12_340,
        readings_held=12_000,
        outbox_frames=3,
        pull_url="http://10.0.0.5:1",
    )
    fleet.clock.now_s += 4
    beat(fleet, 2)
    assert rows(operator) == [
        ["Relay 1 relay 1", "4 s ago late", "85 %", "3 %", "+12.3 s wrong", "12,000", "3", "0", "http://10.0.0.5:1"],
        ["Relay 2 relay 2 · north", "0 s ago", NONE, NONE, NONE, NONE, NONE, "0", "by heartbeat"],
    ]
    told = operator.get("/api/v1/relays").json["relays"]
    assert [(one["late"], one["group_id"], one["group"]) for one in told] == [(True, None, None), (False, 1, "north")]


def test_one_is_found_by_a_part_of_its_name(fleet: Fleet, operator: FlaskClient) -> None:
    enrol.enrol_relay(fleet.archive, 3, "Harbour 50 %", bytes(range(32)), 0)
    assert [row[0] for row in rows(operator, "/relays?named=hARb")] == ["Harbour 50 % relay 3"]
    assert [row[1:4] for row in rows(operator, "/relays?named=50+%25")] == [["none yet", NONE, NONE]]
    assert rows(operator, "/relays?named=%25%25") == []
    assert "no relay of that name" in operator.get("/relays?named=nowhere").text


def test_they_come_in_pages(fleet: Fleet, operator: FlaskClient) -> None:
    for relay_id in range(3, 251):
        enrol.enrol_relay(fleet.archive, relay_id, f"Box {relay_id}", bytes(range(32)), 0)
    found, path = [], "/relays?named=box"
    while path:
        found += rows(operator, path)
        more = re.search(r'href="([^"]+)">More relays', operator.get(path).text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert [row[0] for row in found] == [f"Box {one} relay {one}" for one in range(3, 251)]
    assert "no relay beyond these" in operator.get("/relays?after=4000000000").text


def test_only_operators_see_it(fleet: Fleet, operator: FlaskClient) -> None:
    user = fleet.person("ada")
    assert user.get("/relays").status_code == 404
    assert 'href="/relays"' not in user.get("/").text
    assert fleet.app.test_client().get("/relays").location == "/login?next=/relays"
    assert 'href="/relays"' in operator.get("/").text


# -- sensors, orders, firmware, alarms


def test_the_ways_of_a_sensor_are_those_that_it_told_of_last(fleet: Fleet, operator: FlaskClient) -> None:
    now_s = int(fleet.clock())
    fleet.send(
        fleet.frame(7, [Reading(now_s - 90, {ROUTE_RELAY: 1, ROUTE_RTT: 4_000})]),
        fleet.frame(7, [Reading(now_s - 60, {ROUTE_RELAY: 2, ROUTE_RTT: 1_500})]),
        fleet.frame(7, [Reading(now_s - 5, {ROUTE_RELAY: 1, ROUTE_RTT: 900})]),
        fleet.frame(8, [Reading(now_s - 7_200, {ROUTE_RELAY: 66, ROUTE_RTT: 2_000_000})]),
    )
    assert rows(operator, "/fleet/routes") == [
        ["Mill Lane 12 sensor 7 · north/city-a", "Relay 1 900 µs 5 s ago", "Relay 2 1.5 ms"],
        ["Town hall sensor 8 · north/city-b", "relay 66 2.0 s 2 h ago", NONE],
        ["Harbour 3 sensor 9 · south/city-c", "none told yet", NONE],
    ]
    assert [row[0][:9] for row in rows(operator, "/fleet/routes?relay=1")] == ["Mill Lane"]
    assert rows(operator, "/fleet/routes?relay=2") == [], "it was chosen before"
    assert "chose Relay 2" in operator.get("/fleet/routes?relay=2").text


@pytest.mark.parametrize(
    ("word", "found"), [("HALL", [8]), ("city-", [7, 8, 9]), ("9", [9]), ("%", []), ("gärt", [50])]
)
def test_a_sensor_is_found_among_all(fleet: Fleet, operator: FlaskClient, word: str, found: list[int]) -> None:
    enrol.enrol_sensor(fleet.archive, 50, "Im Gärtchen", "west", "residential", bytes(32))
    numbers = re.findall(r"sensor (\d+) ", operator.get("/fleet/routes", query_string={"named": word}).text)
    assert [int(one) for one in numbers] == found


def test_routes_come_in_pages(fleet: Fleet, operator: FlaskClient) -> None:
    for number in range(100, 220):
        enrol.enrol_sensor(fleet.archive, number, f"House {number}", "west", "residential", bytes(32))
    found, path = [], "/fleet/routes?named=house"
    while path:
        found += rows(operator, path)
        more = re.search(r'rel="next" href="([^"]+)"', operator.get(path).text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert [row[0].split()[1] for row in found] == [str(number) for number in range(100, 220)]
    assert "no sensor beyond these" in operator.get("/fleet/routes?after=4000000000").text


def test_orders_with_what_became_of_them(fleet: Fleet, operator: FlaskClient) -> None:
    assert "No sensor was told to take anything over" in operator.get("/fleet/orders").text
    now_s = fleet.clock()
    orders.put(fleet.archive, [7, 8, 9], FIRMWARE, bytes(1_234), now_s)
    orders.put(fleet.archive, [9], CONFIG, b"{}", now_s)
    fleet.send(
        fleet.frame(7, {CONFIG_VERSION: 0, FIRMWARE_VERSION: 1}),
        fleet.frame(8, {CONFIG_VERSION: 0, FIRMWARE_VERSION: 0, ORDER_FAILED: 1}),
    )
    fleet.clock.now_s += 30
    by = [[row[0].split(" sensor")[0], *row[1:4]] for row in rows(operator, "/fleet/orders")]
    assert by == [
        ["Mill Lane 12", "firmware version 1 · 1,234 bytes", "taken", "version 1 in force 30 s ago"],
        ["Town hall", "firmware version 1 · 1,234 bytes", "failed", "version 0 in force, took back 1 30 s ago"],
        ["Harbour 3", "firmware version 1 · 1,234 bytes", "waiting", "nothing yet"],
        ["Harbour 3", "settings version 2 · 2 bytes", "waiting", "nothing yet"],
    ]
    assert [row[0][:9] for row in rows(operator, "/fleet/orders?state=failed")] == ["Town hall"]
    assert len(rows(operator, "/fleet/orders?state=waiting")) == 2
    assert "There is no such order" in operator.get("/fleet/orders?state=withdrawn").text
    page = operator.get("/").text
    assert "/fleet/orders?state=failed" in page


def test_orders_come_in_pages_that_part_no_sensor_twice(fleet: Fleet, operator: FlaskClient) -> None:
    for n in range(70):
        orders.put(fleet.archive, [7, 8], CONFIG, bytes(n), fleet.clock())
    found, path = [], "/fleet/orders?state=replaced"
    while path:
        found += [(row[0].split(" sensor")[0], row[1]) for row in rows(operator, path)]
        more = re.search(r'rel="next" href="([^"]+)"', operator.get(path).text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert len(found) == len(set(found)) == 138


def test_firmware_is_counted_by_set_whatever_version_each_sensor_calls_it(fleet: Fleet, operator: FlaskClient) -> None:
    orders.put(fleet.archive, [7], CONFIG, b"{}", fleet.clock())  # so that versions differ
    orders.put(fleet.archive, [7, 8], FIRMWARE, bytes(500), fleet.clock())
    fleet.send(fleet.frame(7, {FIRMWARE_VERSION: 2}), fleet.frame(8, {FIRMWARE_VERSION: 1}))
    assert [row[:3] for row in rows(operator, "/fleet/firmware")] == [
        ["set 2", "2", "500"],
        ["not told yet", "1", NONE],
    ]
    fleet.send(fleet.frame(8, {FIRMWARE_VERSION: 0}), fleet.frame(9, {FIRMWARE_VERSION: 9}))
    assert sorted(row[0] for row in rows(operator, "/fleet/firmware")) == [
        "a set that is not of this remote",
        "as it was flashed by cable",
        "set 2",
    ]
    page = operator.get("/fleet/firmware").text
    for number, name in ((2, "Mill Lane 12"), (0, "Town hall"), (-2, "Harbour 3")):
        assert f'href="/fleet/firmware/{number}"' in page
        found = operator.get(f"/fleet/firmware/{number}").text
        assert [one for one in ("Mill Lane 12", "Town hall", "Harbour 3") if one in found] == [name]
    assert "No sensor runs it" in operator.get("/fleet/firmware/99").text
    assert "No sensor runs it" in operator.get("/fleet/firmware/-1").text
    for number in ("-3", "9" * 30):
        assert operator.get(f"/fleet/firmware/{number}").status_code == 404


def test_alarms_say_what_to_do(fleet: Fleet, operator: FlaskClient) -> None:
    assert "Nothing was set aside" in operator.get("/fleet/alarms").text
    fleet.send(fleet.frame(8, {POWER_IMPORT: 1}, seq=5), relay_id=2)
    fleet.clock.now_s += 100
    fleet.send(fleet.frame(8, {POWER_IMPORT: 2}, seq=5), relay_id=1)
    fleet.clock.now_s += 100
    fleet.send(fleet.frame(77, {POWER_IMPORT: 2}, root=bytes(32)), relay_id=2)
    fleet.clock.now_s += 5
    found = rows(operator, "/fleet/alarms")
    assert [(row[0], row[2], row[3], row[4]) for row in found] == [
        ("Town hall sensor 8 · north/city-b", "Relay 1", "1", "1 min ago"),
        ("no sensor that is enrolled", "Relay 2", "1", "5 s ago"),
    ]
    assert found[0][1].startswith("clone same data id, other content")
    assert "gridecho flash rekey" in found[0][1]
    assert "--purge --sensor 8" in found[0][1]
    assert "enrol it" in found[1][1]
    assert "There is nothing beyond these" in operator.get("/fleet/alarms?page=2").text


def test_of_the_fleet_nobody_else_sees_anything(fleet: Fleet, operator: FlaskClient) -> None:
    client = fleet.person("ada")
    for kind in ("administrator", "auditor"):
        give_role(fleet.archive, "ada", kind)
    for path in ("routes", "orders", "firmware", "firmware/0", "alarms"):
        assert operator.get(f"/fleet/{path}").status_code == 200
        assert client.get(f"/fleet/{path}").status_code == 404, path


def test_who_runs_the_fleet_sees_no_reading_by_it(fleet: Fleet, operator: FlaskClient) -> None:
    fleet.send(fleet.frame(7, {POWER_IMPORT: 424_242, ROUTE_RELAY: 1, ROUTE_RTT: 900}))
    for path in (
        "/",
        "/relays",
        "/fleet/routes",
        "/fleet/orders",
        "/fleet/firmware",
        "/fleet/firmware/-1",
        "/fleet/alarms",
    ):
        page = operator.get(path).text
        assert not re.search(r"424[.,]?2", page), path
    assert "Nothing has been shared" in operator.get("/sensors").text
