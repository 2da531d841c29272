"""The overview: of exactly what somebody may see, from readings where that is little and from rollups where it is much."""

import re
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from gridecho.holdings import Piece
from gridecho.quantities import ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, Actor, Bearer, person
from gridecho_remote.rules.errors import NotAllowedError
from gridecho_remote.rules.scopes import METERED, Resolution, Scope
from gridecho_remote.store import holdings, quarantine, rollups, users
from gridecho_remote.store import standings as known
from gridecho_remote.store.grants import put, revoke_grant
from gridecho_remote.use import places, shared, standings, summary
from gridecho_remote.use.summary import Summary

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.heartbeats import beat

DAY, HOUR = 86_400, 3_600
NOW = 1_800_000_000  # 08:00 in UTC, which is the site's zone
FED = {POWER_IMPORT: 0, POWER_EXPORT: 700}

Look = Callable[..., Summary]


@pytest.fixture
def town(fleet: Fleet) -> Fleet:
    """7 told its energy, power and voltage a minute ago, 8 two hours ago that it feeds in, 9 two days ago, and without a time."""
    fleet.clock.now_s = NOW
    minutes = [
        Reading(NOW - 60 * n, {ENERGY_IMPORT: 9_000 - n, POWER_IMPORT: 500 + n, VOLTAGE_L1: 230_000})
        for n in range(50, 0, -1)
    ]
    fleet.send(
        fleet.frame(7, minutes), fleet.frame(8, [Reading(NOW - 2 * HOUR - 60, FED), Reading(NOW - 2 * HOUR, FED)])
    )
    fleet.send(fleet.frame(9, [Reading(NOW - 2 * DAY, {ENERGY_IMPORT: 5, POWER_IMPORT: 80})]))
    fleet.send(fleet.frame(9, [Reading(0, {POWER_IMPORT: 81})], epoch=2))
    places.label(fleet.site, OPERATOR, 9, ["pilot"], [])
    rollups.settle(fleet.archive, fleet.site.days)
    users.add_user(fleet.archive, "ada")
    return fleet


