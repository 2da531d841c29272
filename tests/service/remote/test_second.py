"""Second factors: a code beside the password, good once; recovery codes, good once; limits that passwords have, too."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gridecho.errors import AuthError
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import RemoteError, UnprovenError
from gridecho_remote.store import second as rows
from gridecho_remote.store.models import Audit, Recovery, Totp
from gridecho_remote.use import audit, people, second
from pyotp import TOTP
from werkzeug.test import TestResponse

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in
from tests.rigs.waiting import HANG_S

ADA = person(1)
# RFC 6238, appendix B, SHA-1: (seconds, the last six digits of the code)
RFC_SECRET = b"12345678901234567890"
RFC_CODES = [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]


def now(fleet: Fleet, secret: str, steps: int = 0) -> str:
    return TOTP(secret).at(int(fleet.clock.now_s) + 30 * steps)


def post(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    token = csrf_token(client.get(path))
    return client.post(path, data={"csrf_token": token, **fields})


def half_way(fleet: Fleet, name: str = "ada", address: str = "127.0.0.1", **fields: str) -> FlaskClient:
    """A browser that has shown the password."""
    client = fleet.app.test_client()
    client.environ_base.update(REMOTE_ADDR=address)
    answer = log_in(client, name, PASSWORD, **fields)
    assert answer.location.startswith("/login/code")
    return client


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    client = fleet.person()
    fleet.person("bob")
    return client


@pytest.fixture
def secret(fleet: Fleet, ada: FlaskClient) -> str:
    """Of Ada, who set it up a minute ago by the pages."""
    ada.post("/account/second/prepare", data={"csrf_token": csrf_token(ada.get("/account"))})
    page = ada.get("/account/second")
    found = re.search(r'<code id="secret">([A-Z2-7]{32})</code>', page.text)
    assert found
    assert "data:image/svg+xml" in page.text
    assert post(ada, "/account/second", code="000000").status_code == 401
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).location == "/", "it does not count yet"
    assert post(ada, "/account/second", code=now(fleet, found[1])).text.count("<li>") == 10
    fleet.clock.now_s += 60
    return found[1]


def test_a_password_alone_does_not_do_any_more(fleet: Fleet, secret: str) -> None:
    client = half_way(fleet, next="/sensors/7?x=1")
    assert client.get("/api/v1/sensors").status_code == 401, "it is nobody yet"
    assert client.get("/account").status_code == 302
    assert post(client, "/login/code", code="12345").status_code == 401
    answer = post(client, "/login/code", code=now(fleet, secret), next="/sensors/7?x=1")
    assert answer.location == "/sensors/7?x=1"
    assert client.get("/api/v1/sensors").status_code == 200
    assert log_in(fleet.app.test_client(), "bob", PASSWORD).location == "/", "others are asked for none"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "\t//evil.example"])
def test_it_leads_nowhere_else(fleet: Fleet, secret: str, target: str) -> None:
    client = half_way(fleet, next=target)
    assert "evil" not in client.get("/login/code").text
    assert post(client, "/login/code", code=now(fleet, secret), next=target).location == "/"


def test_a_code_is_good_once(fleet: Fleet, secret: str) -> None:
    code = now(fleet, secret)
    assert post(half_way(fleet), "/login/code", code=f" {code[:3]} {code[3:]} ").status_code == 302
    assert post(half_way(fleet), "/login/code", code=code).status_code == 401
    assert post(half_way(fleet), "/login/code", code=now(fleet, secret, -1)).status_code == 401, "nor one before it"
    assert post(half_way(fleet), "/login/code", code=now(fleet, secret, 1)).status_code == 302


def test_of_many_with_one_code_one_comes_in(fleet: Fleet, secret: str) -> None:
    one, code, gate = people.find(fleet.site, 1), now(fleet, secret), threading.Barrier(6)
    recovery = rows.new_recovery(fleet.archive, 1)[0]

    def come(shown: str) -> bool:
        gate.wait(HANG_S)
        try:
            return second.shows(fleet.site, one, shown)
        finally:
            fleet.archive.give_back()

    for shown in (code, recovery):
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(come, [shown] * 6)) == 1


def test_a_clock_may_differ_by_half_a_minute(fleet: Fleet, secret: str) -> None:
    one = people.find(fleet.site, 1)
    assert [second.shows(fleet.site, one, now(fleet, secret, steps)) for steps in (-2, 2, -1, 0, 1)] == [
        False,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(("time_s", "code"), RFC_CODES)
def test_the_codes_are_those_of_the_standard(fleet: Fleet, ada: FlaskClient, time_s: int, code: str) -> None:
    wrapped = fleet.archive.vault.wrap(rows.TOTP, 1, RFC_SECRET)
    Totp.insert({"user": 1, "wrapped": wrapped, "step": 0, "since_s": 1}).execute(fleet.archive.db)
    fleet.clock.now_s = time_s
    assert second.shows(fleet.site, people.find(fleet.site, 1), code)


def test_a_recovery_code_is_good_once(fleet: Fleet, ada: FlaskClient, secret: str) -> None:
    codes = re.findall(
        r"<li>([a-z2-7-]{19})</li>", post(ada, "/account/second", code=now(fleet, secret), renew="1").text
    )
    assert len(set(codes)) == 10
    assert post(half_way(fleet), "/login/code", code=codes[3].upper().replace("-", " ")).status_code == 302
    assert post(half_way(fleet), "/login/code", code=codes[3]).status_code == 401
    assert "9 of your recovery codes are left" in ada.get("/account/second").text
    (row,) = (row for row in audit.newest(fleet.site, OPERATOR, 50) if row.what == "second.use_recovery")
    assert (row.subject, row.fields) == ("user ada", {"left": 9})
    # New ones end the old.
    fleet.clock.now_s += 60
    post(ada, "/account/second", code=now(fleet, secret), renew="1")
    assert post(half_way(fleet), "/login/code", code=codes[4]).status_code == 401


def test_wrong_codes_count_as_wrong_passwords_do(fleet: Fleet, secret: str) -> None:
    client = half_way(fleet)
    for _ in range(2):
        assert log_in(fleet.app.test_client(), "ada", "wrong").status_code == 401
    assert [post(client, "/login/code", code="000000").status_code for _ in range(4)] == [401] * 3 + [429]
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 429
    assert log_in(fleet.app.test_client(), "bob", PASSWORD).status_code == 302


def test_who_knows_the_password_guesses_codes_from_everywhere_thirty_times_an_hour(fleet: Fleet, secret: str) -> None:
    statuses = []
    for number in range(10):
        client = half_way(fleet, address=f"192.0.2.{number}")
        statuses += [post(client, "/login/code", code="000000").status_code for _ in range(4)]
    assert statuses == [401] * 30 + [429] * 10
    fleet.clock.now_s += 3600
    assert post(half_way(fleet), "/login/code", code=now(fleet, secret)).status_code == 302


def test_a_wrong_code_is_a_sign_in_that_failed(fleet: Fleet, secret: str) -> None:
    def failed() -> int:
        return sum("fail" in row.what for row in audit.newest(fleet.site, OPERATOR, 50) if row.subject == "user ada")

    before = failed()
    post(half_way(fleet), "/login/code", code="000000")
    assert failed() == before + 1
    post(half_way(fleet), "/login/code", code=now(fleet, secret))
    assert failed() == before + 1


def test_a_password_is_remembered_for_five_minutes(fleet: Fleet, secret: str) -> None:
    client = half_way(fleet)
    token = csrf_token(client.get("/login/code"))
    fleet.clock.now_s += 300
    answer = client.post("/login/code", data={"csrf_token": token, "code": now(fleet, secret)})
    assert answer.location == "/login"
    assert client.get("/api/v1/sensors").status_code == 401
    stranger = fleet.app.test_client()
    assert stranger.get("/login/code").location == "/login"


def test_ones_code_is_not_anothers(fleet: Fleet, secret: str) -> None:
    bob = people.find(fleet.site, 2)
    second.prepare(fleet.site, person(2))
    rows.confirm(fleet.archive, 2, 0)
    recovery = rows.new_recovery(fleet.archive, 1)[0]
    for code in (now(fleet, secret), recovery):
        assert not second.shows(fleet.site, bob, code)
        assert post(half_way(fleet, "bob"), "/login/code", code=code).status_code == 401


def test_secrets_are_wrapped_for_their_owner_and_codes_kept_as_digests(fleet: Fleet, secret: str) -> None:
    recovery = rows.new_recovery(fleet.archive, 1)
    connection = fleet.archive.connection()
    tables = [model.select().tuples().execute(fleet.archive.db) for model in (Totp, Recovery, Audit)]
    kept = repr([list(table) for table in tables])
    assert not any(one in kept or one.replace("-", "") in kept for one in (secret, *recovery))
    (wrapped,) = connection.execute("SELECT wrapped FROM totp").fetchone()
    with pytest.raises(AuthError):
        fleet.archive.vault.unwrap(rows.TOTP, 2, bytes(wrapped))


def test_it_ends_with_a_code_only(fleet: Fleet, ada: FlaskClient, secret: str) -> None:
    assert post(ada, "/account/second", code="000000", end="1").status_code == 401
    ada.post("/account/second/prepare", data={"csrf_token": csrf_token(ada.get("/account"))})
    assert "recovery codes are left" in ada.get("/account/second").text, "no other secret in its place"
    with pytest.raises(UnprovenError):
        second.new_codes(fleet.site, ADA, "")
    assert post(ada, "/account/second", code=now(fleet, secret), end="1").location == "/account"
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).location == "/"
    assert ada.get("/account/second").location == "/account"


def test_guesses_on_the_account_are_limited(fleet: Fleet, ada: FlaskClient, secret: str) -> None:
    assert [post(ada, "/account/second", code="000000", end="1").status_code for _ in range(6)] == [401] * 5 + [429]


def test_another_sites_form_changes_nothing(fleet: Fleet, ada: FlaskClient, secret: str) -> None:
    assert ada.post("/account/second", data={"code": now(fleet, secret), "end": "1"}).status_code in (200, 400)
    for path in ("/account/second/prepare", "/login/code"):
        assert ada.post(path, data={"code": now(fleet, secret)}).status_code == 400
    assert second.is_on(fleet.site, people.find(fleet.site, 1))


def test_what_is_none_cannot_be_used(fleet: Fleet, ada: FlaskClient) -> None:
    one = people.find(fleet.site, 1)
    assert not second.shows(fleet.site, one, "000000")
    for ask in (second.address, lambda site, actor: second.confirm(site, actor, "000000")):
        with pytest.raises(RemoteError, match="second-none"):
            ask(fleet.site, ADA)
    second.prepare(fleet.site, ADA)
    found = rows.of(fleet.archive, 1)
    assert found is not None
    assert not second.shows(fleet.site, one, "000000"), "its codes count once one was shown"
    with pytest.raises(RemoteError, match="second-none"):
        second.remove_of_user(fleet.site, OPERATOR, "bob")


def test_the_operator_ends_it_for_who_lost_everything(
    fleet: Fleet, secret: str, only_sqlite: None, tmp_path: Path
) -> None:
    (tmp_path / "remote.toml").write_text(f'database = "{fleet.database}"\nkey_file = "k"\n')
    (tmp_path / "k").write_text(fleet.kek.hex())
    (tmp_path / "k").chmod(0o600)
    for words, on in ((["ada"], True), (["ada", "--second-factor"], False)):
        done = CliRunner().invoke(remote, ["user", "reset", *words, "--config", str(tmp_path / "remote.toml")])
        assert done.exit_code == 0, done.output
        assert second.is_on(fleet.site, people.find(fleet.site, 1)) is on
