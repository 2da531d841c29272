"""Looks in the audit: there is a row before the answer, and the same within ten minutes is no second one."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules import recent
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.recent import AGAIN_MS, Recent
from gridecho_remote.store import audit as rows_
from gridecho_remote.store import timeline
from gridecho_remote.store.grants import add_grant, revoke_grant
from gridecho_remote.use import audit, looks

from tests.rigs.fleet import Fleet, log_in

T0 = 1_799_990_000
SENSOR = "/api/v1/sensors/7"
W = "1-0:1.7.0"


@pytest.fixture
def client(fleet: Fleet) -> FlaskClient:
    fleet.send(
        *(fleet.frame(7, [Reading(T0 + 60 * n, {POWER_IMPORT: n, ENERGY_IMPORT: n})]) for n in range(300)),
        fleet.frame(7, [Reading(0, {POWER_IMPORT: 5})], 0, epoch=2),
    )
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


def noted(fleet: Fleet, since: int = 0) -> list[tuple[str, str, dict[str, Any]]]:
    """(what, subject, fields) of the rows about looks after a number, in order."""
    found = rows_.newest(fleet.archive, 10_000)[::-1]
    mine = [
        one
        for one in found
        if one.id > since and one.what.startswith(("sensors.", "summary.", "green.", "looks.", "people.log_in"))
    ]
    assert {(one.actor_kind, one.actor_id) for one in mine} <= {("person", 1), ("person", 2), ("person", 0)}
    assert audit.verify(fleet.site, OPERATOR)[1] == []
    return [(one.what, one.subject, one.fields) for one in mine]


def test_each_look_is_a_row(fleet: Fleet, client: FlaskClient) -> None:
    hour = T0 // 3_600 * 3_600
    within = {"from_s": hour, "until_s": hour + 7_200}
    span = f"from={T0}&to={T0 + 3_600}"
    both = ["1-0:1.8.0", W]
    for path, row in {
        "/": ("summary.summary", "sensors", {"sensors": 1}),
        "/sensors": ("sensors.mine", "sensors", {}),
        "/sensors?named=mill&page=2": ("sensors.mine", "sensors", {"named": "mill"}),
        "/sensors/7": ("sensors.look", "sensor 7", {"quantities": both}),
        f"{SENSOR}/readings?{span}": ("sensors.readings", "sensor 7", {"quantities": both, **within, "count": 60}),
        f"{SENSOR}/readings?{span}&points=9&quantities={W}": (
            "sensors.thinned",
            "sensor 7",
            {"quantities": [W], **within, "count": 9},
        ),
        f"{SENSOR}/energy?from=2027-01-14&to=2027-01-15": (
            "sensors.energy",
            "sensor 7",
            {"quantities": ["1-0:1.8.0"], "by": "day", "from_s": 1_799_884_800, "until_s": 1_800_057_600},
        ),
        f"{SENSOR}/undated": ("sensors.undated_readings", "sensor 7", {"quantities": both}),
        f"{SENSOR}/gaps": ("sensors.gaps", "sensor 7", {}),
        f"{SENSOR}/routes": ("sensors.routes", "sensor 7", {}),
    }.items():
        before = noted(fleet)
        assert client.get(path).status_code == 200
        (found,) = noted(fleet)[len(before) :]
        if "points" in path:
            found[2]["count"] = 9  # about so many
        assert found == row
        assert client.get(path).status_code == 200
        assert len(noted(fleet)) == len(before) + 1, "the same again"


def test_what_is_compared_is_a_look_at_the_list(fleet: Fleet, client: FlaskClient) -> None:
    before = noted(fleet)
    assert client.get("/compare?sensors=7").status_code == 200
    assert noted(fleet)[len(before) :] == [("sensors.mine", "sensors", {})]


def test_what_is_polled_is_no_row_each_time_and_what_is_new_is_one(fleet: Fleet, client: FlaskClient) -> None:
    def look(from_s: int, to_s: int, more: str = "") -> int:
        before = len(noted(fleet))
        assert client.get(f"{SENSOR}/readings?from={from_s}&to={to_s}{more}").status_code == 200
        return len(noted(fleet)) - before

    begin = T0 // 3_600 * 3_600
    assert look(begin + 10, begin + 3_700) == 1
    for n in range(100):
        assert look(begin + 10 + n, begin + 3_700 + n) == 0, "its page renews itself"
    assert look(begin + 100, begin + 200) == 0, "a part of it"
    assert look(begin + 100, begin + 200, f"&quantities={W}") == 1, "another question"
    assert look(begin - 1, begin + 200) == 1
    assert look(begin + 7_300, begin + 7_400) == 1
    assert look(begin + 20, begin + 3_600) == 0
    fleet.clock.now_s += AGAIN_MS / 1_000
    assert look(begin + 20, begin + 3_600) == 1
    kim = fleet.person("kim")
    add_grant(fleet.archive, "kim", sensor_id=7)
    before = len(noted(fleet))
    assert kim.get(f"{SENSOR}/readings").status_code == 200
    assert len(noted(fleet)) == before + 1


def test_without_its_row_nothing_is_shown(fleet: Fleet, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.app.config["PROPAGATE_EXCEPTIONS"] = False
    paths = [
        "/",
        "/sensors/7",
        SENSOR,
        *(f"{SENSOR}/{what}" for what in ("readings", "energy", "undated", "gaps", "routes")),
    ]
    paths += [f"{SENSOR}/readings?points=9&quantities={W}", f"{SENSOR}/readings.csv", f"{SENSOR}/undated.csv"]
    with monkeypatch.context() as broken:
        broken.setattr(rows_, "put", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
        assert {client.get(path).status_code for path in paths} == {500}
    assert {client.get(path).status_code for path in paths} == {200}, "and what failed counts for no row"
    assert len(noted(fleet)) >= len(paths) - 1


@pytest.mark.parametrize(("name", "what", "count"), [
    ("readings.csv", "sensors.export", 300),
    ("readings.parquet", "sensors.export", 300),
    ("green-button.xml", "green.export", 300),
    ("undated.csv", "sensors.undated_export", 1),
])  # fmt: skip
def test_an_export_is_a_row_when_it_begins_and_one_when_it_ends(
    fleet: Fleet, client: FlaskClient, name: str, what: str, count: int
) -> None:
    answer = client.get(f"{SENSOR}/{name}?quantities={W}", buffered=False)
    (begun,) = noted(fleet)
    assert begun[:2] == (what, "sensor 7") and begun[2]["quantities"] == [W]
    assert answer.get_data()
    answer.close()
    ((*ended, said),) = noted(fleet)[1:]
    number = rows_.newest(fleet.archive, 2)[1].id
    assert (ended, said) == ([f"{what}.ended", "sensor 7"], {"count": count, "whole": True, "row": number})


@pytest.mark.parametrize("why", ["given up", "revoked"])
def test_an_export_that_is_broken_off_says_how_much_was_given(
    fleet: Fleet, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 100)
    answer = client.get(f"{SENSOR}/readings.csv", buffered=False)
    next(answer.response)
    if why == "revoked":
        revoke_grant(fleet.archive, 1)
        with pytest.raises(ConnectionAbortedError):
            list(answer.response)
    answer.close()
    answer.close()
    what, subject, said = noted(fleet)[-1]
    assert (what, subject, said["whole"]) == ("sensors.export.ended", "sensor 7", False)
    assert 100 <= said["count"] < 300


def test_refusals_are_rows_and_more_of_them_are_counted(fleet: Fleet, client: FlaskClient) -> None:
    for _ in range(5):
        assert client.get("/api/v1/sensors/8").status_code == 404
        assert client.get("/sensors/99").status_code == 404
        assert client.get("/groups").status_code == 404
    assert client.get("/nowhere").status_code == 404
    refused = [("looks.refused", one, {}) for one in ("sensor 8", "sensor 99", "nothing-here")]
    assert noted(fleet) == refused
    looks.settle(fleet.site)
    assert noted(fleet) == refused, "it is not over"
    fleet.clock.now_s += AGAIN_MS / 1_000
    for _ in range(2):
        looks.settle(fleet.site)
    assert noted(fleet) == refused + [(what, subject, {"more": 4}) for what, subject, _ in refused]


def test_sign_ins_that_fail(fleet: Fleet, client: FlaskClient) -> None:
    secret = "a password in the wrong field"
    for name in ("Ada", "ada", secret, "another", "\0"):
        assert log_in(fleet.app.test_client(), name, "wrong").status_code == 401
    failed = [("people.log_in_failed", one, {}) for one in ("user ada", "nobody")]
    assert noted(fleet) == failed
    assert secret not in json.dumps(noted(fleet))
    fleet.clock.now_s += AGAIN_MS / 1_000
    looks.settle(fleet.site)
    assert noted(fleet)[2:] == [(*failed[0][:2], {"more": 1}), (*failed[1][:2], {"more": 2})]


def test_who_looks_without_end_fills_no_chain(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_ROWS", 10)
    ada, kim = person(1), person(2)
    for n in range(50):
        looks.look(fleet.site, ada, "sensors.look", f"sensor {n}")
        looks.refused(fleet.site, ada, RemoteError("sensor-not-shared", sensor_id=n))
    found = noted(fleet)
    assert (len(found), found[-1]) == (11, ("looks.more", "audit", {}))
    looks.look(fleet.site, kim, "sensors.look", "sensor 7")
    assert len(noted(fleet)) == 12, "nobody else's is left out"
    fleet.clock.now_s += AGAIN_MS / 1_000
    looks.settle(fleet.site)
    assert noted(fleet)[12:] == [("looks.more", "audit", {"more": 89})]
    looks.look(fleet.site, ada, "sensors.look", "sensor 1")
    assert len(noted(fleet)) == 14


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_MOST", 3)
    here = Recent()
    for n in range(5):
        here.add(("a", str(n)), recent.ALL, 0)
    assert [here.is_known(("a", str(n)), recent.ALL, 1) for n in range(5)] == [False, False, True, True, True]
    assert not here.is_known(("a", "4"), recent.ALL, -1), "a clock that was set back"


def test_a_number_that_no_sensor_has_is_not_noted(fleet: Fleet, client: FlaskClient) -> None:
    assert client.get(f"/sensors/{10**300}").status_code == 404
    assert noted(fleet)[-1] == ("looks.refused", "sensor-not-shared", {})
