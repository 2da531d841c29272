"""My sensors: found by a word and a state, sorted, in pages; what is hidden is no way of finding them."""

import re

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import rollups
from gridecho_remote.store import standings as known
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import put, revoke_grant
from gridecho_remote.use import finding, standings

from tests.rigs.fleet import Fleet

NOW = 1_800_000_000
# By number: name, region, the newest power and how long ago.
HOMES = {
    11: ("ash 4", "north/mill", 300, 60),
    12: ("Birch 2", "north/mill", 100, 5_000),
    13: ("Cedar 50 %", "north/dam", 200, 90),
    14: ("alder 9", "south", None, None),
    15: ("Elm 1", "south", 50, 200_000),
}


@pytest.fixture(params=["few", "many"])
def client(request: pytest.FixtureRequest, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Somebody who sees these homes, whether they are few or many."""
    if request.param == "many":
        monkeypatch.setattr(standings, "FEW", 0)
        monkeypatch.setattr(known, "_NOT_KEPT", 0)
    fleet.clock.now_s = NOW
    for number, (name, region, power_w, ago_s) in HOMES.items():
        fleet.roots[number] = bytes([number]) * 32
        enrol_sensor(fleet.archive, number, name, region, "residential", fleet.roots[number])
        if power_w is not None:
            fleet.send(fleet.frame(number, [Reading(NOW - ago_s, {POWER_IMPORT: power_w})]))
    fleet.send(fleet.frame(12, [Reading(0, {POWER_IMPORT: 1})], epoch=2))
    rollups.settle(fleet.archive, fleet.site.days)
    found = fleet.person()
    put(fleet.archive, "ada", Scope(sensors=frozenset(HOMES)), NOW)
    return found


def numbers(client: FlaskClient, path: str) -> list[int]:
    return [int(one) for one in re.findall(r'role="row" href="/sensors/(\d+)"', client.get(path).text)]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", [14, 11, 12, 13, 15]),
        ("?sort=name&down=1", [15, 13, 12, 11, 14]),
        ("?sort=region", [13, 11, 12, 14, 15]),
        ("?sort=power", [11, 13, 12, 15, 14]),
        ("?sort=power&down=0", [15, 12, 13, 11, 14]),
        ("?sort=seen", [11, 13, 12, 15, 14]),
        ("?sort=seen&down=0", [15, 12, 13, 11, 14]),
        ("?named=MILL", [11, 12]),
        ("?named=50+%25", [13]),
        ("?named=%25", [13]),
        ("?named=_", []),
        ("?named=15", [15]),
        ("?state=reporting", [11, 13]),
        ("?state=late", [12]),
        ("?state=silent", [14, 15]),
        ("?state=undated", [12]),
        ("?state=reporting&named=ash&sort=seen", [11]),
        ("?state=nonsense&sort=nonsense&down=x&page=0", [14, 11, 12, 13, 15]),
    ],
)
def test_they_are_found_and_sorted(client: FlaskClient, query: str, wanted: list[int]) -> None:
    assert numbers(client, f"/sensors{query}") == wanted


def test_they_come_in_pages_that_keep_what_was_asked(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "PAGE", 2)
    path, found = "/sensors?sort=seen&named=r", []
    while path:
        page = client.get(path).text
        assert "4 sensors" in page
        found.append(numbers(client, path))
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert found == [[11, 13], [12, 14]], "those that have never sent anything last"
    assert numbers(client, "/sensors?sort=seen&named=r&page=2000000000000") == [12, 14]


def test_none_is_like_that(client: FlaskClient) -> None:
    page = client.get("/sensors?named=nowhere").text
    assert "None of your sensors is like that" in page
    assert 'href="/sensors"' in page


def test_what_is_hidden_is_found_by_its_name_only(fleet: Fleet, client: FlaskClient) -> None:
    other = fleet.person("eve")
    for scope in (
        Scope(sensors=frozenset({11, 12, 13}), resolution=Resolution.HOUR),
        Scope(sensors=frozenset({14, 15}), live=False),
    ):
        put(fleet.archive, "eve", scope, NOW)
    assert numbers(other, "/sensors") == [14, 11, 12, 13, 15]
    for state in finding.STATES:
        assert numbers(other, f"/sensors?state={state}") == [], state
    by_name = numbers(other, "/sensors?sort=name")
    for sort in ("power", "seen"):
        for down in (0, 1):
            assert numbers(other, f"/sensors?sort={sort}&down={down}") == by_name, "they are all alike"


def test_a_revoked_grant_and_another_place_count_at_once(fleet: Fleet, client: FlaskClient) -> None:
    assert len(numbers(client, "/sensors")) == 5
    revoke_grant(fleet.archive, 1)
    assert numbers(client, "/sensors") == []
    put(fleet.archive, "ada", Scope(region="south"), NOW)
    assert numbers(client, "/sensors?named=a") == [14, 9]
