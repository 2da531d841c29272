"""Each login has its row in the audit: who, by what, from where; there is none without the other."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store import audit as rows
from gridecho_remote.store import second, users
from gridecho_remote.store.models import Session
from gridecho_remote.use import audit, first, openid
from pyotp import TOTP

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in
from tests.rigs.providers import CLIENT, SECRET, HostileProvider


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    provider = HostileProvider(lambda: 1_800_000_000.0)
    yield provider
    provider.close()


@pytest.fixture
def site(make_fleet, tmp_path: Path, provider: HostileProvider) -> Fleet:  # type: ignore[no-untyped-def]
    """Ada, who is known to the provider, too."""
    file = tmp_path / "oidc.secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    fleet: Fleet = make_fleet(oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_secret_file=str(file))
    fleet.person()
    openid.identify(fleet.site, OPERATOR, "ada", "s-1")
    return fleet


def browser(fleet: Fleet) -> FlaskClient:
    client = fleet.app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    return client


def signed_in(fleet: Fleet) -> list[tuple[int, str, dict[str, object]]]:
    found = rows.newest(fleet.archive, 1_000)[::-1]
    assert audit.verify(fleet.site, OPERATOR)[1] == []
    return [(one.actor_id, one.subject, one.fields) for one in found if one.what == "sessions.begin"]


def row(how: str, number: int = 1, name: str = "ada") -> tuple[int, str, dict[str, object]]:
    return (number, f"user {name}", {"how": how, "address": "192.0.2.7"})


def with_code(fleet: Fleet) -> None:
    second.prepare(fleet.archive, 1)
    second.confirm(fleet.archive, 1, 1)


def code(fleet: Fleet) -> str:
    found = second.of(fleet.archive, 1)
    assert found is not None
    return TOTP(base64.b32encode(found.secret).decode()).at(int(fleet.clock()))


def show_code(client: FlaskClient, code: str) -> int:
    page = client.get("/login/code")
    return client.post("/login/code", data={"code": code, "csrf_token": csrf_token(page)}).status_code


def test_by_password(site: Fleet) -> None:
    client = browser(site)
    assert log_in(client, "ada", "wrong").status_code == 401
    assert signed_in(site) == []
    assert log_in(client, " ADA ", PASSWORD).status_code == 302
    assert client.get("/").status_code == 200
    assert signed_in(site) == [row("password")]
    assert log_in(browser(site), "ada", PASSWORD).status_code == 302
    assert len(signed_in(site)) == 2, "each login, however soon"


def test_by_password_and_code(site: Fleet) -> None:
    with_code(site)
    client = browser(site)
    assert log_in(client, "ada", PASSWORD).status_code == 302
    assert show_code(client, "000000") == 401
    assert signed_in(site) == [], "a password alone is half of it"
    assert show_code(client, code(site)) == 302
    assert signed_in(site) == [row("password and code")]


def test_by_a_provider(site: Fleet, provider: HostileProvider) -> None:
    assert provider.come_back(browser(site)).status_code == 302
    assert signed_in(site) == [row("OpenID Connect")]
    with_code(site)
    client = browser(site)
    assert provider.come_back(client).status_code == 302
    assert len(signed_in(site)) == 1
    assert show_code(client, code(site)) == 302
    assert signed_in(site)[1:] == [row("OpenID Connect and code")]


def test_with_an_account_that_was_made_a_moment_ago(site: Fleet) -> None:
    client = browser(site)
    fields = {"name": "eve", "password": PASSWORD, "again": PASSWORD, "csrf_token": csrf_token(client.get("/join"))}
    assert client.post("/join", data=fields).status_code == 302
    assert signed_in(site) == [row("new account", 2, "eve")]


def test_the_first_administrator(make_fleet) -> None:  # type: ignore[no-untyped-def]
    fleet = make_fleet()
    client, link = browser(fleet), first.offer(fleet.site, OPERATOR)
    fields = {"code": link, "name": "ada", "password": PASSWORD, "again": PASSWORD}
    assert client.post("/first", data=fields | {"csrf_token": csrf_token(client.get("/first"))}).status_code == 302
    assert signed_in(fleet) == [row("new account")]


def test_without_its_row_there_is_no_login(site: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    before = Session.select().count(site.archive.db)
    with monkeypatch.context() as broken:
        broken.setattr(rows, "put", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
        client = browser(site)
        assert log_in(client, "ada", PASSWORD).status_code == 500
    assert client.get("/api/v1/sensors").status_code == 401
    assert Session.select().count(site.archive.db) == before


def test_a_wrong_present_password_is_a_row_and_more_of_them_are_counted(site: Fleet) -> None:
    client = browser(site)
    log_in(client, "ada", PASSWORD)

    def change(present: str) -> int:
        new = {"present": present, "password": "another long one", "again": "another long one"}
        token = csrf_token(client.get("/password"))
        return client.post("/password", data=new | {"csrf_token": token}).status_code

    def failed() -> list[tuple[str, int, str]]:
        found = rows.newest(site.archive, 100)
        return [(one.actor_kind, one.actor_id, one.subject) for one in found if one.what == "people.is_password_failed"]

    for _ in range(2):
        assert change("a wrong password") == 401
    assert failed() == [("person", 1, "user ada")]
    assert "a wrong password" not in repr(rows.newest(site.archive, 100))
    assert users.check_password(site.archive, 1, PASSWORD)
    assert change(PASSWORD) == 302
    assert len(failed()) == 1
