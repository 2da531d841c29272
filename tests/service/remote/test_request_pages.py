"""Requests for access on pages and by command: as a stranger asks, as an administrator decides."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.roles import role
from gridecho_remote.use import granting, people
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, csrf_token

FORM = {
    "name": "Ada Wong",
    "organisation": "Statistics Office",
    "role": "analyst",
    "evidence": "S-1001",
    "purpose": "energy of homes by day",
    "region": "north/city-a",
    "category": "residential",
    "resolution": "DAY",
    "first": "2026-01-01",
    "last": "2026-12-31",
    "days": "365",
}


def sent(who: FlaskClient, path: str, **fields: str) -> TestResponse:
    """The answer to a form of a page."""
    return who.post(path, data={"csrf_token": csrf_token(who.get("/password"))} | fields)


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    return fleet.person("ada")


@pytest.fixture
def boss(fleet: Fleet) -> FlaskClient:
    boss = fleet.person("boss")
    people.give_role(fleet.site, OPERATOR, "boss", role("administrator", "north"))
    return boss


def test_a_strangers_day_and_an_administrators(fleet: Fleet, ada: FlaskClient, boss: FlaskClient) -> None:
    answer = sent(ada, "/requests", **FORM)
    assert (answer.status_code, answer.location) == (302, "/requests/1")
    assert "nobody has looked yet" in ada.get("/requests/1").text
    inbox = boss.get("/requests/inbox").text
    assert "Statistics Office" in inbox
    assert "sensors, residential, in north/city-a, daily, from 1 January 2026, before 1 January 2027" in inbox
    assert "1 sensor that there" in boss.get("/requests/1").text
    assert "Grant it" not in boss.get("/requests/1").text
    sent(boss, "/requests/1/confirm", text="met in person")
    assert "Grant it" in boss.get("/requests/1").text
    assert "Mill Lane" not in ada.get("/").text
    part = {name: FORM[name] for name in ("region", "category", "first", "last")}
    sent(boss, "/requests/1/grant", **part, resolution="MONTH", days="30")
    assert "granted in part" in ada.get("/requests").text
    assert "Mill Lane" in ada.get("/").text
    assert "Nobody asks" in boss.get("/requests/inbox").text
    assert "Statistics Office" in boss.get("/requests/inbox?all=").text
    page = ada.get("/requests/1").text
    granted = page[page.index(">Granted<") :]
    assert "sensors, residential, in north/city-a, monthly" in granted
    assert "revoked" not in granted
    granting.revoke(fleet.site, OPERATOR, 1)
    assert "revoked" in ada.get("/requests/1").text


def test_what_is_told_is_told_once(ada: FlaskClient, boss: FlaskClient) -> None:
    sent(ada, "/requests", **FORM)
    sent(boss, "/requests/1/refuse", text="homes only by month")
    first, second = ada.get("/requests").text, ada.get("/requests").text
    said = "Request 1 of ada was refused: homes only by month."
    assert said in first
    assert said not in second


def test_a_part_that_is_more_is_refused_with_a_sentence(ada: FlaskClient, boss: FlaskClient) -> None:
    sent(ada, "/requests", **FORM)
    sent(boss, "/requests/1/confirm", text="met in person")
    answer = sent(boss, "/requests/1/grant", region="north", category="residential", resolution="RAW", days="365")
    assert answer.status_code == 302
    assert "Request 1 does not ask for so much" in boss.get("/requests/1").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"evidence": "../x"}, "by which a register finds you was expected"),
        ({"region": "", "category": ""}, "a grant names a region"),
        ({"region": "a//b"}, "region"),
        ({"days": "0"}, "Number must be"),
        ({"first": "2026-13-01"}, "Not a valid date"),
        ({"first": "2027-01-01"}, "ends after it begins"),
        ({"resolution": "SECOND"}, "Not a valid choice"),
        ({"purpose": ""}, "This field is required"),
    ],
)
def test_a_form_that_will_not_do(ada: FlaskClient, fields: dict[str, str], said: str) -> None:
    answer = sent(ada, "/requests", **(FORM | fields))
    assert answer.status_code == 400
    assert said.lower() in answer.text.lower()
    assert "You have asked for nothing yet" in ada.get("/requests").text


def test_a_request_of_others_is_as_one_that_is_not_there(fleet: Fleet, ada: FlaskClient, boss: FlaskClient) -> None:
    sent(ada, "/requests", **FORM)
    eve = fleet.person("eve")
    people.give_role(fleet.site, OPERATOR, "eve", role("administrator", "south"))
    pages = [eve.get(f"/requests/{number}") for number in (1, 2)]
    assert [page.status_code for page in pages] == [404, 404]
    # A form's token is another one each second.
    there, none = (re.sub(r'(csrf_token"[^>]*value=")[^"]+', r"\1", page.text) for page in pages)
    assert there == none.replace("/2", "/1")
    for step in ("verify", "withdraw", "refuse", "confirm", "grant"):
        answer = sent(eve, f"/requests/1/{step}", text="x", days="1", resolution="DAY")
        assert answer.status_code == 404, step
    assert ada.get("/requests/inbox").status_code == 404
    assert "nobody has looked yet" in ada.get("/requests/1").text


def test_a_draft_is_asked_later(ada: FlaskClient, boss: FlaskClient) -> None:
    sent(ada, "/requests", **FORM, keep="Keep as draft")
    assert boss.get("/requests/1").status_code == 404
    sent(ada, "/requests/1/ask")
    assert boss.get("/requests/1").status_code == 200
    sent(ada, "/requests/1/withdraw")
    assert "withdrawn" in ada.get("/requests").text


@pytest.fixture
def run(fleet: Fleet, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command on the fleet's database."""
    (tmp_path / "remote.key").write_text(fleet.kek.hex())
    (tmp_path / "remote.key").chmod(0o600)
    config = tmp_path / "remote.toml"
    config.write_text('database = "remote.sqlite"\nkey_file = "remote.key"\n')

    def run(*words: str) -> Result:
        return CliRunner().invoke(remote, ["request", *words, "--config", str(config)])

    return run


def test_the_operator_decides_at_the_terminal(ada: FlaskClient, run: Callable[..., Result]) -> None:
    assert "There are none yet" in run("list").output
    sent(ada, "/requests", **FORM)
    (listed,) = json.loads(run("list", "--json").output)
    assert (listed["id"], listed["state"], listed["organisation"]) == (1, "asked", "Statistics Office")
    shown = run("show", "1").output
    assert "1 sensor, residential, in north/city-a, daily" in shown
    assert "there is no register" in run("verify", "1").output
    assert run("grant", "1").exit_code == 1
    assert "verified (an administrator knows who it is: met" in run("confirm", "1", "--how", "met").output
    assert "does not ask for so much: region" in run("grant", "1", "--region", "north").output
    assert "Request 1: granted in part. End it with" in run("grant", "1", "--resolution", "month").output
    assert "request 9" in run("refuse", "9", "--reason", "no").output
    sent(ada, "/requests", **FORM)
    assert "is refused" in run("refuse", "2", "--reason", "no").output
    assert [one["state"] for one in json.loads(run("list", "--state", "refused", "--json").output)] == ["refused"]
