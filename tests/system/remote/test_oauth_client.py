"""A client library of others, over real HTTP: Authlib's client on httpx2, led through a remote that runs as a process."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.use import applications, consents, places

from tests.rigs.fleet import PASSWORD, Fleet, csrf_in
from tests.rigs.processes import GRIDECHO
from tests.rigs.waiting import HANG_S

BACK = "http://127.0.0.1/back"  # of a program on the person's own machine, at whatever port it gets
HERE = "http://127.0.0.1:49152/back"
VERIFIER = "verifier-" * 6


class Running:
    """A remote as a process, and the site that it serves."""

    def __init__(self, fleet: Fleet, url: str) -> None:
        self.fleet, self.url = fleet, url.rstrip("/")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    fleet = Fleet(tmp_path, now_s=time.time())
    fleet.send(fleet.frame(7, [Reading(int(time.time()) - 60, {POWER_IMPORT: 4321})]))
    fleet.person("ada")
    places.begin_contract(fleet.site, OPERATOR, 7, "ada", int(time.time()) - 86_400)
    key = tmp_path / "remote.key"
    key.write_text(fleet.kek.hex())
    key.chmod(0o600)
    config = tmp_path / "remote.toml"
    config.write_text(f'listen = "127.0.0.1:0"\ndatabase = "{fleet.database}"\nkey_file = "{key}"\n')
    command = [*GRIDECHO, "remote", "run", "--json", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Running(fleet, json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=HANG_S)
            fleet.close()
    assert "Traceback" not in errors, errors


@pytest.fixture
def browser(running: Running) -> Iterator[httpx2.Client]:
    """Ada's, logged in by the form."""
    with httpx2.Client(follow_redirects=True, timeout=HANG_S) as session:
        page = session.get(f"{running.url}/login").text
        fields = {"name": "ada", "password": PASSWORD, "csrf_token": csrf_in(page)}
        assert session.post(f"{running.url}/login", data=fields).status_code == 200
        yield session


@contextmanager
def client(running: Running, *, secret: bool) -> Iterator[OAuth2Client]:
    """The library's client for a new application, by what the remote says of itself."""
    made = applications.add(running.fleet.site, OPERATOR, "Solar planner", [BACK], secret=secret)
    said = httpx2.get(f"{running.url}/.well-known/oauth-authorization-server", timeout=HANG_S).json()
    with OAuth2Client(
        made.client_id,
        made.secret,
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
        revocation_endpoint_auth_method="client_secret_basic" if secret else "none",
        scope="readings",
        redirect_uri=HERE,
        code_challenge_method="S256",
        token_endpoint=said["token_endpoint"],
        revocation_endpoint=said["revocation_endpoint"],
        authorization_endpoint=said["authorization_endpoint"],
        timeout=HANG_S,
    ) as app:
        yield app


def led_back(app: OAuth2Client, browser: httpx2.Client, **fields: Any) -> str:
    """To where the person is led, who was asked and allowed it."""
    url, state = app.create_authorization_url(app.metadata["authorization_endpoint"], code_verifier=VERIFIER)
    page = browser.get(url)
    assert "Solar planner" in page.text
    chosen = {"csrf_token": csrf_in(page.text), "sensors": ["7"], "resolution": "RAW", "days": "30", "live": "y"}
    answer = browser.post(url, data={**chosen, "allow": "x", **fields}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    location = answer.headers["Location"]
    assert location.startswith(HERE)
    assert parse_qs(urlsplit(location).query)["state"] == [state]
    return str(location)


@pytest.fixture(params=["public", "with a secret"])
def app(running: Running, request: pytest.FixtureRequest) -> Iterator[OAuth2Client]:
    with client(running, secret=request.param != "public") as made:
        yield made


def test_from_the_page_to_the_end(running: Running, browser: httpx2.Client, app: OAuth2Client) -> None:
    token = app.fetch_token(authorization_response=led_back(app, browser), code_verifier=VERIFIER)
    assert token["expires_in"] == 3600
    readings = f"{running.url}/api/v1/sensors/7/readings"
    found = app.get(readings)
    assert [one["values"] for one in found.json()["readings"]] == [{"1-0:1.7.0": 4321}]
    assert "Set-Cookie" not in found.headers
    assert app.get(f"{running.url}/api/v1/sensors/8").status_code == 404
    older = dict(app.token)
    app.refresh_token()
    assert app.token["refresh_token"] != older["refresh_token"]
    assert app.get(readings).status_code == 200
    assert (
        app.revoke_token(
            app.metadata["revocation_endpoint"], app.token["refresh_token"], token_type_hint="refresh_token"
        ).status_code
        == 200
    )
    assert app.get(readings).status_code == 401
    for tokens in (older, app.token):
        with pytest.raises(OAuthError, match="invalid_grant"):
            app.refresh_token(refresh_token=tokens["refresh_token"])


def test_a_person_ends_it(running: Running, browser: httpx2.Client, app: OAuth2Client) -> None:
    app.fetch_token(authorization_response=led_back(app, browser), code_verifier=VERIFIER)
    assert app.get(f"{running.url}/api/v1/sensors").status_code == 200
    (one,) = consents.mine(running.fleet.site, person(1))
    page = browser.get(f"{running.url}/account/programs").text
    path = f"{running.url}/account/applications/{one.id}/end"
    assert browser.post(path, data={"csrf_token": csrf_in(page)}).status_code == 200
    assert app.get(f"{running.url}/api/v1/sensors").status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.refresh_token()


def test_a_wrong_verifier_and_a_code_used_twice_are_refused(
    running: Running, browser: httpx2.Client, app: OAuth2Client
) -> None:
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.fetch_token(authorization_response=led_back(app, browser), code_verifier="another-" * 6)
    back = led_back(app, browser)
    app.fetch_token(authorization_response=back, code_verifier=VERIFIER)
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.fetch_token(authorization_response=back, code_verifier=VERIFIER)
    assert app.get(f"{running.url}/api/v1/sensors").status_code == 401


def test_a_wrong_secret_and_another_client_are_refused(running: Running, browser: httpx2.Client) -> None:
    made = applications.add(running.fleet.site, OPERATOR, "Another", [BACK], secret=True)
    with client(running, secret=True) as app:
        back = led_back(app, browser)
        for client_id, secret, error in (
            (app.client_id, "wrong", "invalid_client"),
            (made.client_id, made.secret, "invalid_grant"),
        ):
            with (
                OAuth2Client(client_id, secret, redirect_uri=HERE, timeout=HANG_S) as other,
                pytest.raises(OAuthError, match=error),
            ):
                other.fetch_token(app.metadata["token_endpoint"], authorization_response=back, code_verifier=VERIFIER)
        assert app.fetch_token(authorization_response=back, code_verifier=VERIFIER)["access_token"]
