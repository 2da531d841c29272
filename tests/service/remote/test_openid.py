"""Logging in by an OpenID Connect provider: a real one as a process, and one that gives what proves nothing."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gridecho_common.secrets import read_text_secret
from gridecho_common.settings import SettingsError
from gridecho_remote.commands.remote import remote
from gridecho_remote.outside import openid as outside
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import second
from gridecho_remote.use import audit, openid, people
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.rigs.fleet import Fleet, log_in
from tests.rigs.providers import CLIENT, SECRET, HostileProvider, log_in_there, real_provider

Make = Callable[..., Fleet]


def with_provider(make_fleet: Make, tmp_path: Path, issuer: str, client: str = CLIENT, **settings: object) -> Fleet:
    file = tmp_path / "oidc.secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    named = {"oidc_issuer": issuer, "oidc_client_id": client, "oidc_secret_file": str(file)}
    return make_fleet(**named, **settings)


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    provider = HostileProvider(lambda: 1_800_000_000.0)
    yield provider
    provider.close()


@pytest.fixture
def fleet(make_fleet: Make, tmp_path: Path, provider: HostileProvider) -> Fleet:
    """Ada is known to the provider as s-1."""
    fleet = with_provider(make_fleet, tmp_path, provider.issuer)
    fleet.person()
    fleet.person("bob")
    openid.identify(fleet.site, OPERATOR, "ada", "s-1")
    return fleet


@pytest.fixture
def browser(fleet: Fleet) -> FlaskClient:
    return fleet.app.test_client()


def is_in(client: FlaskClient) -> bool:
    return client.get("/api/v1/sensors").status_code == 200


def newest(fleet: Fleet, what: str) -> audit.Entry:
    return next(row for row in audit.newest(fleet.site, OPERATOR, 50) if row.what == what)


def test_a_real_provider_lets_in_whom_the_operator_named_and_nobody_else(make_fleet: Make, tmp_path: Path) -> None:
    with real_provider() as issuer:
        fleet = with_provider(
            make_fleet, tmp_path, issuer, "gridecho"
        )  # it does not decode what RFC 6749, 2.3.1 encodes
        fleet.clock.now_s = time.time()
        fleet.person()
        openid.identify(fleet.site, OPERATOR, "ada", "ada@office.example")
        client = fleet.app.test_client()
        assert 'href="/login/openid?next=/sensors/7"' in client.get("/login?next=/sensors/7").text
        there = client.get("/login/openid?next=/sensors/7").location
        back = log_in_there(there, "ada@office.example")
        answer = client.get(back)
        assert (answer.status_code, answer.location) == (302, "/sensors/7")
        assert is_in(client)
        assert ">ada</a>" in client.get("/").text
        # The code is good once, here and there, and for the browser that asked for it only.
        assert client.get(back).status_code == 401
        other = fleet.app.test_client()
        back = log_in_there(other.get("/login/openid").location, "ada@office.example")
        assert fleet.app.test_client().get(back).status_code == 401
        assert other.get(back.replace("code=", "code=x")).status_code == 401
        stranger = fleet.app.test_client()
        answer = stranger.get(log_in_there(stranger.get("/login/openid").location, "eve@office.example"))
        assert answer.status_code == 401
        assert "nobody here is known by that" in answer.text
        assert not is_in(stranger)


def test_it_leads_back_to_the_page_but_not_elsewhere(provider: HostileProvider, fleet: Fleet) -> None:
    for target, location in (
        ("/sensors/7?x=1", "/sensors/7?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example", "/"),
    ):
        client = fleet.app.test_client()
        assert client.get(provider.back(client, target=target)).location == location


def encoded(part: dict[str, Any] | bytes) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unsigned(_: HostileProvider) -> Callable[[dict[str, Any]], str]:
    return lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def stripped(provider: HostileProvider) -> Callable[[dict[str, Any]], str]:
    return lambda claims: provider.sign(claims).rpartition(".")[0] + "."


def by_another_key(_: HostileProvider) -> Callable[[dict[str, Any]], str]:
    key = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)


def with_its_own_key_in_it(_: HostileProvider) -> Callable[[dict[str, Any]], str]:
    key = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "jwk": key.as_dict(private=False)}
    return lambda claims: jwt.encode(header, claims, key)


def by_an_unknown_key(_: HostileProvider) -> Callable[[dict[str, Any]], str]:
    key = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "2"}, claims, key)


def by_a_shared_secret(secret: bytes) -> Callable[[dict[str, Any]], str]:
    def signed(claims: dict[str, Any]) -> str:
        text = f"{encoded({'alg': 'HS256', 'kid': '1'})}.{encoded(claims)}"
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"

    return signed


def by_the_public_key_as_a_secret(provider: HostileProvider) -> Callable[[dict[str, Any]], str]:
    return by_a_shared_secret(provider.key.as_pem(private=False))


def by_the_clients_secret(_: HostileProvider) -> Callable[[dict[str, Any]], str]:
    return by_a_shared_secret(SECRET.encode())


def changed_after_signing(provider: HostileProvider) -> Callable[[dict[str, Any]], str]:
    def changed(claims: dict[str, Any]) -> str:
        head, _, signature = provider.sign(claims | {"sub": "s-2"}).split(".")
        return f"{head}.{encoded(claims)}.{signature}"

    return changed


@pytest.mark.parametrize(
    "forged",
    [
        unsigned,
        stripped,
        by_another_key,
        with_its_own_key_in_it,
        by_an_unknown_key,
        by_the_public_key_as_a_secret,
        by_the_clients_secret,
        changed_after_signing,
        lambda _: lambda _claims: "",
        lambda _: lambda _claims: "a.b.c",
        lambda _: lambda _claims: encoded(b"\xff") * 3,
        lambda _: lambda _claims: ["no text"],
    ],
)  # fmt: skip
def test_a_token_without_the_providers_signature_is_refused(
    provider: HostileProvider, browser: FlaskClient, forged: Callable[[HostileProvider], Any]
) -> None:
    provider.signed = forged(provider)
    assert provider.come_back(browser).status_code == 401
    assert not is_in(browser)
    provider.signed = provider.sign
    assert provider.come_back(browser).status_code == 302, "the right one"


NOW = 1_800_000_000


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"iss": ["x"]},
        {"aud": "somebody else"},
        {"aud": None},
        {"aud": []},
        {"aud": "somebody else", "azp": CLIENT},  # Authlib alone takes this one
        {"aud": [CLIENT, "somebody else"]},  # without azp
        {"aud": [CLIENT, "somebody else"], "azp": "somebody else"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": 5},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": NOW + 61},
        {"iat": None},
        {"nbf": NOW + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"sub": "x" * 256},
        {"at_hash": "AAAA"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(
    provider: HostileProvider, browser: FlaskClient, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert provider.come_back(browser).status_code == 401
    assert not is_in(browser)


@pytest.mark.parametrize(
    "claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "x"], "azp": CLIENT}, {"exp": NOW - 59}, {"iat": NOW + 59}]
)
def test_what_is_right_is_taken(provider: HostileProvider, browser: FlaskClient, claims: dict[str, Any]) -> None:
    provider.claims = claims
    assert provider.come_back(browser).status_code == 302


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"state": None},
        {"state": ""},
        {"code": None},
        {"code": "another"},
        {"iss": "https://other.example"},
        {"code": None, "error": "access_denied"},
    ],
    ids=str,
)
def test_who_comes_back_with_something_else_is_refused(
    provider: HostileProvider, browser: FlaskClient, changed: dict[str, str | None]
) -> None:
    right = provider.back(browser)
    answer = browser.get(provider.back(browser, **changed))
    assert answer.status_code == 401
    assert "begin the login again" in answer.text
    assert not is_in(browser)
    assert browser.get(right).status_code == 401, "what was begun is over"


def test_the_answer_is_for_the_browser_that_asked_once_and_for_ten_minutes(
    provider: HostileProvider, fleet: Fleet, browser: FlaskClient
) -> None:
    """Login by another site's link: who gets a victim to open the way back of their own login logs nobody in."""
    victim = fleet.app.test_client()
    back = provider.back(browser)
    assert victim.get(back).status_code == 401
    victim.get("/login/openid")
    assert victim.get(back).status_code == 401
    assert browser.get(back).status_code == 302
    assert browser.get(back).status_code == 401
    late = fleet.app.test_client()
    back = provider.back(late)
    fleet.clock.now_s += 600
    assert late.get(back).status_code == 401


