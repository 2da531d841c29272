"""A block that is not as it was written: no wrong reading comes of it, and all else goes on."""

import logging

import pytest
from gridecho.quantities import CONFIG_VERSION, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.sentences import sentence
from gridecho_remote.store import orders, queries
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use.quarantine import take_again
from gridecho_remote.use.tidying import tidy
from gridecho_remote.use.upkeep import examine

from tests.rigs import stored
from tests.rigs.fleet import Fleet
from tests.rigs.plain_rollups import check_rollups

W = POWER_IMPORT
DAY_S = 86_400
T0 = 1_799_971_200  # a day begins: 2027-01-15
FIRST, SECOND, THIRD = range(T0 - 3 * DAY_S, T0, DAY_S)
SAID = "Readings of sensor 7 of 2027-01-13 (UTC) are damaged in the database; ask for others, or for other days."
CONTENT = "SELECT content FROM block WHERE sensor_id = 7 AND first_s >= ? AND first_s < ?"
CHANGE = "UPDATE block SET content = ? WHERE sensor_id = 7 AND first_s >= ? AND first_s < ?"


def frames_of(fleet: Fleet, sensor_id: int, day_s: int) -> list[bytes]:
    """A day's data, a reading each; numbered on from day to day, with a hole between them."""
    first = (day_s - FIRST) // DAY_S * 100
    return [fleet.frame(sensor_id, [Reading(day_s + 600 * n, {W: n})], first + n) for n in range(20)]


@pytest.fixture
def fleet(make_fleet) -> Fleet:
    fleet = make_fleet()
    for sensor_id in (7, 8):
        for day_s in (FIRST, SECOND, THIRD):
            fleet.send(*frames_of(fleet, sensor_id, day_s))
    return fleet


def content_of(fleet: Fleet, day_s: int) -> bytes:
    [(content,)] = fleet.archive.connection().execute(CONTENT, (day_s, day_s + DAY_S)).fetchall()
    return bytes(content)


def damage(fleet: Fleet, day_s: int, at: int = -1) -> bytes:
    """Flips a bit; gives what was there."""
    was = content_of(fleet, day_s)
    torn = bytearray(was)
    torn[at] ^= 1
    fleet.archive.connection().execute(CHANGE, (bytes(torn), day_s, day_s + DAY_S))
    return was


@pytest.mark.parametrize("tidied", [False, True], ids=["as it came", "compact"])
@pytest.mark.parametrize("at", [0, 4, 5, 40, -1])
def test_a_query_of_it_says_so_and_others_answer(fleet: Fleet, tidied: bool, at: int) -> None:
    if tidied:
        tidy(fleet.site)
    damage(fleet, SECOND, at)
    client = fleet.person()
    add_grant(fleet.archive, "ada", region="north")
    for query in (f"from={SECOND}&to={THIRD}", "", f"from={SECOND + 100}&points=10&quantities=1-0:1.7.0"):
        answer = client.get(f"/api/v1/sensors/7/readings?{query}")
        assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
        assert answer.json["detail"] == SAID
        assert (answer.json["code"], answer.json["fields"]) == ("block-torn", {"sensor_id": 7, "day": "2027-01-13"})
    for query in (f"from={FIRST}&to={SECOND}", f"from={THIRD}", f"from={FIRST}&limit=10"):
        assert client.get(f"/api/v1/sensors/7/readings?{query}").status_code == 200
    assert len(client.get("/api/v1/sensors/8/readings").json["readings"]) == 60
    for name in ("readings.csv", "readings.parquet"):
        answer = client.get(f"/api/v1/sensors/7/{name}")
        assert (answer.status_code, answer.json["code"]) == (500, "block-torn")
    assert client.get("/api/v1/sensors/7/gaps").status_code == 200


