"""A stranger makes an account: it opens nothing but asking, and a flood of them ends."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.use import joining, people
from gridecho_remote.use.audit import newest
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, csrf_token

WORDS = "a long enough password"


def join(client: FlaskClient, name: str, **fields: str) -> TestResponse:
    form = {"name": name, "password": WORDS, "again": WORDS, "email": ""} | fields
    return client.post("/join", data={"csrf_token": csrf_token(client.get("/join"))} | form)


def test_who_joins_is_logged_in_and_can_ask_and_nothing_else(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    assert "/join" in client.get("/login").text
    form = client.get("/join").text
    assert form.index('name="email"') < form.index('name="submit"')
    answer = join(client, "ada", email="ada@office.example")
    assert (answer.status_code, answer.location) == (302, "/requests")
    assert "Ask for access" in client.get("/requests").text
    assert client.get("/api/v1/sensors").json == {"sensors": [], "next": None}
    assert client.get("/groups").status_code == client.get("/requests/inbox").status_code == 404
    (user,) = people.all_users(fleet.site, OPERATOR)
    assert (user.name, user.email, user.roles) == ("ada", "ada@office.example", [])
    assert [entry.what for entry in newest(fleet.site, OPERATOR, 5, "user ada")] == ["sessions.begin", "joining.join"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"password": "short", "again": "short"}, "10 and 1000"),
        ({"again": "another password"}, "not the same"),
        ({"email": "ada"}, "An address as"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "An address as"),
        ({"name": "ADA"}, "a user ADA already"),
    ],
)
def test_a_form_that_will_not_do(fleet: Fleet, fields: dict[str, str], said: str) -> None:
    fleet.person("ada")
    answer = join(fleet.app.test_client(), **({"name": "eve"} | fields))
    assert answer.status_code == 400
    assert said.lower() in answer.text.lower()
    assert [user.name for user in people.all_users(fleet.site, OPERATOR)] == ["ada"]


def test_a_site_that_does_not_want_it(make_fleet: Callable[..., Fleet]) -> None:
    client = make_fleet(open_accounts=False).app.test_client()
    token = csrf_token(client.get("/login"))
    assert client.get("/join").status_code == client.post("/join", data={"csrf_token": token}).status_code == 404
    assert "/join" not in client.get("/login").text


def test_one_address_has_ten_tries_an_hour(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    for _ in range(10):
        assert join(client, "eve", password="short").status_code == 400
    assert join(client, "eve").status_code == 429
    fleet.clock.now_s += 3_601
    assert join(client, "eve").status_code == 302


def test_accounts_that_wait_for_access_are_bounded(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST_WAITING", 1)
    assert join(fleet.app.test_client(), "ada").status_code == 302
    assert "too many accounts" in join(fleet.app.test_client(), "eve").text.lower()