def test_a_login_begins_a_new_session(provider: HostileProvider, fleet: Fleet, browser: FlaskClient) -> None:
    back = provider.back(browser)
    before = browser.get_cookie("gridecho").value
    assert browser.get(back).status_code == 302
    planted = fleet.app.test_client()
    planted.set_cookie("gridecho", before)
    assert not is_in(planted)


def test_who_has_a_second_factor_here_is_asked_for_it(
    provider: HostileProvider, fleet: Fleet, browser: FlaskClient
) -> None:
    second.prepare(fleet.archive, 1)
    second.confirm(fleet.archive, 1, 1)
    (recovery, *_) = second.new_recovery(fleet.archive, 1)
    assert provider.come_back(browser).location.startswith("/login/code")
    assert not is_in(browser)
    fleet.app.config["WTF_CSRF_ENABLED"] = False
    assert browser.post("/login/code", data={"code": recovery}).status_code == 302
    assert is_in(browser)


CONFIGURATION, KEYS, TOKEN = "/realm/.well-known/openid-configuration", "/realm/keys", "/realm/token"


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (302, b""), (200, b"no json"), (200, b"[]"), (200, b"[" * 90_000), (200, b" " * (2 << 20))]
)
@pytest.mark.parametrize("path", [CONFIGURATION, KEYS, TOKEN])
def test_a_provider_that_makes_no_sense_lets_nobody_in(
    provider: HostileProvider, browser: FlaskClient, path: str, answer: tuple[int, bytes]
) -> None:
    back = "/login/openid" if path == CONFIGURATION else provider.back(browser)
    provider.answers[path] = answer
    assert browser.get(back).status_code == 503
    assert not is_in(browser)
    assert "/elsewhere" not in provider.asked, "it follows nowhere"
    del provider.answers[path]
    assert provider.come_back(browser).status_code == 302, "it goes on when it is back"


