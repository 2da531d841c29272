"""Every address of the remote is public by this list, or refuses who is not logged in; none breaks on absurd numbers."""

import logging

import pytest
from gridecho_common.logs import set_up_logging
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import looks

from tests.rigs.fleet import Fleet

PUBLIC = {
    "static",
    "bootstrap.static",
    "health.healthz",
    "health.readyz",
    "oauth.server_metadata",
    "pages.code",
    "pages.first_account",
    "pages.join",
    "pages.log_in",
    "pages.language",
    "pages.log_out",
    "pages.openid_back",
    "pages.openid_there",
    "reference.document",
    "reference.page",
}
FILL = {"sensor_id": 7, "filename": "x"}


def test_every_route_is_public_by_this_list_or_refuses_anonymous(fleet: Fleet) -> None:
    walked = 0
    with fleet.app.test_request_context():
        adapter = fleet.app.create_url_adapter(None) or fleet.app.url_map.bind("localhost")
    for rule in fleet.app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        path = adapter.build(rule.endpoint, {name: FILL.get(name, 1) for name in rule.arguments})
        for method in rule.methods - {"OPTIONS"}:
            answer = fleet.app.test_client().open(path, method=method, data=b"x" * 80)
            # A POST without CSRF token or with no batch in it is refused for that.
            programs = rule.rule.startswith(("/api/", "/relay/"))
            refused = (401 if programs else 302,) if method in ("GET", "HEAD") else (400, 401)
            assert answer.status_code in refused, (rule, method)
            assert b"Mill Lane" not in answer.data
            walked += 1
    assert walked >= 12


def test_every_answer_has_the_security_headers(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    for path in ("/", "/sensors/7", "/api/v1/sensors", "/api/v1/sensors/7/readings.csv", "/nowhere", "/relay/v1/keys"):
        headers = client.get(path).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/sensors/7", "/api/v1/sensors", "/api/v1/sensors/7"])
def test_an_error_that_nobody_expects_is_told_to_the_log_only(
    fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    fleet.app.config["PROPAGATE_EXCEPTIONS"] = False

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of the inside")

    monkeypatch.setattr(looks, "look", fails)
    answer = client.get(path)
    assert answer.status_code == 500
    said = answer.get_data(as_text=True)
    assert not any(word in said for word in ("ZeroDivision", "of the inside", "Traceback", ".py", "Mill Lane"))
    assert "of the inside" in caplog.text
    monkeypatch.undo()
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("number", ["-1", str(-(10**30)), str(10**30), "9" * 5000, "x", "", "NaN", "1e9"])
@pytest.mark.parametrize("path", ["/?after={}", "/sensors/{}", "/api/v1/sensors/{}/gaps", "/api/v1/sensors?after={}"])
def test_absurd_numbers_break_nothing(fleet: Fleet, path: str, number: str) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    assert client.get(path.format(number)).status_code in (200, 400, 404)


def test_the_databases_statements_are_not_logged_at_debug() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        set_up_logging("DEBUG")
        assert not logging.getLogger("peewee").isEnabledFor(logging.DEBUG)
    finally:
        root.handlers[:], root.level = before[0], before[1]
        logging.getLogger("peewee").setLevel(logging.NOTSET)
