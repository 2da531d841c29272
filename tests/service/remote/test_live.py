"""Whoever looks at a sensor as it comes: relays hear of it with their heartbeats for as long as it lasts."""

import pytest
from flask.testing import FlaskClient
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotFoundError
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import interest, users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import granting, live

from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat

POLL = "/api/v1/sensors/7/readings?stored_since=1&live=1"


@pytest.fixture
def client(fleet: Fleet) -> FlaskClient:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


def told(fleet: Fleet, relay_id: int = 1) -> list[int]:
    return beat(fleet, relay_id).json["live"]


def test_relays_hear_of_it_while_somebody_looks(fleet: Fleet, client: FlaskClient) -> None:
    assert told(fleet) == []
    client.get("/api/v1/sensors/7/readings")
    assert told(fleet) == []
    assert client.get(POLL).json["live"] is True
    assert (told(fleet, 1), told(fleet, 2)) == ([7], [7])
    fleet.clock.now_s += 19
    assert told(fleet) == [7]
    client.get(POLL)
    fleet.clock.now_s += 19
    assert told(fleet) == [7]
    fleet.clock.now_s += 2
    assert told(fleet) == []


def test_only_who_may_have_readings_as_they_come(fleet: Fleet, client: FlaskClient) -> None:
    bob = fleet.person("bob")
    assert bob.get(POLL).status_code == 404
    for less in ({"live": False}, {"resolution": Resolution.HOUR}, {"until_s": int(fleet.clock())}):
        granting.grant(fleet.site, OPERATOR, "bob", Scope(sensors=frozenset({7}), **less))
        assert bob.get(POLL).json["live"] is False
    assert told(fleet) == []
    with pytest.raises(NotFoundError):
        live.watch(fleet.site, person(99), 7)
    granting.grant(fleet.site, OPERATOR, "bob", Scope(sensors=frozenset({7})))
    assert bob.get(POLL).json["live"] is True
    assert told(fleet) == [7]


def test_one_person_looks_at_so_many_at_most(fleet: Fleet, client: FlaskClient) -> None:
    ada = users.user_id(fleet.archive, "ada")
    now_ms = fleet.site.now_ms()
    for sensor_id in range(100, 150):
        assert interest.want(fleet.archive, ada, sensor_id, now_ms)
    assert not interest.want(fleet.archive, ada, 7, now_ms)
    assert client.get(POLL).json["live"] is False
    assert interest.want(fleet.archive, ada, 100, now_ms)
    assert interest.want(fleet.archive, ada + 1, 7, now_ms)
    assert interest.want(fleet.archive, ada, 7, now_ms + 30_000)


def test_a_lease_is_not_written_at_each_poll(fleet: Fleet, client: FlaskClient) -> None:
    client.get(POLL)
    before = fleet.archive.connection().execute("SELECT until_ms FROM interest").fetchall()
    fleet.clock.now_s += 4
    client.get(POLL)
    assert fleet.archive.connection().execute("SELECT until_ms FROM interest").fetchall() == before
    fleet.clock.now_s += 2
    client.get(POLL)
    assert fleet.archive.connection().execute("SELECT until_ms FROM interest").fetchall() > before


def test_of_too_many_each_who_looks_has_as_many_as_another(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interest, "MAX_LIVE", 5)
    now_ms = fleet.site.now_ms()
    for user, sensors in ((1, range(1, 30)), (2, range(100, 130)), (3, [7, 500])):
        for sensor_id in sensors:
            interest.want(fleet.archive, user, sensor_id, now_ms)
    assert interest.wanted(fleet.archive.connection(), now_ms) == [1, 2, 7, 100, 101]
