"""What somebody asks for and relays hold still: fetched within what was granted, once for all who ask, and else named as holes."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import Piece, read_pull
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotFoundError
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.store import audit, holdings, users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import granting, holes

from tests.rigs.asked_relay import Relay
from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.waiting import HANG_S, wait_for

DAY_S = 86_400
SENSOR = "/api/v1/sensors/7"
MINUTES = 10

MakeRelay = Callable[..., Relay]


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    fleet = make_fleet(pull_addresses=["127.0.0.0/8"], time_zone="UTC")
    fleet.clock.now_s = int(time.time())
    return fleet


@pytest.fixture
def t0(fleet: Fleet) -> int:
    """The begin of a day of which everything is over."""
    return (int(fleet.clock()) // DAY_S - 3) * DAY_S


@pytest.fixture
def relay(fleet: Fleet, t0: int) -> Iterator[MakeRelay]:
    made: list[Relay] = []

    def make(relay_id: int, seqs: range, behave: str = "well", url: str | None = None) -> Relay:
        """A relay that holds the minutes of these numbers."""
        frames = [
            fleet.frame(7, [Reading(t0 + 60 * seq, {ENERGY_IMPORT: 100 * seq, POWER_IMPORT: seq})], seq) for seq in seqs
        ]
        one = Relay(fleet, relay_id, frames, behave)
        made.append(one)
        runs = [(7, 1, seqs[0], len(seqs), t0 + 60 * seqs[0], 60)]
        holdings.take_piece(fleet.archive, Piece(relay_id, 1, 0, 99, runs))
        beat(fleet, relay_id, pull_url=one.url if url is None else url)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def client(fleet: Fleet) -> FlaskClient:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


def asked(client: FlaskClient, t0: int, what: str = "readings", **more: object) -> Any:
    query = {"from": t0, "to": t0 + DAY_S, "wait": 1} | more
    return client.get(f"{SENSOR}/{what}", query_string=query).json


def powers(answer: Any) -> list[int]:
    return [one["values"]["1-0:1.7.0"] for one in answer["readings"]]


def test_what_relays_hold_is_in_the_answer_and_the_index_forgets_it(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one, two = relay(1, range(10)), relay(2, range(10, 20))
    answer = asked(client, t0, wait=30)
    assert powers(answer) == list(range(20))
    assert answer["holes"] == []
    assert (one.asked, two.asked) == (1, 1)
    assert holdings.told(fleet.archive) == {}
    assert asked(client, t0) == answer | {"as_of": asked(client, t0)["as_of"]}
    assert (one.asked, two.asked) == (1, 1)
    rows = [row for row in audit.newest(fleet.archive, 99) if row.what == "holes.fill"]
    assert sorted(row.fields["relay"] for row in rows) == [1, 2]
    assert {row.subject for row in rows} == {"sensor 7"}


def test_nobody_is_asked_where_nobody_waits_or_only_what_is_new_is_asked_for(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10))
    hole = {"from": t0, "to": t0 + 541, "relay": 1, "reason": "pull-not-asked", "expected": None}
    for more in ({"wait": 0}, {"wait": None, "stored_since": 1}):
        answer = asked(client, t0, **more)
        assert answer["readings"] == []
        assert [{**found, "says": None} for found in answer["holes"]] == [{**hole, "says": None}]
    assert one.asked == 0


def test_what_was_not_granted_is_not_pulled_and_looks_like_nothing(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10))
    bob = fleet.person("bob")
    assert (bob.get(f"{SENSOR}/readings").status_code, one.asked) == (404, 0)
    assert bob.get(f"{SENSOR}/readings").json == bob.get("/api/v1/sensors/55/readings").json | {"status": 404}
    # Of another span it is granted, and nothing is there.
    add_grant(fleet.archive, "bob", sensor_id=7, first_s=t0 - 3 * DAY_S, until_s=t0 - 2 * DAY_S)
    assert bob.get(f"{SENSOR}/readings").json["holes"] == []
    assert one.asked == 0
    with pytest.raises(NotFoundError):
        holes.fill(fleet.site, person(99), 7, -1, t0, t0 + DAY_S, 1)
    assert one.asked == 0


def test_who_sees_days_gets_those_that_are_theirs_and_is_not_told_of_relays(
    fleet: Fleet, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(MINUTES), "refuses")
    carol = fleet.person("carol")
    scope = granting.Scope(sensors=frozenset({7}), resolution=Resolution.DAY, first_s=t0)
    granting.grant(fleet.site, OPERATOR, "carol", scope)
    assert asked(carol, t0)["holes"] == []
    assert one.asked == 0
    days = {"from": time.strftime("%Y-%m-%d", time.gmtime(t0)), "to": time.strftime("%Y-%m-%d", time.gmtime(t0))}
    (hole,) = asked(carol, t0, "energy", **days, wait=1)["holes"]
    assert (hole["relay"], hole["reason"], hole["from"]) == (None, "pull-waits", t0)
    assert hole["expected"] >= fleet.clock()
    one.behave = "well"
    fleet.archive.connection().execute("DELETE FROM pull")
    answer = asked(carol, t0, "energy", **days, wait=30)
    assert ([day["value"] for day in answer["energy"]], answer["holes"]) == ([900], [])


def test_a_relay_that_is_gone_is_named_and_not_waited_for(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    relay(1, range(10))
    relay(2, range(20, 30), url="").close()
    fleet.clock.now_s += 60
    beat(fleet, 1, pull_url="")
    holes = asked(client, t0, wait=30)["holes"]
    late = [(one["relay"], one["reason"]) for one in holes if one["relay"] == 2]
    assert late == [(2, "pull-late")]
    assert "not heard of" in next(one["says"] for one in holes if one["relay"] == 2)


def test_files_have_what_relays_hold_and_say_how_many_holes_are_left(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    relay(1, range(10))
    relay(2, range(20, 30), url="")
    query = {"from": t0, "to": t0 + DAY_S, "wait": 1}
    answer = client.get(f"{SENSOR}/readings.csv", query_string=query)
    assert len(answer.text.splitlines()) == 1 + 10
    assert answer.headers["Gridecho-Holes"] == "1"
    answer = client.get(f"{SENSOR}/readings.csv", query_string=query | {"from": t0 - DAY_S, "to": t0})
    assert "Gridecho-Holes" not in answer.headers


def test_many_who_ask_for_the_same_cause_one_pull(fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int) -> None:
    one = relay(1, range(10), "waits")
    ada = users.user_id(fleet.archive, "ada")

    def ask(n: int) -> list[holes.Hole]:
        try:
            return holes.fill(fleet.site, person(ada), 7, -1, t0 + n, t0 + DAY_S - n, HANG_S)
        finally:
            fleet.archive.give_back()

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, n) for n in range(8)]
        wait_for(lambda: one.asked == 1)
        one.go.set()
        assert [answer.result(HANG_S) for answer in answers] == [[]] * 8
    assert one.asked == 1
    assert powers(asked(client, t0)) == list(range(10))


def test_who_died_while_asking_keeps_others_back_for_seconds_only(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10), "waits")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: (asked(client, t0, wait=1), fleet.archive.give_back()))
        wait_for(lambda: one.asked == 1)
        # As if its process were gone: the row stays as it is.
        fleet.archive.connection().execute("UPDATE pull SET digest = digest, state = 'asking', frames = 0")
        fleet.clock.now_s += 11
        beat(fleet, pull_url=one.url)
        one.behave = "well"
        assert powers(asked(client, t0)) == list(range(10))
        assert one.asked == 2
        one.go.set()
        first.result(HANG_S)


def test_one_behind_nat_brings_it_while_somebody_waits(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10), url="")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: (asked(client, t0, wait=30), fleet.archive.give_back())[0])
        (body,) = wait_for(lambda: beat(fleet).json["pulls"])
        request = read_pull(bytes.fromhex(body), Cmac(relay_keys.pull_key(fleet.relays[1], 1)))
        for each in one.bodies:
            assert fleet.post(each).status_code == 200
        beat(fleet, pulled=[{"id": str(request.pull_id), "frames": 10}])
        assert powers(answer.result(HANG_S)) == list(range(10))


def test_a_relay_that_does_not_bring_what_it_told_of_is_named(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10))
    del one.bodies[1:]
    answer = asked(client, t0)
    assert powers(answer) == [0, 1, 2]
    assert [(hole["from"], hole["to"], hole["reason"]) for hole in answer["holes"]] == [
        (t0 + 180, t0 + 541, "pull-missing")
    ]


def test_so_many_requests_wait_for_a_relay_at_most(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridecho_remote.store.pulls._MOST_OPEN", 4)
    relay(1, range(200), url="")
    others = []
    for name in ("bob", "eve", "joe"):
        others.append(fleet.person(name))
        add_grant(fleet.archive, name, sensor_id=7)
    turns = zip([client] * 3 + others, range(6), strict=True)
    reasons = [asked(one, t0 + 900 * n, wait=1)["holes"][0]["reason"] for one, n in turns]
    assert reasons == ["pull-waits", "pull-waits", "pull-busy", "pull-waits", "pull-waits", "pull-busy"]


def test_what_a_relay_came_to_hold_after_the_question_was_not_asked_for(
    fleet: Fleet, client: FlaskClient, relay: MakeRelay, t0: int
) -> None:
    one = relay(1, range(10))
    stream = one.stream

    def and_holds_more(handler: Any) -> None:
        runs = [(7, 1, 20, 5, t0 + 60 * 20, 60)]
        holdings.take_piece(fleet.archive, Piece(1, 1, 99, 199, runs))
        stream(handler)

    one.stream = and_holds_more
    answered = asked(client, t0)
    assert powers(answered) == list(range(10))
    assert [(hole["from"], hole["reason"]) for hole in answered["holes"]] == [(t0 + 1200, "pull-not-asked")]
