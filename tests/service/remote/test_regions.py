"""The regions that somebody may ask about: where sensors of theirs are, and what they were granted sums of; nothing else."""

import pytest
from gridecho.quantities import ENERGY_IMPORT
from gridecho_remote.rules.actor import OPERATOR, Actor, Bearer, person
from gridecho_remote.rules.errors import NotAllowedError
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store import users
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import put
from gridecho_remote.use import places, regions
from gridecho_remote.use.audit import newest

from tests.rigs.fleet import Fleet

HOMES = {
    101: ("east/city/old", "residential"),
    102: ("east/city/mill", "residential"),
    103: ("east/city/mill", "commercial"),
    104: ("eastern/town", "residential"),
    105: ("west", "generation"),
}


@pytest.fixture
def town(fleet: Fleet) -> Fleet:
    for number, (region, category) in HOMES.items():
        enrol_sensor(fleet.archive, number, f"home {number}", region, category, number.to_bytes(32, "big"))
    places.label(fleet.site, OPERATOR, 103, ["pilot"], [])
    users.add_user(fleet.archive, "office")
    return fleet


def office(town: Fleet, *scopes: Scope) -> Actor:
    for scope in scopes:
        put(town.archive, "office", scope, town.clock())
    return person(users.user_id(town.archive, "office"))


def seen(town: Fleet, actor: Actor) -> dict[str, str]:
    """By region: whether sensors of it are seen, whether sums."""
    found = regions.mine(town.site, actor)
    assert [one.path for one in found] == sorted(one.path for one in found)
    return {one.path: "singly" * one.singly + " sums" * one.sums for one in found}


def test_where_their_sensors_are_and_what_that_lies_in(town: Fleet) -> None:
    assert seen(town, office(town)) == {}
    of_labels = {"east": "singly", "east/city": "singly", "east/city/mill": "singly"}
    assert seen(town, office(town, Scope(labels=frozenset({"pilot"})))) == of_labels
    assert seen(town, office(town, Scope(sensors=frozenset({105, 999})))) == of_labels | {"west": "singly"}
    assert seen(town, office(town, Scope(region="east"))) == {
        "east": "singly sums",
        "east/city": "singly sums",
        "east/city/mill": "singly sums",
        "east/city/old": "singly sums",
        "west": "singly",
    }


def test_of_a_grant_of_sums_no_region_is_told_but_its_own(town: Fleet) -> None:
    assert seen(town, office(town, Scope(region="east/city", k=5))) == {"east/city": " sums"}
    assert seen(town, office(town, Scope(category="residential", k=5))) == {"": " sums", "east/city": " sums"}
    one = Scope(sensors=frozenset({104}))
    assert seen(town, office(town, one)) == {
        "": " sums",
        "east/city": " sums",
        "eastern": "singly sums",
        "eastern/town": "singly sums",
    }


def test_what_is_over_or_not_of_energy_opens_none(town: Fleet) -> None:
    now_s = int(town.clock())
    actor = office(
        town,
        Scope(region="east", expires_s=now_s),
        Scope(region="west", starts_s=now_s + 1),
        Scope(region="west", quantities=1 << 2, k=5),
        Scope(region="east", sensors=frozenset({101}), k=5),
    )
    assert seen(town, actor) == {}
    town.clock.now_s += 1
    assert seen(town, actor) == {"west": "singly sums"}


@pytest.mark.parametrize("consent", [None, 1])
def test_a_program_is_told_what_its_token_is_for(town: Fleet, consent: int | None) -> None:
    owner = office(town, Scope(region="east"))
    places.begin_contract(town.site, OPERATOR, 105, "office", 5)
    sums = " sums" if consent is None else ""

    def told(part: Scope) -> dict[str, str]:
        return seen(town, Actor(owner.kind, owner.id, by=Bearer(1, part, consent, consent and "Solar")))

    of_owner = [] if consent else ["east", "east/city", "east/city/mill", "east/city/old"]
    everything = dict.fromkeys(of_owner, "singly" + sums) | {"west": "singly"}
    assert told(Scope()) == everything
    assert told(Scope(quantities=1 << ENERGY_IMPORT)) == everything
    inner = {} if consent else {"east": "singly", "east/city": "singly", "east/city/mill": "singly sums"}
    assert told(Scope(region="east/city/mill")) == inner
    assert told(Scope(sensors=frozenset({105}))) == {"west": "singly"}


def test_in_pages_and_noted(town: Fleet) -> None:
    client = town.person("kim")
    put(town.archive, "kim", Scope(region="east"), town.clock())
    put(town.archive, "kim", Scope(region="a b&c/%/ü", k=3), town.clock())
    found, path = [], "/api/v1/regions?limit=2"
    while path:
        answer = client.get(path).json
        found += answer["regions"]
        path = answer["next"]
    assert [one["region"] for one in found] == ["a b&c/%/ü", "east", "east/city", "east/city/mill", "east/city/old"]
    assert found[0] == {"region": "a b&c/%/ü", "singly": False, "sums": True}
    whats = [(row.what, row.subject, row.fields) for row in newest(town.site, OPERATOR, 3)]
    assert whats[2] == ("regions.mine", "regions", {})
    assert whats[0] == ("regions.mine", "regions", {"after": "east/city/mill"})
    assert client.get("/api/v1/regions?after=%00").json["code"] == "query-after"
    assert client.get("/api/v1/regions?after=" + "x" * 1_001).status_code == 400
    with pytest.raises(NotAllowedError):
        regions.mine(town.site, OPERATOR)
