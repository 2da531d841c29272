"""Who looked at a meter: its household sees it, of the time that it was theirs, and nothing of the household before or after."""

from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, Actor, person
from gridecho_remote.rules.errors import NotFoundError
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import grants, organisations, users
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.models import Look as LookRow
from gridecho_remote.use import audit, lookers, places, sums
from gridecho_remote.use.lookers import Look

from tests.rigs.fleet import Fleet

NOON = int(datetime(2027, 1, 10, 12, 30, tzinfo=UTC).timestamp())  # when one household moved out and the next one in
DAY_S = 86_400
BEGIN, END = NOON - 5 * DAY_S, NOON + 5 * DAY_S
ADA, BEN = person(1), person(2)  # the household before, and the one after
SENSOR = "/api/v1/sensors/7"
W, WH = "1-0:1.7.0", "1-0:1.8.0"


@pytest.fixture
def house(fleet: Fleet) -> Fleet:
    """A reading an hour for ten days; a roof that feeds in came with the second household. Xi sees all, Yu what was before."""
    fleet.clock.now_s = END
    readings = [
        Reading(
            time_s,
            {POWER_IMPORT: 5, ENERGY_IMPORT: (time_s - BEGIN) // 60} | ({ENERGY_EXPORT: 1} if time_s >= NOON else {}),
        )
        for time_s in range(BEGIN, END, 3_600)
    ]
    for begin in range(0, len(readings), 40):
        for one in readings[begin : begin + 40]:
            fleet.send(fleet.frame(7, [one]))
    for name in ("ada", "ben", "xi", "yu"):
        fleet.person(name)
    organisations.add(fleet.archive, "Statistics Office", 0)
    users.set_organisation(fleet.archive, "xi", "Statistics Office")
    places.begin_contract(fleet.site, OPERATOR, 7, "ada", BEGIN - 9, NOON)
    places.begin_contract(fleet.site, OPERATOR, 7, "ben", NOON)
    grants.add_grant(fleet.archive, "xi", sensor_id=7)
    grants.add_grant(fleet.archive, "yu", sensor_id=7, until_s=NOON)
    return fleet


def browser(fleet: Fleet, name: str) -> FlaskClient:
    """A new login of somebody who is there."""
    from gridecho_remote.store import sessions

    client = fleet.app.test_client()
    token = sessions.begin(fleet.archive, users.user_id(fleet.archive, name), int(fleet.clock()), "127.0.0.1", "")
    with client.session_transaction() as session:
        session["_user_id"] = token
    return client


def seen(fleet: Fleet, actor: Actor, sensor_id: int = 7) -> list[Look]:
    return lookers.looks_at(fleet.site, actor, sensor_id)[0]


def get(fleet: Fleet, name: str, path: str) -> None:
    answer = browser(fleet, name).get(path)
    assert answer.status_code == 200
    assert answer.get_data()
    answer.close()


def test_a_look_at_both_is_told_to_each_of_their_own_part(house: Fleet) -> None:
    get(house, "xi", f"{SENSOR}/readings?from={BEGIN}&to={END}")
    (before,), (after,) = seen(house, ADA), seen(house, BEN)
    assert before.row == after.row
    assert (before.who, before.organisation, before.own, before.what) == ("xi", "Statistics Office", False, "readings")
    assert (before.spans, after.spans) == ([(BEGIN - 9, NOON)], [(NOON, -(-END // 3_600) * 3_600)])
    assert (before.count, after.count) == (None, None), "so many are not of one household"
    assert before.codes == [ENERGY_IMPORT, POWER_IMPORT]
    assert after.codes == [ENERGY_IMPORT, ENERGY_EXPORT, POWER_IMPORT], "the roof came with the second"


def test_whoever_may_see_one_household_looks_at_that_one_whatever_they_ask_for(house: Fleet) -> None:
    get(house, "yu", f"{SENSOR}/readings")
    (one,) = seen(house, ADA)
    assert (one.who, one.organisation, one.spans, one.count) == ("yu", None, [(BEGIN - 9, NOON)], None)
    assert seen(house, BEN) == []
    get(house, "yu", f"{SENSOR}/readings?from={BEGIN + 1_800}&to={NOON + 9}")
    assert [(one.spans, one.count) for one in seen(house, ADA)] == [
        ([(BEGIN + 1_800, NOON)], 119),
        ([(BEGIN - 9, NOON)], None),
    ]
    get(house, "xi", f"{SENSOR}/readings?from={NOON}&to={END}&quantities={W}")
    (other,) = seen(house, BEN)
    assert (other.who, other.codes) == ("xi", [POWER_IMPORT])


@pytest.mark.parametrize(
    "path",
    [
        f"{SENSOR}/readings?points=9&quantities={W}",
        f"{SENSOR}/energy?from=2027-01-01&to=2027-01-20",
        f"{SENSOR}/readings.csv",
        f"{SENSOR}/readings.parquet",
        f"{SENSOR}/green-button.xml",
        "/sensors/7",
        SENSOR,
        "/",
    ],
)
def test_each_way_to_look(house: Fleet, path: str) -> None:
    get(house, "yu", path)
    assert [one.who for one in seen(house, ADA)] == ["yu"], "also of what is newest to them"
    assert seen(house, BEN) == []
    get(house, "xi", path)
    assert [one.who for one in seen(house, BEN)] == ["xi"]
    newest = path in ("/", "/sensors/7", SENSOR)
    assert [one.who for one in seen(house, ADA)] == (["yu"] if newest else ["xi", "yu"])


def test_what_is_missing_and_what_has_no_time_is_of_now(house: Fleet) -> None:
    for path in ("gaps", "routes", "undated", "undated.csv"):
        get(house, "xi", f"{SENSOR}/{path}")
    assert [one.who for one in seen(house, BEN)] == ["xi"] * 4
    assert seen(house, ADA) == []


def test_a_file_says_how_much_was_given_once_it_has_ended(house: Fleet) -> None:
    client = browser(house, "yu")
    answer = client.get(f"{SENSOR}/readings.csv?from={BEGIN}&to={NOON}&quantities={W}", buffered=False)
    (one,) = seen(house, ADA)
    assert (one.export, one.count) == (True, None)
    assert answer.get_data()
    answer.close()
    get(house, "yu", f"{SENSOR}/readings.csv?from={NOON - 7_300}&to={NOON}")
    assert [one.count for one in seen(house, ADA)] == [2, 120], "each its own"
    get(house, "xi", f"{SENSOR}/readings.csv")
    assert [one.count for one in seen(house, ADA)] == [None, 2, 120]


def test_a_daily_grant_looks_at_whole_days(house: Fleet) -> None:
    house.person("zoe")
    grants.add_grant(house.archive, "zoe", sensor_id=7, resolution=Resolution.DAY, live=False, until_s=NOON)
    get(house, "zoe", f"{SENSOR}/energy?from=2027-01-01&to=2027-01-20")
    (one,) = seen(house, ADA)
    midnight = NOON - (12 * 3_600 + 1_800)
    assert (one.by, one.spans[-1][1], one.codes) == ("day", midnight, [ENERGY_IMPORT])
    assert seen(house, BEN) == []
    get(house, "zoe", f"{SENSOR}/readings")
    assert len(seen(house, ADA)) == 1, "of which they saw nothing"


def test_nobody_else_sees_who_looked(house: Fleet) -> None:
    get(house, "xi", f"{SENSOR}/readings")
    for name in ("xi", "yu"):
        client = browser(house, name)
        for path in (f"{SENSOR}/looks", "/looks/7", "/looks/99", "/api/v1/sensors/99/looks"):
            assert client.get(path).status_code == 404
        assert "who looked at it" not in client.get("/sensors/7").text
        assert 'id="looks"' not in client.get("/account").text
        assert "No meter" in client.get("/looks").text
    with pytest.raises(NotFoundError):
        lookers.looks_at(house.site, ADA, 8)
    with pytest.raises(NotFoundError):
        lookers.sums_over(house.site, person(3), 7)
    assert browser(house, "ada").get(f"/api/v1/sensors/{10**12}/looks").status_code == 404


def test_the_page_and_the_answer_for_programs(house: Fleet) -> None:
    hour = NOON - 1_800
    get(house, "xi", f"{SENSOR}/readings?from={hour - 7_200}&to={hour}&quantities={W}")
    get(house, "ada", f"{SENSOR}/readings.csv")
    ada = browser(house, "ada")
    assert ada.get("/looks").location == "/looks/7"
    page = " ".join(ada.get("/looks/7").text.split())
    for said in (
        "xi<div",
        "Statistics Office",
        "readings on a page: 2",
        "Power drawn",
        "readings as a file: 120",
        "You<",
    ):
        assert said in page, said
    assert "who looked at it" in ada.get("/sensors/7").text
    assert 'href="/looks"' in ada.get("/account").text
    own, other = ada.get(f"{SENSOR}/looks").get_json()["looks"][-2:]
    assert (own["user"], own["own"], own["way"], own["count"]) == ("ada", True, "export", 120)
    hours = [{"from": hour - 7_200, "to": hour}]
    assert {name: other[name] for name in ("user", "organisation", "own", "what", "way", "quantities", "count", "spans")} == {
        "user": "xi", "organisation": "Statistics Office", "own": False, "what": "readings", "way": "page",
        "quantities": [W], "count": 2, "spans": hours,
    }  # fmt: skip
    assert browser(house, "ben").get(f"{SENSOR}/looks").get_json()["looks"] == []


def test_looks_come_in_pages(house: Fleet) -> None:
    for n in range(120):
        house.clock.now_s += 601
        get(house, "yu", f"{SENSOR}/readings?from={BEGIN}&to={BEGIN + 3_600 * n}&limit=1")
    rows: list[int] = []
    before: int | None = 0
    while before is not None:
        found, before = lookers.looks_at(house.site, ADA, 7, before)
        assert len(found) <= 50
        rows += [one.row for one in found]
    assert rows == sorted(set(rows), reverse=True)
    assert len(rows) == 120
    ada = browser(house, "ada")
    answer = ada.get(f"{SENSOR}/looks?limit=50").get_json()
    assert [len(answer["looks"]), len(ada.get(answer["next"]).get_json()["looks"])] == [50, 50]
    page = ada.get(f"/looks/7?before={rows[-10]}").text
    assert ("Newest" in page, "Older" in page) == (True, False)


def test_a_contract_that_is_told_of_late_finds_the_looks_of_its_time(house: Fleet) -> None:
    grants.add_grant(house.archive, "xi", sensor_id=8)
    for time_s in (BEGIN, NOON):
        house.send(house.frame(8, [Reading(time_s, {POWER_IMPORT: 1})]))
    get(house, "xi", f"/api/v1/sensors/8/readings?from={BEGIN}&to={BEGIN + 60}")
    get(house, "xi", f"/api/v1/sensors/8/readings?from={NOON}&to={NOON + 60}")
    places.begin_contract(house.site, OPERATOR, 8, "ada", NOON - DAY_S)
    (one,) = seen(house, ADA, 8)
    assert one.spans == [(NOON - 1_800, NOON + 1_800)]


def test_a_contract_that_ended_earlier_than_was_said(house: Fleet) -> None:
    get(house, "xi", f"{SENSOR}/readings?from={NOON + DAY_S}&to={END}")
    number = places.contracts(house.site, OPERATOR)[1].id
    assert len(seen(house, BEN)) == 1
    places.end_contract(house.site, OPERATOR, number, NOON + 9)
    assert seen(house, BEN) == []


def test_what_is_cut_off_of_the_audit_is_gone_here(make_fleet) -> None:  # type: ignore[no-untyped-def]
    fleet = make_fleet(audit_keep_days=1)
    fleet.send(fleet.frame(7, {POWER_IMPORT: 1}))
    fleet.person("ada")
    places.begin_contract(fleet.site, OPERATOR, 7, "ada", 0)
    get(fleet, "ada", f"{SENSOR}/readings")
    fleet.clock.now_s += 2 * DAY_S
    get(fleet, "ada", f"{SENSOR}/readings")
    assert len(seen(fleet, ADA)) == 2
    audit.cut(fleet.site, OPERATOR)
    assert len(seen(fleet, ADA)) == 1
    assert LookRow.select().count(fleet.archive.db) == 1


def test_sums_that_a_meter_was_counted_in(fleet: Fleet) -> None:
    day = date(2026, 3, 2)
    begin = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    fleet.clock.now_s = begin + 20 * DAY_S
    for number in range(101, 110):
        root = number.to_bytes(32, "big")
        street = "north/old" if number < 106 else "north/mill"
        enrol_sensor(fleet.archive, number, f"home {number}", street, "residential", root)
        fleet.roots[number] = root
        fleet.send(fleet.frame(number, [Reading(begin + DAY_S * n, {ENERGY_IMPORT: number * n}) for n in range(9)]))
    for name in ("ada", "ben", "office"):
        fleet.person(name)
    organisations.add(fleet.archive, "Statistics Office", 0)
    users.set_organisation(fleet.archive, "office", "Statistics Office")
    places.begin_contract(fleet.site, OPERATOR, 101, "ada", begin, begin + 3 * DAY_S + 9)
    places.begin_contract(fleet.site, OPERATOR, 101, "ben", begin + 3 * DAY_S + 9)
    grants.put(fleet.archive, "office", Scope(region="north", k=5, resolution=Resolution.DAY), fleet.clock())
    last = date(2026, 3, 8)
    assert sums.energy(fleet.site, person(3), "north", "", ENERGY_IMPORT, day, last)[0].sensors == 9
    assert sums.energy(fleet.site, person(3), "north/mill", "", ENERGY_IMPORT, day, last)[0].sensors is None
    (of_ada,), (of_ben,) = lookers.sums_over(fleet.site, ADA, 101), lookers.sums_over(fleet.site, BEN, 101)
    assert (of_ada.who, of_ada.organisation, of_ada.region, of_ada.days) == ("office", "Statistics Office", "north", 3)
    assert (of_ada.first, of_ada.last) == (day, date(2026, 3, 4))
    assert (of_ben.first, of_ben.last) == (date(2026, 3, 6), last), "the day between is neither's alone"
    (told,) = browser(fleet, "ada").get("/api/v1/sensors/101/looks").get_json()["sums"]
    assert told == {
        "user": "office", "organisation": "Statistics Office", "quantity": WH, "region": "north", "category": None,
        "first": "2026-03-02", "last": "2026-03-04", "days": 3,
    }  # fmt: skip
    assert "Sums that it was counted in" in browser(fleet, "ada").get("/looks/101").text
