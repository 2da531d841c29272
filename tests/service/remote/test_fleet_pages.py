"""The operators' page of relays: how each is, found by name, in pages."""

import re

import pytest
from flask.testing import FlaskClient
from gridecho_remote.store import enrol

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
        readings_held=12_000,
        outbox_frames=3,
        pull_url="http://10.0.0.5:1",
    )
    fleet.clock.now_s += 4
    beat(fleet, 2)
    assert rows(operator) == [
        ["Relay 1 relay 1", "4 s ago late", "85 %", "12,000", "3", "0", "http://10.0.0.5:1"],
        ["Relay 2 relay 2 · north", "0 s ago", NONE, NONE, NONE, "0", "by heartbeat"],
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
