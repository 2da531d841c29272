"""The first administrator's one-time link: once, for a day, while there is no user."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from gridecho_remote.commands import remote as command
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import RemoteError, UnprovenError
from gridecho_remote.rules.roles import role
from gridecho_remote.store.users import add_user
from gridecho_remote.use import audit, first, people
from werkzeug.test import TestResponse

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in
from tests.rigs.waiting import HANG_S


def offered(fleet: Fleet) -> str:
    code = first.offer(fleet.site, OPERATOR)
    assert code is not None
    return code


def make(fleet: Fleet, code: str, **fields: str) -> TestResponse:
    client = fleet.app.test_client()
    token = csrf_token(client.get("/first"))
    wanted = {"code": code, "name": "ada", "password": PASSWORD, "again": PASSWORD, "csrf_token": token}
    return client.post("/first", data=wanted | fields)


def gone(fleet: Fleet) -> bool:
    answers = [fleet.app.test_client().get("/first").status_code]
    fleet.app.config["WTF_CSRF_ENABLED"] = False
    wanted = {"code": "x", "name": "eve", "password": PASSWORD, "again": PASSWORD}
    answers.append(fleet.app.test_client().post("/first", data=wanted).status_code)
    fleet.app.config["WTF_CSRF_ENABLED"] = True
    return answers == [404, 404]


def test_who_has_the_link_becomes_operator_and_administrator_once(fleet: Fleet) -> None:
    assert gone(fleet), "nothing was offered"
    code = offered(fleet)
    client = fleet.app.test_client()
    form = client.get("/first")
    assert form.text.index('name="code"') < form.text.index('name="submit"')
    token = csrf_token(form)
    wanted = {"code": f" {code} ", "name": "ada", "password": PASSWORD, "again": PASSWORD, "csrf_token": token}
    answer = client.post("/first", data=wanted)
    assert (answer.status_code, answer.location) == (302, "/setup")
    assert client.get("/groups").status_code == 200
    (made,) = people.all_users(fleet.site, OPERATOR)
    assert made.roles == [role("administrator"), role("operator")]
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302
    assert gone(fleet)
    with pytest.raises(UnprovenError):
        first.make(fleet.site, code, "eve", PASSWORD)
    assert first.offer(fleet.site, OPERATOR) is None
    rows = [(row.what, row.subject, row.actor_kind, row.actor_id) for row in audit.newest(fleet.site, OPERATOR, 4)]
    assert rows == [
        ("sessions.begin", "user ada", "person", 1),
        ("sessions.begin", "user ada", "person", 1),
        ("first.make", "user ada", "person", 1),
        ("first.offer", "first administrator", "operator", 0),
    ]


def test_it_is_good_for_a_day(fleet: Fleet) -> None:
    code = offered(fleet)
    fleet.clock.now_s += 24 * 3600 - 1
    assert fleet.app.test_client().get("/first").status_code == 200
    fleet.clock.now_s += 1
    assert gone(fleet)
    with pytest.raises(UnprovenError):
        first.make(fleet.site, code, "ada", PASSWORD)
    assert make(fleet, offered(fleet)).status_code == 302


def test_a_newer_one_replaces_it(fleet: Fleet) -> None:
    older, newer = offered(fleet), offered(fleet)
    assert make(fleet, older).status_code == 401
    assert make(fleet, newer).status_code == 302


def test_it_ends_with_the_first_user_whoever_made_them(fleet: Fleet) -> None:
    code = offered(fleet)
    add_user(fleet.archive, "bob")
    assert gone(fleet)
    with pytest.raises(UnprovenError):
        first.make(fleet.site, code, "eve", PASSWORD)
    assert [one.name for one in people.all_users(fleet.site, OPERATOR)] == ["bob"]


def test_of_many_at_once_one_finds_it(fleet: Fleet) -> None:
    code, gate = offered(fleet), threading.Barrier(8)

    def run(number: int) -> bool:
        gate.wait(HANG_S)
        try:
            first.make(fleet.site, code, f"user {number}", PASSWORD)
        except UnprovenError:
            return False
        finally:
            fleet.archive.give_back()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(8))) == 1
    assert len(people.all_users(fleet.site, OPERATOR)) == 1


def test_wrong_codes_are_limited_and_use_nothing_up(fleet: Fleet) -> None:
    code = offered(fleet)
    assert [make(fleet, code[:-1] + "!").status_code for _ in range(6)] == [401] * 5 + [429]
    fleet.clock.now_s += 61
    assert make(fleet, code, name="\ufdfa" * 90).status_code == 400, "one character becomes eighteen"
    assert make(fleet, code, again="another").status_code == 400
    assert make(fleet, code, password="short", again="short").status_code == 400
    assert people.all_users(fleet.site, OPERATOR) == []
    assert make(fleet, code).status_code == 302


def test_another_sites_form_makes_nobody(fleet: Fleet) -> None:
    code = offered(fleet)
    wanted = {"code": code, "name": "eve", "password": PASSWORD, "again": PASSWORD}
    assert fleet.app.test_client().post("/first", data=wanted).status_code == 400
    assert people.all_users(fleet.site, OPERATOR) == []


def test_the_code_is_kept_nowhere(fleet: Fleet) -> None:
    code = offered(fleet)
    assert len(code) >= 32
    assert code not in repr(fleet.archive.connection().execute("SELECT value FROM meta").fetchall())
    assert code not in repr(audit.newest(fleet.site, OPERATOR, 9))


def test_only_the_terminal_offers_it(fleet: Fleet) -> None:
    with pytest.raises(RemoteError, match="for-terminal"):
        first.offer(fleet.site, person(1, [role("operator"), role("administrator")]))


def test_what_the_command_says(capsys: pytest.CaptureFixture[str]) -> None:
    command._say_where("http://127.0.0.1:1/", "abc", True)
    assert json.loads(capsys.readouterr().out) == {
        "url": "http://127.0.0.1:1/",
        "first": "http://127.0.0.1:1/first#abc",
    }
    command._say_where("http://127.0.0.1:1/", None, True)
    assert json.loads(capsys.readouterr().out) == {"url": "http://127.0.0.1:1/"}
    command._say_where("http://127.0.0.1:1/", "abc", False)
    assert capsys.readouterr().out.endswith(": http://127.0.0.1:1/first#abc\n")
    command._say_where("http://127.0.0.1:1/", None, False)
    assert capsys.readouterr().out == "gridecho remote: http://127.0.0.1:1/\n"
