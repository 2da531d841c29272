"""The page "Access for programs": a token is made with the password and shown once; each is listed in words, and ended."""

import re

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import tokens
from werkzeug.test import TestResponse

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token

PAGE = "/account/programs"
FIELDS = {"name": "report", "days": "30", "resolution": "DAY", "present": PASSWORD}


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    """Ada, logged in, who sees two sensors."""
    fleet.send(fleet.frame(7, [Reading(int(fleet.clock()) - 60, {POWER_IMPORT: 5})]))
    client = fleet.person()
    add_grant(fleet.archive, "ada", category="residential", now_s=0)
    return client


def post(client: FlaskClient, path: str = PAGE, **fields: object) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf_token(client.get(PAGE)), **fields})


def shown(answer: TestResponse) -> str:
    found = re.search(r'id="token" value="(gridecho_[\w-]+)"', answer.text)
    assert found, answer.text
    return found[1]


def test_one_is_made_and_shown_once(fleet: Fleet, ada: FlaskClient) -> None:
    assert PAGE in ada.get("/account").text
    answer = post(ada, **FIELDS, sensors=["7"], quantities=[str(POWER_IMPORT)], export="y")
    token = shown(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    page = ada.get(PAGE).text
    assert token not in page
    for said in ("report", "sensor 7, daily, power drawn, nothing of a day before it is over, export", "never"):
        assert said.lower() in page.lower(), said
    (found,) = tokens.mine(fleet.site, person(1))
    assert found.part.sensors == {7}
    assert found.part.resolution is Resolution.DAY
    assert (found.part.export, found.part.live) == (True, False)
    assert found.expires_s == int(fleet.clock()) + 30 * 86_400
    answer = fleet.app.test_client().get("/api/v1/sensors", headers={"Authorization": f"Bearer {token}"})
    assert [one["id"] for one in answer.json["sensors"]] == [7]
    assert "just now" in ada.get(PAGE).text or "0 s" in ada.get(PAGE).text or "ago" in ada.get(PAGE).text


def test_one_ends(fleet: Fleet, ada: FlaskClient) -> None:
    token = shown(post(ada, **FIELDS))
    assert post(ada, f"{PAGE}/1/end").location == PAGE
    assert (
        fleet.app.test_client().get("/api/v1/sensors", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    )
    assert post(ada, f"{PAGE}/1/end").status_code == 404
    assert post(ada, f"{PAGE}/{10**30}/end").status_code == 404


def test_who_finds_a_browser_logged_in_makes_none(fleet: Fleet, ada: FlaskClient) -> None:
    answers = [post(ada, **FIELDS | {"present": "a wrong password"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert tokens.mine(fleet.site, person(1)) == []
    fleet.clock.now_s += 61
    assert post(ada, **FIELDS | {"present": ""}).status_code == 400
    assert ada.post(PAGE, data=FIELDS).status_code == 400, "without the page's own CSRF token"
    assert tokens.mine(fleet.site, person(1)) == []


def test_who_logs_in_otherwise_has_no_password_to_show(fleet: Fleet, ada: FlaskClient) -> None:
    with fleet.archive.writing() as connection:
        connection.execute("UPDATE \"user\" SET password_hash = NULL WHERE name = 'ada'")
    assert "present" not in ada.get(PAGE).text
    assert shown(post(ada, **FIELDS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": "0"},
        {"days": "367"},
        {"days": "x"},
        {"name": ""},
        {"name": "x" * 101},
        {"resolution": "second"},
        {"sensors": ["8"]},  # not hers
        {"sensors": ["x"]},
        {"quantities": ["43"]},
    ],
)
def test_wrong_forms_make_none(fleet: Fleet, ada: FlaskClient, wrong: dict[str, object]) -> None:
    answer = post(ada, **FIELDS | wrong)
    assert answer.status_code == 400
    assert "invalid-feedback" in answer.text
    assert tokens.mine(fleet.site, person(1)) == []


def test_too_many_are_said(ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 1)
    shown(post(ada, **FIELDS))
    answer = post(ada, **FIELDS)
    assert answer.status_code == 400
    assert "end one of them first" in answer.text


def test_names_are_text(ada: FlaskClient) -> None:
    shown(post(ada, **FIELDS | {"name": "<script>alert(1)</script>"}))
    assert "<script>alert" not in ada.get(PAGE).text


def test_others_tokens_are_not_in_the_list(fleet: Fleet, ada: FlaskClient) -> None:
    shown(post(ada, **FIELDS))
    bob = fleet.person("bob")
    assert "report" not in bob.get(PAGE).text
    assert post(bob, f"{PAGE}/1/end").status_code == 404
