"""Logging in: one-time passwords, wrong ones, limits, CSRF, sessions that end, and the headers every answer has."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import argon2
import gridecho_remote
import pytest
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.users import add_user, reset_user
from gridecho_remote.web.files import version_of
from gridecho_remote.web.sessions import POLL_HEADER

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in

FIELD = r'<input [^>]*name="(?:password|again|present)"[^>]*>'
HASHER, DECOY = users._hasher, users._DECOY  # as they are, before a test has cheap ones


def set_password(client, password: str, again: str | None = None, present: str = PASSWORD):
    token = csrf_token(client.get("/password"))
    fields = {"password": password, "again": password if again is None else again, "present": present}
    return client.post("/password", data={**fields, "csrf_token": token})


def test_a_password_costs_as_much_to_guess_as_rfc_9106_says() -> None:
    for made in (HASHER.hash(PASSWORD), DECOY):
        cost = argon2.extract_parameters(made)
        assert cost.type is argon2.Type.ID
        assert (cost.memory_cost >= 64 << 10, cost.time_cost >= 3, cost.parallelism >= 4) == (True, True, True)


def test_the_fields_of_passwords(fleet: Fleet) -> None:
    client = fleet.person()
    pages = [client.get("/password"), fleet.app.test_client().get("/login"), fleet.app.test_client().get("/join")]
    fields = [field for page in pages for field in re.findall(FIELD, page.get_data(as_text=True))]
    assert len(fields) >= 5
    for field in fields:
        assert 'type="password"' in field, "what is typed is not shown"
        assert re.search(r'autocomplete="(current|new)-password"', field), "a manager of passwords finds it"
        assert "onpaste" not in field


def test_a_password_is_checked_as_it_is(fleet: Fleet) -> None:
    long = " Käse \N{GRINNING FACE} A" + "x" * 991
    assert len(long) == 1_000
    assert set_password(fleet.person(), long).status_code == 302
    assert log_in(fleet.app.test_client(), "ada", long).status_code == 302
    for other in (long.strip(), long.lower(), long[:999], long[:-1] + "y"):
        assert log_in(fleet.app.test_client(), "ada", other).status_code == 401


def test_a_one_time_password_lets_in_once_and_must_be_changed(fleet: Fleet) -> None:
    once = add_user(fleet.archive, "ada", fleet.clock())
    add_grant(fleet.archive, "ada", region="north")
    client = fleet.app.test_client()
    assert log_in(client, "ada", once).status_code == 302
    for path in ("/", "/sensors/7"):
        assert client.get(path).headers["Location"] == "/password"
    refused = client.get("/api/v1/sensors/7/readings")
    assert (refused.status_code, refused.content_type) == (403, "application/problem+json")
    assert log_in(fleet.app.test_client(), "ada", once).status_code == 401
    assert set_password(client, PASSWORD).headers["Location"] == "/"
    assert client.get("/sensors/7").status_code == 200
    assert log_in(fleet.app.test_client(), "ada", once).status_code == 401
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302


def test_a_one_time_password_ends_after_a_day(fleet: Fleet) -> None:
    once = add_user(fleet.archive, "ada", fleet.clock())
    fleet.clock.now_s += 24 * 3600
    assert log_in(fleet.app.test_client(), "ada", once).status_code == 401
    once = reset_user(fleet.archive, "ada", fleet.clock())
    fleet.clock.now_s += 24 * 3600 - 1
    assert log_in(fleet.app.test_client(), "ada", once).status_code == 302


def test_a_reset_ends_sessions_and_the_old_password(fleet: Fleet) -> None:
    client = fleet.person()
    assert client.get("/").status_code == 200
    reset_user(fleet.archive, "ada")
    assert client.get("/").status_code == 302
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 401


def test_a_new_password_ends_the_other_sessions(fleet: Fleet) -> None:
    here = fleet.person()
    elsewhere = fleet.app.test_client()
    log_in(elsewhere, "ada", PASSWORD)
    assert elsewhere.get("/").status_code == 200
    set_password(here, "another long password")
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize(("password", "again"), [("short", "short"), ("long enough 1", "long enough 2"), ("", "")])
def test_passwords_that_are_not_taken(fleet: Fleet, password: str, again: str) -> None:
    client = fleet.person()
    assert set_password(client, password, again).status_code == 400
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302


def test_wrong_names_and_passwords_look_alike(fleet: Fleet) -> None:
    fleet.person()
    pages = [log_in(fleet.app.test_client(), name, "wrong") for name in ("ada", "bob")]
    assert [page.status_code for page in pages] == [401, 401]
    first, second = (page.get_data(as_text=True).replace("ada", "bob") for page in pages)
    assert first.count("do not go together") == second.count("do not go together") == 1


def test_wrong_passwords_are_limited_and_right_ones_are_not(fleet: Fleet) -> None:
    fleet.person()
    for _ in range(6):
        assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302
    statuses = [log_in(fleet.app.test_client(), "ada", "wrong").status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    answer = log_in(fleet.app.test_client(), "ada", PASSWORD)
    assert answer.status_code == 429
    assert "wait a minute" in answer.get_data(as_text=True)


def test_posts_without_a_csrf_token_are_refused(fleet: Fleet) -> None:
    client = fleet.person()
    for path in ("/login", "/logout", "/password"):
        assert client.post(path, data={"name": "ada", "password": PASSWORD, "again": PASSWORD}).status_code == 400
    assert client.get("/").status_code == 200


def test_a_new_password_needs_the_present_one_and_guesses_are_limited(fleet: Fleet) -> None:
    client = fleet.person()
    statuses = [set_password(client, "another long password", present=word).status_code for word in ["no"] * 6]
    assert statuses == [401] * 5 + [429]
    assert set_password(fleet.person("bob"), "another long password", present="").status_code == 400
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302


def test_a_copied_cookie_ends_with_the_logout(fleet: Fleet) -> None:
    client = fleet.person()
    copied = fleet.app.test_client()
    copied.set_cookie("gridecho", client.get_cookie("gridecho").value)
    assert copied.get("/").status_code == 200
    client.post("/logout", data={"csrf_token": csrf_token(client.get("/"))})
    assert copied.get("/").status_code == 302


def test_logging_out(fleet: Fleet) -> None:
    client = fleet.person()
    client.post("/logout", data={"csrf_token": csrf_token(client.get("/"))})
    assert client.get("/").status_code == 302


def test_login_leads_back_to_the_page_but_not_elsewhere(fleet: Fleet) -> None:
    fleet.person()
    page = fleet.app.test_client().get("/sensors/7?x=1", follow_redirects=True)
    assert page.status_code == 200, "browsers write any other into their console"
    assert 'value="/sensors/7?x=1"' in page.get_data(as_text=True)
    far = fleet.app.test_client().get("/sensors/7?x=" + "é" * 5_000)
    assert far.location == "/login", "it would be three times as long"
    for target, location in (
        ("/sensors/7?x=1", "/sensors/7?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\t//evil.example", "/"),
        ("/\t/evil.example", "/"),
    ):
        assert log_in(fleet.app.test_client(), "ada", PASSWORD, next=target).headers["Location"] == location


@pytest.mark.parametrize("cookie", ["", "1", "1.", "x.y", "1.ada", "\0", "\ud800", "x" * 3_000])
def test_a_session_of_nobody(fleet: Fleet, cookie: str) -> None:
    fleet.person()
    client = fleet.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = cookie
    assert client.get("/").status_code == 302


def test_a_session_ends_whatever_is_done(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(session_hours=3, session_idle_minutes=40)
    fleet.person()
    client = fleet.app.test_client()
    assert log_in(client, "ada", PASSWORD).status_code == 302
    for _ in range(5):
        fleet.clock.now_s += 35 * 60
        assert client.get("/").status_code == 200
    fleet.clock.now_s += 5 * 60 - 1
    assert set_password(client, PASSWORD + "2").status_code == 302, "a new password begins no new time"
    assert client.get("/").status_code == 200
    fleet.clock.now_s += 1
    assert client.get("/").status_code == 302
    assert client.get("/api/v1/sensors").status_code == 401
    assert log_in(client, "ada", PASSWORD + "2").status_code == 302
    assert client.get("/").status_code == 200


def test_a_session_ends_when_nobody_does_anything_though_its_page_polls(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(session_idle_minutes=40)
    fleet.person()
    client = fleet.app.test_client()
    log_in(client, "ada", PASSWORD)
    for _ in range(39):
        fleet.clock.now_s += 60
        for path in ("/", "/api/v1/sensors"):
            assert client.get(path, headers={POLL_HEADER: "1"}).status_code == 200
    assert client.get("/api/v1/sensors").status_code == 200, "somebody zooms"
    fleet.clock.now_s += 40 * 60 - 1
    assert client.get("/", headers={POLL_HEADER: "1"}).status_code == 200
    fleet.clock.now_s += 1
    assert client.get("/", headers={POLL_HEADER: "1"}).status_code == 401


def test_what_pages_ask_for_by_themselves_says_so() -> None:
    static = Path(gridecho_remote.__file__).parent / "static"
    polling = [path for path in static.rglob("*.js") if re.search(r"setInterval\(|setTimeout\(turn", path.read_text())]
    assert {path.name for path in polling} == {"renew.js", "asking.js"}
    assert all(POLL_HEADER in path.read_text() for path in polling)


def test_headers_and_cookie(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    page = client.get("/login")
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert cookie.startswith("gridecho=")
    assert "Secure" not in cookie
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script>" not in page.get_data(as_text=True)


def test_secure_cookies_when_set(make_fleet) -> None:
    fleet = make_fleet(secure_cookies=True)
    cookie = fleet.app.test_client().get("/login", base_url="https://x.example").headers["Set-Cookie"]
    # What a browser wants of a name that begins so (RFC 6265bis, 4.1.3.2).
    assert cookie.startswith("__Host-gridecho=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_scripts_and_styles_are_compressed_and_kept_by_browsers(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    page = client.get("/sensors/7").get_data(as_text=True)
    paths = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css)(?:\?v=[^"]+)?)"', page)
    assert any("uPlot.iife.min.js" in path for path in paths)
    for path in paths:
        plain = client.get(path, buffered=True)
        packed = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
        assert (plain.status_code, "gzip" in packed.headers.get("Content-Encoding", "")) == (200, len(plain.data) > 500)
        assert gzip.decompress(packed.data) == plain.data if len(plain.data) > 500 else packed.data == plain.data
        assert "immutable" in packed.headers["Cache-Control"]
        assert int(re.findall(r"max-age=(\d+)", packed.headers["Cache-Control"])[0]) > 180 * 86_400
        has = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
        again = client.get(path, headers=has, buffered=True)
        assert again.status_code == 304, path


def test_every_file_of_a_page_and_what_it_imports_is_of_one_version(fleet: Fleet, tmp_path: Path) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    page = client.get("/sensors/7").get_data(as_text=True)
    left = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(left) > 10
    assert all("?v=" in path for path in re.findall(r'(?:src|href)="(/bootstrap/[^"]+)"', page))
    walked: set[str] = set()
    while left:
        path = left.pop()
        walked.add(path)
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200, path
        if path.endswith(".js"):
            imported = re.findall(r'(?:from|import) ?\(?"(\.[^"]+)"', answer.get_data(as_text=True))
            left |= {urljoin(path, one) for one in imported} - walked
    (version,) = {path.split("/")[2] for path in walked}
    assert version == version_of(Path(gridecho_remote.__file__).parent / "static")
    assert client.get("/static/" + "0" * len(version) + "/theme.js").status_code == 404  # nor is a new file an old one
    versions = []
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2")):
        folder = tmp_path / str(len(versions))
        folder.mkdir()
        (folder / name).write_text(text)
        versions.append(version_of(folder))
    assert len(set(versions)) == 3


def test_a_form_that_is_too_large(fleet: Fleet) -> None:
    assert fleet.app.test_client().post("/login", data={"name": "x" * 100_000}).status_code == 413


def test_names_are_the_same_in_capitals(fleet: Fleet) -> None:
    once = add_user(fleet.archive, "Kim Ähre", fleet.clock())
    with pytest.raises(RemoteError, match="user-taken"):
        add_user(fleet.archive, " kim ÄHRE ")
    assert log_in(fleet.app.test_client(), "kim ähre", once).status_code == 302
    assert users.user_id(fleet.archive, "KIM ÄHRE") == 1
    once = reset_user(fleet.archive, "kim ähre", fleet.clock())
    assert log_in(fleet.app.test_client(), "Kim Ähre ", once).status_code == 302
    assert [one.name for one in users.users(fleet.archive)] == ["Kim Ähre"]
    assert 'autocapitalize="none"' in fleet.app.test_client().get("/login").get_data(as_text=True)


def behind(fleet: Fleet, client_address: str, *, peer: str = "127.0.0.1"):
    """A browser whose requests a proxy at `peer` hands on."""
    client = fleet.app.test_client()
    client.environ_base.update(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=client_address, HTTP_X_FORWARDED_PROTO="https")
    return client


def test_behind_a_trusted_proxy_a_stranger_locks_out_nobody_else(make_fleet) -> None:
    fleet = make_fleet(trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
    fleet.person()
    for n in range(40):
        log_in(behind(fleet, f"203.0.113.9, 10.1.1.{n}"), "ada", "wrong")
    # Whatever the stranger writes before it, the last address that is no proxy counts.
    assert log_in(behind(fleet, "198.51.100.7, 203.0.113.9"), "ada", PASSWORD).status_code == 429
    assert log_in(behind(fleet, "198.51.100.7"), "ada", PASSWORD).status_code == 302
    # A peer that is no proxy is not believed.
    for n in range(6):
        log_in(behind(fleet, f"198.51.100.{n}", peer="192.0.2.1"), "bob", "wrong")
    assert log_in(behind(fleet, "198.51.100.99", peer="192.0.2.1"), "bob", "wrong").status_code == 429


def test_a_browser_that_is_known_is_not_locked_out_by_strangers_at_its_address(fleet: Fleet) -> None:
    fleet.person()
    fleet.person("bob")
    known = fleet.app.test_client()
    assert log_in(known, "ada", PASSWORD).status_code == 302
    known.post("/logout", data={"csrf_token": csrf_token(known.get("/"))})
    statuses = [log_in(fleet.app.test_client(), f"name {n % 8}", "wrong").status_code for n in range(40)]
    assert statuses.count(429) >= 10
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 429
    assert log_in(known, "ada", PASSWORD).status_code == 302
    # It has a limit of its own, and is known for its own person only.
    known.post("/logout", data={"csrf_token": csrf_token(known.get("/"))})
    assert log_in(known, "bob", PASSWORD).status_code == 429
    assert [log_in(known, "ada", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    with known.session_transaction():
        known.set_cookie(
            "gridecho_device", known.get_cookie("gridecho_device", path="/login").value + "x", path="/login"
        )
    assert log_in(known, "ada", PASSWORD).status_code == 429


def test_secure_cookies_over_http_say_so(make_fleet) -> None:
    fleet = make_fleet(secure_cookies=True)
    fleet.person()
    answer = fleet.app.test_client().post("/login", data={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    assert "over https only (secure_cookies in remote.toml)" in answer.get_data(as_text=True)
    answer = fleet.app.test_client().post("/login", data={"name": "ada"}, base_url="https://x.example")
    assert "reload the page" in answer.get_data(as_text=True)


@pytest.mark.parametrize("proxies", [["localhost"], ["10.0.0.1/8"], "127.0.0.1"])
def test_proxies_that_are_no_addresses(proxies: object) -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        RemoteSettings(trusted_proxies=proxies)