@pytest.fixture(params=["few", "many"])
def look(request: pytest.FixtureRequest, town: Fleet, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The overview of somebody with these scopes, whether their sensors are few or many."""
    if request.param == "many":
        monkeypatch.setattr(standings, "FEW", 0)

    def looked(*scopes: Scope, actor: Actor | None = None) -> Summary:
        for scope in scopes:
            put(town.archive, "ada", scope, NOW)
        return summary.summary(town.site, actor or ada(town))

    return looked


def ada(town: Fleet) -> Actor:
    return person(users.user_id(town.archive, "ada"))


def counts(found: Summary) -> tuple[int, ...]:
    return found.sensors, found.reporting, found.late, found.silent, found.hidden, found.undated


def test_of_all_that_is_granted(look: Look) -> None:
    assert counts(look()) == (0, 0, 0, 0, 0, 0)
    found = look(Scope(region="north"))
    assert counts(found) == (2, 1, 1, 0, 0, 0)
    # Of 8 the power is of two hours ago: it is not what is drawn now.
    assert (found.power_w, found.power_of, found.energy_wh, found.energy_of) == (501, 1, 49, 1)
    found = look(Scope(region="south"))
    assert counts(found) == (3, 1, 1, 1, 0, 1)
    assert (found.power_w, found.energy_wh, found.care) == (501, 49, None)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(sensors=frozenset({7, 9}), resolution=Resolution.HOUR),
        Scope(sensors=frozenset({7, 9}), resolution=Resolution.MONTH),
        Scope(sensors=frozenset({7, 9}), live=False),
        Scope(sensors=frozenset({7, 9}), until_s=NOW - 30),
        Scope(sensors=frozenset({7, 9}), first_s=NOW + DAY),
    ],
    ids=str,
)
def test_what_is_not_open_as_it_comes_counts_for_nothing(look: Look, scope: Scope) -> None:
    found = look(scope)
    assert counts(found) == (2, 0, 0, 0, 2, 0)
    assert (found.power_w, found.power_of, found.energy_wh, found.energy_of) == (None, 0, None, 0)


def test_a_grant_of_sums_opens_no_total(look: Look) -> None:
    found = look(Scope(region="north", k=2))
    assert counts(found) == (0, 0, 0, 0, 0, 0)
    assert (found.power_w, found.energy_wh, found.sums, found.glances) == (None, None, True, [])


def test_of_some_quantities_only(look: Look) -> None:
    found = look(Scope(region="north", quantities=1 << VOLTAGE_L1))
    assert counts(found) == (2, 1, 0, 1, 0, 0), "of 8 there is no voltage"
    assert (found.power_w, found.energy_wh) == (None, None)
    found = look(Scope(region="north", quantities=1 << POWER_EXPORT))
    assert (counts(found)[:4], found.power_w) == ((2, 1, 1, 0), None)


def test_of_a_day_that_is_not_open_to_its_end_there_is_no_energy(look: Look) -> None:
    found = look(Scope(sensors=frozenset({7}), until_s=NOW + HOUR))
    assert (counts(found), found.power_w, found.energy_wh) == ((1, 1, 0, 0, 0, 0), 501, None)
    assert look(Scope(sensors=frozenset({7}), first_s=NOW - 8 * HOUR)).energy_wh == 49


def test_what_is_over_or_revoked_opens_nothing_at_the_next_look(
    town: Fleet, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_NOT_KEPT", 0)  # what is kept of sensors is theirs, not of who sees them
    number = put(town.archive, "ada", Scope(region="north"), NOW)
    assert look(Scope(region="south", expires_s=NOW + 10)).sensors == 3
    revoke_grant(town.archive, number)
    assert look().sensors == 1
    town.clock.now_s = NOW + 10
    assert look().sensors == 0


def test_a_program_has_its_part(town: Fleet, look: Look) -> None:
    put(town.archive, "ada", Scope(region="north"), NOW)
    by = Bearer(1, Scope(sensors=frozenset({8, 9})))
    assert counts(look(actor=person(ada(town).id)))[0] == 2
    assert counts(look(actor=Actor(ada(town).kind, ada(town).id, by=by))) == (1, 0, 1, 0, 0, 0)
    with pytest.raises(NotAllowedError):
        look(actor=OPERATOR)


def test_few_and_many_say_the_same_of_any_scopes(town: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(20261129)  # nothing secret

    def drawn(*, part: bool = False) -> Scope:
        return Scope(
            random.choice([None, "north", "north/city-a", "south"]),
            random.choice([None, None, "residential"]),
            random.choice([None, None, None, frozenset({"pilot"})]),
            random.choice([None, None, frozenset({7}), frozenset({8, 9, 50})]),
            random.choice([METERED, 1 << POWER_IMPORT, 1 << ENERGY_IMPORT | 1 << VOLTAGE_L1, 1 << POWER_EXPORT]),
            random.choice([Resolution.RAW, Resolution.RAW, Resolution.QUARTER, Resolution.DAY]),
            1 if part else random.choice([1, 1, 3]),
            random.choice([None, None, NOW - 3 * DAY, NOW - HOUR]),
            random.choice([None, None, NOW + DAY, NOW - 10, NOW - 90_000]),
            live=random.random() < 0.8,
            expires_s=None if part else random.choice([None, None, None, NOW - 1]),
        )

    def told() -> dict[str, Any]:
        found = standings.mine(town.site, ada(town))
        arrays = {
            name: getattr(found, name) for name in ("stands", "last_s", "power_w", "now_w", "energy_wh", "undated")
        }
        return {"ids": found.ids} | arrays

    seen = 0
    for _ in range(400):
        every, part = [drawn() for _ in range(random.randint(0, 5))], random.choice([None, None, drawn(part=True)])
        monkeypatch.setattr(shared, "scopes_of", lambda *_, every=every, part=part: (every, part))
        monkeypatch.setattr(standings, "FEW", 50)
        few = told()
        monkeypatch.setattr(standings, "FEW", -1)
        many = told()
        for name, values in few.items():
            np.testing.assert_array_equal(values, many[name], f"{name} of {every} within {part}")
        seen += len(few["ids"])
    assert seen > 200


# -- what is kept of a large remote


def test_of_a_large_remote_it_is_kept_and_made_anew(town: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(known, "_NOT_KEPT", 2)
    monkeypatch.setattr(known, "of_all", lambda *parts, of=known.of_all: made.append(parts[2]) or of(*parts))
    kept = town.site.standings

    def asked() -> known.Standings:
        return kept.of_all(town.archive, town.site.days, town.clock)

    first = asked()
    assert (asked() is first, len(made)) == (True, 1)
    monkeypatch.setattr(known, "_OLD_S", 0)
    assert asked() is not first
    assert len(made) == 2
    monkeypatch.setattr(known, "_OLD_S", 1e9)
    monkeypatch.setattr(known, "_KEPT_S", 0)
    second = kept._made
    town.clock.now_s += 5
    assert asked() is second[0], "who asks does not wait"
    with kept._making:  # until it is made
        assert kept._made is not second
    assert made == [NOW, NOW, NOW + 5]


def test_of_a_small_one_nothing_is_kept(town: Fleet) -> None:
    first = town.site.standings.of_all(town.archive, town.site.days, town.clock)
    assert town.site.standings.of_all(town.archive, town.site.days, town.clock) is not first


# -- the page


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """By id: what a tile says, and where it leads."""
    found = re.findall(
        r'<a class="card tile[^"]*" id="([\w-]+)" href="([^"]+)">.*?class="tile-value">(.*?)</span>', page, re.DOTALL
    )
    return {name: (value, href.replace("&amp;", "&")) for name, href, value in found}


def test_a_household_has_its_sensor_at_once(town: Fleet) -> None:
    client = town.person("home")
    put(town.archive, "home", Scope(sensors=frozenset({7})), NOW)
    page = client.get("/").text
    assert page.count('class="card glance') == 1
    assert 'href="/sensors/7"' in page
    (points,) = re.findall(r'<polyline points="([^"]+)"', page)
    assert len(points.split()) == 50
    assert "49 Wh today" in page
    found = tiles(page)
    assert (found["power"][0], found["energy"][0], found["reporting"][0]) == ("501 W", "49 Wh", "1")
    assert "The fleet" not in page
    for _, href in found.values():
        assert client.get(href).status_code == 200, href


def test_what_is_missing_is_said_with_what_to_do(fleet: Fleet) -> None:
    client = fleet.person("home")
    page = client.get("/").text
    assert "Nothing has been shared with you yet" in page
    assert 'href="/requests"' in page
    put(fleet.archive, "home", Scope(region="north", k=5), NOW)
    assert "Sums over regions were granted to you" in client.get("/").text
    operator = fleet.person("root")
    give_role(fleet.archive, "root")
    assert "relay-code" not in operator.get("/").text
    for table in ("relay", "sensor"):
        fleet.archive.connection().execute(f"DELETE FROM {table}")  # noqa: S608
    page = operator.get("/").text
    assert page.count('href="/setup"') == 2
    assert "No sensor is enrolled yet" in page


def test_who_runs_the_fleet_sees_what_it_lacks(town: Fleet) -> None:
    client = town.person("root")
    assert "The fleet" not in client.get("/").text
    give_role(town.archive, "root")
    beat(town, 1)
    town.clock.now_s += 30
    beat(town, 2)
    holdings.take_piece(
        town.archive, Piece(2, 1, 0, 2, [(7, 1, 90, 60, NOW - 7 * HOUR, 1), (8, 1, 50, 5, NOW - HOUR, 1)])
    )
    with town.archive.writing() as connection:
        quarantine.count_aside(connection, 1, 9, quarantine.CLONE, 3, b"", NOW)
        quarantine.count_aside(connection, 2, 9, quarantine.CLONE, 1, b"", NOW)
        quarantine.count_aside(connection, 2, 8, quarantine.UNOPENABLE, 1, b"", NOW)
    page = client.get("/").text
    found = tiles(page)
    assert {name: value for name, (value, _) in found.items()} == {
        "relays-late": "1",
        "holes": "2",
        "backlog": "7 h",
        "clones": "1",
        "orders": "0",
    }
    assert "65 data are on relays still" in page
    for _, href in found.values():
        assert client.get(href).status_code == 200, href
    late = client.get(found["relays-late"][1]).text
    assert ("Relay 1" in late, "Relay 2" in late) == (True, False)
    holding = client.get(found["holes"][1]).text
    assert ("Relay 1" in holding, "Relay 2" in holding) == (False, True)
