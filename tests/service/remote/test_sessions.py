"""Logins as rows: listed and ended by who is logged in, and by an operator; nobody else's, and with no token of before."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gridecho_remote.commands.remote import remote
from gridecho_remote.pages.your_account import browser
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotFoundError, StorageAwayError, StorageFullError
from gridecho_remote.store import sessions as rows
from gridecho_remote.use import people, sessions

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"


def new_login(fleet: Fleet, name: str = "ada", **environ: str) -> FlaskClient:
    """A browser of its own, after the login form."""
    client = fleet.app.test_client()
    client.environ_base.update(environ)
    assert log_in(client, name, PASSWORD).status_code == 302
    return client


def post(client: FlaskClient, path: str, **fields: str) -> int:
    return client.post(path, data={"csrf_token": csrf_token(client.get("/account")), **fields}).status_code


def numbers(fleet: Fleet, user_id: int = 1) -> list[int]:
    return [one.id for one in sessions.mine(fleet.site, person(user_id))]


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    """Ada, logged in by a form; there is Bob, too, but not logged in."""
    fleet.person("ada")
    fleet.person("bob")
    for user_id in (1, 2):
        rows.end_all(fleet.archive, user_id)
    return new_login(fleet, HTTP_USER_AGENT=AGENT, REMOTE_ADDR="192.0.2.7")


def test_the_page_lists_them_and_ends_one(fleet: Fleet, ada: FlaskClient) -> None:
    other = new_login(fleet, HTTP_USER_AGENT="<script>", REMOTE_ADDR="2001:db8::1")
    page = ada.get("/account").text
    for said in ("Chrome on Linux", "this one", "192.0.2.7", "2001:db8::1", "&lt;script&gt;"):
        assert said in page
    assert "<script>" not in page
    here, there = numbers(fleet)[::-1]
    assert f"/account/logins/{here}/end" not in page
    assert post(ada, f"/account/logins/{there}/end") == 302
    assert other.get("/api/v1/sensors").status_code == 401
    assert ada.get("/api/v1/sensors").status_code == 200
    assert post(ada, f"/account/logins/{here}/end") == 302
    assert ada.get("/api/v1/sensors").status_code == 401


def test_all_others_end(fleet: Fleet, ada: FlaskClient) -> None:
    others = [new_login(fleet) for _ in range(3)]
    bob = new_login(fleet, "bob")
    token = csrf_token(ada.get("/account"))
    answer = ada.post("/account/logins/end-others", data={"csrf_token": token}, follow_redirects=True)
    assert "3 other logins have ended." in answer.text
    assert [one.get("/api/v1/sensors").status_code for one in (ada, bob, *others)] == [200, 200, 401, 401, 401]


def test_nobody_ends_anothers(fleet: Fleet, ada: FlaskClient) -> None:
    bob = new_login(fleet, "bob")
    (of_bob,) = numbers(fleet, 2)
    token = {"csrf_token": csrf_token(ada.get("/account"))}
    answers = [ada.post(f"/account/logins/{number}/end", data=token) for number in (of_bob, 999, 1 << 70)]
    assert {(one.status_code, one.text) for one in answers} == {(404, answers[0].text)}, "as if there were none"
    with pytest.raises(NotFoundError):
        sessions.end(fleet.site, person(1), of_bob)
    assert bob.get("/api/v1/sensors").status_code == 200
    assert str(of_bob) not in str(numbers(fleet))


def test_none_ends_by_another_sites_form(fleet: Fleet, ada: FlaskClient) -> None:
    (here,) = numbers(fleet)
    for path in (f"/account/logins/{here}/end", "/account/logins/end-others"):
        assert ada.post(path).status_code == 400
        assert ada.get(path).status_code == 405
    assert ada.get("/api/v1/sensors").status_code == 200


def test_a_token_of_before_the_login_is_not_the_one_after_it(fleet: Fleet, ada: FlaskClient) -> None:
    """Session fixation: who gave somebody a cookie is not logged in with it once they log in."""
    planted = fleet.app.test_client()
    planted.get("/login")
    victim = fleet.app.test_client()
    victim.set_cookie("gridecho", planted.get_cookie("gridecho").value)
    assert log_in(victim, "ada", PASSWORD).status_code == 302
    assert planted.get("/api/v1/sensors").status_code == 401
    # Also one that is somebody's own.
    bob = new_login(fleet, "bob")
    cookie = bob.get_cookie("gridecho").value
    victim = fleet.app.test_client()
    victim.set_cookie("gridecho", cookie)
    assert victim.get("/login").status_code == 302, "it is Bob's"
    token = csrf_token(victim.get("/account"))
    assert victim.post("/login", data={"name": "ada", "password": PASSWORD, "csrf_token": token}).status_code == 302
    assert ">ada</a>" in victim.get("/").text
    assert ">bob</a>" in bob.get("/").text
    assert victim.get_cookie("gridecho").value != cookie


def test_a_new_password_makes_a_new_token(fleet: Fleet, ada: FlaskClient) -> None:
    copied = fleet.app.test_client()
    copied.set_cookie("gridecho", ada.get_cookie("gridecho").value)
    assert copied.get("/api/v1/sensors").status_code == 200
    before = numbers(fleet)
    new = "another long password"
    assert post(ada, "/password", present=PASSWORD, password=new, again=new) == 302
    assert (ada.get("/api/v1/sensors").status_code, copied.get("/api/v1/sensors").status_code) == (200, 401)
    assert numbers(fleet) == before, "it is the same login"


def test_logging_out_ends_this_one_only(fleet: Fleet, ada: FlaskClient) -> None:
    other = new_login(fleet)
    assert post(ada, "/logout") == 302
    assert (ada.get("/api/v1/sensors").status_code, other.get("/api/v1/sensors").status_code) == (401, 200)


def test_no_token_is_kept(fleet: Fleet, ada: FlaskClient) -> None:
    with ada.session_transaction() as session:
        token = session["_user_id"]
    assert len(token) >= 43, "32 bytes of chance"
    kept = fleet.archive.connection().execute("SELECT digest, address, agent FROM session").fetchall()
    assert token not in repr(kept)
    client = fleet.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = bytes(kept[0][0]).hex()
    assert client.get("/api/v1/sensors").status_code == 401


def test_use_is_written_down_once_a_minute(fleet: Fleet, ada: FlaskClient) -> None:
    def seen_s() -> int:
        return sessions.mine(fleet.site, person(1))[0].seen_s

    begun = int(fleet.clock.now_s)
    for after, seen in ((59, 0), (1, 60), (59, 60), (2, 121)):
        fleet.clock.now_s += after
        assert ada.get("/api/v1/sensors").status_code == 200
        assert seen_s() == begun + seen


@pytest.mark.parametrize("error", [StorageFullError, StorageAwayError])
def test_without_room_who_is_logged_in_goes_on(
    fleet: Fleet, ada: FlaskClient, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(rows, "seen", full)
    fleet.clock.now_s += 100
    assert ada.get("/account").status_code == 200


def test_what_is_over_is_neither_listed_nor_kept(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(session_hours=3, session_idle_minutes=40)
    fleet.person()
    rows.end_all(fleet.archive, 1)
    new_login(fleet)
    fleet.clock.now_s += 40 * 60
    assert numbers(fleet) == []
    assert len(rows.of(fleet.archive, 1)) == 1
    new_login(fleet)
    assert len(rows.of(fleet.archive, 1)) == 1


def test_who_is_gone_is_not_logged_in(fleet: Fleet, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridecho_remote.store.users.find_person", lambda *_: None)
    assert ada.get("/api/v1/sensors").status_code == 401


def test_an_operator_lists_and_ends_those_of_anybody(fleet: Fleet, ada: FlaskClient) -> None:
    bob = new_login(fleet, "bob")
    (one,) = sessions.of_user(fleet.site, OPERATOR, "ADA")
    with pytest.raises(NotFoundError):
        sessions.end_of_user(fleet.site, OPERATOR, "bob", one.id)
    assert sessions.end_of_user(fleet.site, OPERATOR, "ada", one.id) == 1
    assert (ada.get("/api/v1/sensors").status_code, bob.get("/api/v1/sensors").status_code) == (401, 200)
    assert sessions.end_of_user(fleet.site, OPERATOR, "bob") == 1
    assert bob.get("/api/v1/sensors").status_code == 401


def test_the_commands(fleet: Fleet, only_sqlite: None, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(remote, ["user", *words, "--config", str(tmp_path / "remote.toml")])
        return done.output if done.exit_code == 0 else f"exit {done.exit_code}"

    (tmp_path / "remote.toml").write_text(f'database = "{fleet.database}"\nkey_file = "k"\n')
    (tmp_path / "k").write_text(fleet.kek.hex())
    (tmp_path / "k").chmod(0o600)
    ada, other = fleet.person(), fleet.app.test_client()
    with other.session_transaction() as session:
        session["_user_id"] = rows.begin(fleet.archive, 1, 200_000_000_000, "192.0.2.9", AGENT)
    listed = json.loads(run("logins", "ada", "--json"))
    assert [(one["number"], one["address"], one["browser"]) for one in listed] == [
        (2, "192.0.2.9", AGENT),
        (1, "127.0.0.1", ""),
    ]
    assert listed[0]["since"].endswith("+00:00")
    assert run("log-out", "ada", "--login", "2") == "1 login of ada ended.\n"
    assert (ada.get("/api/v1/sensors").status_code, other.get("/api/v1/sensors").status_code) == (200, 401)
    assert run("log-out", "ada", "--login", "2") == run("logins", "eve") == run("log-out", "eve") == "exit 1"
    assert run("log-out", "ADA") == "1 login of ADA ended.\n"
    assert ada.get("/api/v1/sensors").status_code == 401
    assert people.all_users(fleet.site, OPERATOR)[0].name == "ada"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (AGENT, "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/18.0 Safari/605", "Safari on Mac OS"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("", "unknown"),
        ("something else " * 9, ("something else " * 9)[:40]),
    ],
)  # fmt: skip
def test_browsers_in_two_words(agent: str, said: str) -> None:
    assert browser(agent) == said
