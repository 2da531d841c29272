"""Logging in: one-time passwords, wrong ones, limits, CSRF, sessions that end, and the headers every answer has."""

import argon2
import pytest
from gridecho_remote import users
from gridecho_remote.grants import add_grant
from gridecho_remote.users import add_user, reset_user

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, log_in

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
    assert client.get("/").status_code == 401
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 401


def test_a_new_password_ends_the_other_sessions(fleet: Fleet) -> None:
    here = fleet.person()
    elsewhere = fleet.app.test_client()
    log_in(elsewhere, "ada", PASSWORD)
    assert elsewhere.get("/").status_code == 200
    set_password(here, "another long password")
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 401


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
    assert copied.get("/").status_code == 401


def test_logging_out(fleet: Fleet) -> None:
    client = fleet.person()
    client.post("/logout", data={"csrf_token": csrf_token(client.get("/"))})
    assert client.get("/").status_code == 401


def test_login_leads_back_to_the_page_but_not_elsewhere(fleet: Fleet) -> None:
    fleet.person()
    page = fleet.app.test_client().get("/sensors/7?x=1").get_data(as_text=True)
    assert 'value="/sensors/7?x=1"' in page
    for target, location in (
        ("/sensors/7?x=1", "/sensors/7?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\t//evil.example", "/"),
        ("/\t/evil.example", "/"),
    ):
        assert log_in(fleet.app.test_client(), "ada", PASSWORD, next=target).headers["Location"] == location


@pytest.mark.parametrize("cookie", ["", "1", "1.", "x.y", "999.aa", "1.aa"])
def test_a_session_of_nobody(fleet: Fleet, cookie: str) -> None:
    fleet.person()
    client = fleet.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = cookie
    assert client.get("/").status_code == 401


def test_headers_and_cookie(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    page = client.get("/login")
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script>" not in page.get_data(as_text=True)


def test_secure_cookies_when_set(tmp_path) -> None:
    fleet = Fleet(tmp_path, secure_cookies=True)
    assert "Secure" in fleet.app.test_client().get("/login", base_url="https://x.example").headers["Set-Cookie"]
    fleet.close()


def test_plotly_is_served_from_the_package_and_kept_by_browsers(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    path = client.get("/sensors/7").get_data(as_text=True).split('src="/assets/')[1].split('"')[0]
    plain = client.get(f"/assets/{path}")
    packed = client.get(f"/assets/{path}", headers={"Accept-Encoding": "gzip"})
    assert b"plotly.js" in plain.data[:200]
    assert len(packed.data) < len(plain.data) / 2
    assert "immutable" in packed.headers["Cache-Control"]


def test_a_form_that_is_too_large(fleet: Fleet) -> None:
    assert fleet.app.test_client().post("/login", data={"name": "x" * 100_000}).status_code == 413