def test_the_pages_name_it_and_show_the_rest(fleet: Fleet) -> None:
    damage(fleet, THIRD)
    client = fleet.person()
    add_grant(fleet.archive, "ada", region="north")
    said = SAID.replace("13", "14")
    for path in ("/", "/sensors"):
        page = client.get(path).get_data(as_text=True)
        assert (page.count("damaged"), "19 W" in page) == (1, True), path
    assert said in client.get("/sensors/7").get_data(as_text=True)
    one = client.get("/api/v1/sensors/7").json
    assert (one["damaged"], one["latest"], one["power_w"]) == (said, None, None)
    assert (one["first"], one["last"]) == (FIRST, THIRD + 19 * 600)
    assert client.get("/api/v1/sensors/8").json["damaged"] is None


def test_it_is_told_once_a_round_and_the_rest_is_tidied(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    was = damage(fleet, SECOND)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            tidy(fleet.site)
        assert [record.getMessage() for record in caplog.records] == [
            "block-torn sensor=7 day=2027-01-13; it cannot be tidied"
        ]
    for table in ("stale", "loose"):
        left = fleet.archive.connection().execute(f"SELECT sensor_id, day FROM {table}").fetchall()  # noqa: S608
        assert left == [(7, fleet.site.days.number([SECOND])[0])]
    fleet.archive.connection().execute(CHANGE, (was, SECOND, THIRD))
    tidy(fleet.site)
    assert check_rollups(fleet.archive, fleet.site.days) == 6


def test_the_doctor_finds_it(fleet: Fleet) -> None:
    assert examine(fleet.site, OPERATOR).problems == []
    damage(fleet, SECOND)
    assert [sentence(problem) for problem in examine(fleet.site, OPERATOR).problems] == [SAID]


def test_what_comes_again_is_kept_until_it_can_be_compared(fleet: Fleet) -> None:
    was = damage(fleet, SECOND)
    again = frames_of(fleet, 7, SECOND)
    new = fleet.frame(7, [Reading(SECOND + 20 * 600, {W: 20})], 120)
    receipt = fleet.send(*again[5:], new, *frames_of(fleet, 8, SECOND), relay_id=2)
    assert (receipt.stored, receipt.known, receipt.quarantined) == (1, 20, 15)
    assert queries.count_quarantined(fleet.archive) == {"same data id as in a damaged block": 15}
    assert take_again(fleet.site, OPERATOR) == 0
    assert queries.count_quarantined(fleet.archive) == {"same data id as in a damaged block": 15}
    # Whether the block is whole again, or is given up: nothing was lost, and nothing is there twice.
    fleet.archive.connection().execute(CHANGE, (was, SECOND, SECOND + 1))
    assert take_again(fleet.site, OPERATOR) == 15
    assert queries.count_quarantined(fleet.archive) == {}
    damage(fleet, FIRST)
    assert fleet.send(*frames_of(fleet, 7, FIRST)).quarantined == 20
    delete = "DELETE FROM block WHERE sensor_id = 7 AND first_s < ?"
    fleet.archive.connection().execute(delete, (SECOND,))
    assert take_again(fleet.site, OPERATOR) == 20
    tidy(fleet.site)
    ids = stored.ids(fleet.archive.connection().execute(stored.IDS).fetchall())
    assert len(ids) == len(set(ids)) == 121
    assert check_rollups(fleet.archive, fleet.site.days) == 6


def test_what_it_tells_of_its_sensor_counts_when_it_was_compared(fleet: Fleet) -> None:
    was = damage(fleet, SECOND)
    telling = fleet.frame(7, [Reading(SECOND, {W: 1, ROUTE_RELAY: 2, ROUTE_RTT: 5, CONFIG_VERSION: 9})], 100)
    assert fleet.send(telling).quarantined == 1
    assert (queries.route_history(fleet.archive, 7), orders.sensor_state(fleet.archive, 7)) == ([], {})
    # It says something else than what was stored: a clone.
    fleet.archive.connection().execute(CHANGE, (was, SECOND, THIRD))
    assert take_again(fleet.site, OPERATOR) == 0
    assert (queries.route_history(fleet.archive, 7), orders.sensor_state(fleet.archive, 7)) == ([], {})