def test_a_provider_that_is_away(provider: HostileProvider, fleet: Fleet, browser: FlaskClient) -> None:
    back = provider.back(browser)
    provider.close()
    try:
        assert browser.get(back).status_code == 503
        answer = browser.get("/login/openid")
        assert (answer.status_code, answer.location) == (302, answer.location), "what it publishes is kept for an hour"
    finally:
        provider.__init__(lambda: 0.0)  # type: ignore[misc]  # for the fixture to close


@pytest.mark.parametrize(
    "facts",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"authorization_endpoint": "http://login.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
    ids=str,
)
def test_a_provider_that_publishes_what_cannot_be(
    provider: HostileProvider, browser: FlaskClient, facts: dict[str, Any]
) -> None:
    provider.facts = facts
    answer = browser.get("/login/openid")
    assert (answer.status_code, answer.location) == (503, None)


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
def test_no_code_and_no_key_goes_over_a_line_that_others_read(
    provider: HostileProvider, browser: FlaskClient, name: str
) -> None:
    provider.facts = {name: "http://192.0.2.1/x"}
    assert provider.come_back(browser).status_code == 503


def test_a_new_key_is_asked_for(
    provider: HostileProvider, fleet: Fleet, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert provider.come_back(browser).status_code == 302
    provider.key = RSAKey.generate_key(2048, parameters={"kid": "2", "use": "sig"})
    provider.signed = lambda claims: jwt.encode({"alg": "RS256", "kid": "2"}, claims, provider.key)
    client = fleet.app.test_client()
    assert provider.come_back(client).status_code == 401, "once a minute at most"
    assert provider.asked.count(KEYS) == 1
    monkeypatch.setattr(outside, "_KEYS_OFTEN_S", 0.0)
    assert provider.come_back(client).status_code == 302


def test_a_provider_that_takes_the_secret_in_the_form_only(provider: HostileProvider, browser: FlaskClient) -> None:
    provider.facts = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert provider.come_back(browser).status_code == 302


def test_whom_the_provider_calls_something_is_that_user_only(provider: HostileProvider, fleet: Fleet) -> None:
    openid.identify(fleet.site, OPERATOR, "bob", "s-2")
    for subject, name in (("s-1", "ada"), ("s-2", "bob")):
        client = fleet.app.test_client()
        provider.come_back(client, subject)
        assert f">{name}</a>" in client.get("/").text
    row = newest(fleet, "openid.identify")
    assert (row.subject, row.fields["identity"]) == ("user bob", "s-2")
    with pytest.raises(RemoteError, match="identity-taken"):
        openid.identify(fleet.site, OPERATOR, "bob", "s-1")
    openid.forget(fleet.site, OPERATOR, "ada")
    assert newest(fleet, "openid.forget").subject == "user ada"
    with pytest.raises(RemoteError, match="identity-none"):
        openid.forget(fleet.site, OPERATOR, "ada")
    assert provider.come_back(fleet.app.test_client()).status_code == 401
    # A name or an address is nobody's proof: these are as the provider's people like.
    provider.claims = {"preferred_username": "ada", "email": "ada@x.example", "email_verified": True}
    people.set_email(fleet.site, OPERATOR, "ada", "ada@x.example")
    assert provider.come_back(fleet.app.test_client(), "s-3").status_code == 401


def test_new_users_have_a_name_of_their_own_and_nothing_else(
    provider: HostileProvider, make_fleet: Make, tmp_path: Path
) -> None:
    fleet = with_provider(make_fleet, tmp_path, provider.issuer, oidc_new_users=True)
    fleet.person("ada")
    cases = [
        ("s-1", {"preferred_username": "Ada", "email": "a@x.example", "email_verified": True}, "Ada 2", "a@x.example"),
        ("s-2", {"name": "ada", "email": "b@x.example"}, "ada 3", None),
        ("s-3", {"name": " \0\n", "email": "no address", "email_verified": True}, "s-3", None),
        ("s-4", {"name": ["x"], "preferred_username": "x" * 300}, "x" * 90, None),
    ]
    for subject, claims, name, email in cases:
        provider.claims = claims
        client = fleet.app.test_client()
        assert provider.come_back(client, subject).status_code == 302
        made = people.all_users(fleet.site, OPERATOR)
        assert (name, None, email, []) in [(one.name, one.organisation, one.email, one.roles) for one in made]
        assert client.get("/api/v1/sensors").json == {"sensors": [], "next": None}
        assert client.get("/groups").status_code == 404
        row = newest(fleet, "openid.new_user")
        assert (row.subject, row.fields["identity"]) == (f"user {name}", subject)
        assert provider.come_back(fleet.app.test_client(), subject).status_code == 302, "and the same one again"
    assert len(people.all_users(fleet.site, OPERATOR)) == 5
    for word in ("", "x"):
        assert log_in(fleet.app.test_client(), "Ada 2", word).status_code == 401, "no password lets them in"


def test_guesses_at_the_way_back_are_limited(provider: HostileProvider, fleet: Fleet) -> None:
    statuses = [fleet.app.test_client().get("/login/openid/back?code=x&state=y").status_code for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    assert provider.asked == []


def test_without_a_provider_there_is_nothing(make_fleet: Make) -> None:
    fleet = make_fleet()
    client = fleet.app.test_client()
    assert client.get("/login/openid").status_code == client.get("/login/openid/back?code=x").status_code == 404
    assert "openid" not in client.get("/login").text
    with pytest.raises(RemoteError, match="openid-none"):
        openid.identify(fleet.site, OPERATOR, "ada", "x")


@pytest.mark.parametrize("subject", ["", "x" * 256])
def test_names_that_a_provider_cannot_give(fleet: Fleet, subject: str) -> None:
    with pytest.raises(RemoteError, match="identity-form"):
        openid.identify(fleet.site, OPERATOR, "ada", subject)


@pytest.mark.parametrize(
    "issuer",
    ["http://login.example", "login.example", "https://", "https://x?y=1", "https://x#y", "ftp://x", "https://a@x"],
)
def test_issuers_that_are_none(issuer: str) -> None:
    with pytest.raises(ValueError, match="oidc_issuer"):
        RemoteSettings(oidc_issuer=issuer, oidc_client_id="x", oidc_secret_file="x")


def test_a_provider_needs_all_three_and_a_secret_of_its_owner(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oidc_secret_file"):
        RemoteSettings(oidc_issuer="https://x", oidc_client_id="x")
    file = tmp_path / "s"
    for text, mode, said in (("", 0o600, "one line"), ("x\ny", 0o600, "one line"), ("x", 0o644, "chmod 600")):
        file.write_text(text)
        file.chmod(mode)
        with pytest.raises(SettingsError, match=said):
            read_text_secret(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_text_secret(tmp_path / "none")


def test_what_is_sent_there_tells_no_secret(provider: HostileProvider, browser: FlaskClient) -> None:
    there = browser.get("/login/openid").location
    assert SECRET not in there
    assert "verifier" not in there
    assert urlsplit(there).scheme == "http", "only for this machine itself"


def test_the_command(provider: HostileProvider, fleet: Fleet, only_sqlite: None, tmp_path: Path) -> None:
    def run(*words: str) -> int:
        done = CliRunner().invoke(remote, ["user", "identify", *words, "--config", str(tmp_path / "remote.toml")])
        return done.exit_code

    (tmp_path / "k").write_text(fleet.kek.hex())
    (tmp_path / "k").chmod(0o600)
    named = f'oidc_issuer = "{provider.issuer}"\noidc_client_id = "{CLIENT}"\noidc_secret_file = "oidc.secret"\n'
    (tmp_path / "remote.toml").write_text(f'database = "{fleet.database}"\nkey_file = "k"\n{named}')
    assert run("bob", "s-2") == 0
    assert provider.come_back(fleet.app.test_client(), "s-2").status_code == 302
    assert run("bob", "--no") == 0
    assert provider.come_back(fleet.app.test_client(), "s-2").status_code == 401
    assert (run("bob"), run("bob", "s-2", "--no"), run("eve", "s-2"), run("bob", "--no")) == (2, 2, 1, 1)
