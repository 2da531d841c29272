"""The guard: every route says what it needs of who calls, and nobody else's request comes to its view."""

import pytest
from flask import Flask
from gridecho.relay_keys import relay_token
from gridecho_remote.app import create_app
from gridecho_remote.web.guard import Need, need_of
from werkzeug.routing import Rule

from tests.rigs.fleet import Fleet, give_role

# The whole list: a new route of these kinds is to be seen in a review.
OPEN = {
    "static": Need.NOTHING,
    "bootstrap.static": Need.NOTHING,
    "health.healthz": Need.NOTHING,
    "health.readyz": Need.NOTHING,
    "oauth.revoke": Need.CODE,
    "oauth.server_metadata": Need.NOTHING,
    "oauth.token": Need.CODE,
    "pages.code": Need.NOTHING,  # of who has shown a password with this browser
    "pages.first_account": Need.NOTHING,
    "pages.join": Need.NOTHING,
    "pages.log_in": Need.NOTHING,
    "pages.language": Need.NOTHING,
    "pages.log_out": Need.NOTHING,
    "pages.openid_back": Need.NOTHING,
    "pages.openid_there": Need.NOTHING,
    "reference.document": Need.NOTHING,
    "reference.page": Need.NOTHING,
    "relay_api.enrol": Need.CODE,
}


def rules(app: Flask, *needs: Need) -> list[tuple[Rule, str]]:
    """(rule, method) of each route that needs this."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if need_of(app, rule.endpoint) in needs
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path(rule: Rule) -> str:
    return str(rule.build(dict.fromkeys(rule.arguments, 7), append_unknown=False)[1])  # type: ignore[index]


def test_every_route_says_what_it_needs(fleet: Fleet) -> None:
    said = {rule.endpoint: need_of(fleet.app, rule.endpoint) for rule in fleet.app.url_map.iter_rules()}
    assert None not in said.values(), said
    assert {endpoint: need for endpoint, need in said.items() if need in (Need.NOTHING, Need.CODE)} == OPEN
    assert set(said.values()) == set(Need)


def test_a_route_that_says_nothing_is_refused(fleet: Fleet) -> None:
    app = create_app(fleet.site)
    app.add_url_rule("/api/v1/forgotten", view_func=lambda: pytest.fail("it was called"))
    assert app.test_client().get("/api/v1/forgotten").status_code == 500


def test_nobody_comes_to_what_needs_somebody(fleet: Fleet) -> None:
    fleet.app.config["WTF_CSRF_ENABLED"] = False  # which would answer first
    client = fleet.app.test_client()
    asked = rules(fleet.app, Need.RELAY, Need.ACCOUNT, Need.PERSON, Need.LOGIN, Need.OPERATOR)
    assert len(asked) > 20
    for rule, method in asked:
        answer = client.open(path(rule), method=method)
        programs = rule.rule.startswith(("/api/", "/relay/"))
        assert answer.status_code == (401 if programs or method == "POST" else 302), (rule, method)
        if programs:
            expected = "relay-unproven" if need_of(fleet.app, rule.endpoint) is Need.RELAY else "log-in"
            assert (answer.content_type, answer.json["code"]) == ("application/problem+json", expected)
        else:
            assert answer.location is None or answer.location.startswith("/login"), (rule, method)
            assert 'name="password"' in client.get(answer.location or "/login").get_data(as_text=True), "the login form"


def test_who_has_a_one_time_password_comes_to_choosing_another_one_only(fleet: Fleet) -> None:
    client = fleet.person()
    fleet.app.config["WTF_CSRF_ENABLED"] = False
    with fleet.archive.writing() as connection:
        connection.execute('UPDATE "user" SET must_change = ? WHERE name = ?', (True, "ada"))
    for rule, method in rules(fleet.app, Need.PERSON, Need.LOGIN, Need.OPERATOR):
        answer = client.open(path(rule), method=method)
        if rule.rule.startswith("/api/"):
            assert (answer.status_code, answer.json["code"]) == (403, "password-first"), (rule, method)
        else:
            assert (answer.status_code, answer.location) == (302, "/password"), (rule, method)
    for rule, _ in rules(fleet.app, Need.ACCOUNT):
        assert client.get(path(rule)).status_code == 200


def test_for_who_is_no_operator_there_is_nothing(fleet: Fleet) -> None:
    client = fleet.person()
    fleet.app.config["WTF_CSRF_ENABLED"] = False
    for rule, method in rules(fleet.app, Need.OPERATOR):
        assert client.open(path(rule), method=method).status_code == 404, (rule, method)
    give_role(fleet.archive, "ada")
    assert client.get("/groups").status_code == 200
    assert client.get("/api/v1/groups").status_code == 200


def test_nothing_of_a_body_is_looked_at_before_the_token(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_at(*_: object, **__: object) -> None:
        pytest.fail("it was looked at")

    monkeypatch.setattr("werkzeug.Request.get_data", looked_at)
    client, token = fleet.app.test_client(), relay_token(fleet.relays[2], 2).hex()
    for word in ("batch", "index", "carry", "heartbeat"):
        for headers in ({}, {"Authorization": f"Bearer {token}"}):
            headers |= {"Content-Encoding": "deflate"}
            answer = client.post(f"/relay/v1/{word}?relay=1", data=bytes(5_000), headers=headers)
            assert (answer.status_code, answer.json["code"]) == (401, "relay-unproven"), word


def test_a_relay_shows_its_own_token(fleet: Fleet) -> None:
    token = relay_token(fleet.relays[1], 1).hex()
    client = fleet.app.test_client()
    for headers, relay_id, status in (
        ({"Authorization": f"Bearer {token}"}, "1", 200),
        ({"Authorization": f"Bearer {token}"}, "2", 401),
        ({"Authorization": f"Bearer {token}"}, "x", 401),
        ({"Authorization": f"Basic {token}"}, "1", 401),
        ({"Authorization": token}, "1", 401),
        ({"Authorization": "Bearer "}, "1", 401),
        ({}, "1", 401),
    ):
        answer = client.get(f"/relay/v1/keys?relay={relay_id}", headers=headers)
        assert answer.status_code == status, (headers, relay_id)
    # A person is no relay.
    assert fleet.person().get("/relay/v1/keys?relay=1").status_code == 401
