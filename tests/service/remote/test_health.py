"""What whoever watches a remote asks it, and the id that each request has."""

import logging
import re
from typing import Any

import pytest
from gridecho_common.logs import REQUEST
from gridecho_remote.rules.errors import StorageAwayError
from gridecho_remote.use import health, looks

from tests.rigs.fleet import Fleet

ID = re.compile(r"[0-9a-f]{16}")


def test_whoever_asks_is_told_that_it_runs_and_that_it_can_read(fleet: Fleet) -> None:
    for path in ("/healthz", "/readyz"):
        answer = fleet.app.test_client().get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert "Set-Cookie" not in answer.headers


def test_without_its_database_it_runs_and_is_not_ready(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> str:
        raise StorageAwayError("storage-away")

    monkeypatch.setattr(health, "ready", away)
    client = fleet.app.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "storage-away")
    assert int(answer.headers["Retry-After"]) > 0


def test_each_answer_has_an_id_and_so_has_what_is_logged_meanwhile(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(health, "ready", lambda _: seen.append(REQUEST.get()))
    answers = [fleet.app.test_client().get("/readyz").headers["X-Request-ID"] for _ in range(2)]
    assert seen == answers
    assert all(ID.fullmatch(one) for one in answers)
    assert answers[0] != answers[1]
    assert REQUEST.get() == ""
    assert ID.fullmatch(fleet.app.test_client().get("/nowhere").headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("peer", "told", "kept"),
    [
        ("10.0.0.9", "from-the-proxy.1", True),
        ("10.0.0.9", "x" * 65, False),
        ("10.0.0.9", "a b", False),
        ("192.0.2.7", "from-anybody", False),
    ],
)
def test_a_trusted_proxy_gives_it(make_fleet: Any, peer: str, told: str, kept: bool) -> None:
    client = make_fleet(trusted_proxies=["10.0.0.0/24"]).app.test_client()
    answer = client.get("/healthz", headers={"X-Request-ID": told}, environ_base={"REMOTE_ADDR": peer})
    assert (answer.headers["X-Request-ID"] == told) == kept


def test_who_meets_a_failure_is_told_the_id_to_pass_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    client = fleet.person()
    fleet.app.config["PROPAGATE_EXCEPTIONS"] = False

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(looks, "look", fails)
    page = client.get("/")
    assert page.status_code == 500
    assert page.headers["X-Request-ID"] in page.text
    problem = client.get("/api/v1/sensors")
    assert problem.json["request"] == problem.headers["X-Request-ID"]


def test_a_line_for_each_request_where_that_is_wanted(make_fleet: Any, caplog: pytest.LogCaptureFixture) -> None:
    fleet = make_fleet(log_requests=True)
    client = fleet.person()
    caplog.set_level(logging.INFO, "gridecho.remote.requests")
    client.get("/api/v1/sensors?secret=1")
    fleet.app.test_client().get("/healthz")
    lines = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"request method=GET path='/api/v1/sensors' status=200 ms=\d+ who='person 1'", lines[0])
    assert re.fullmatch(r"request method=GET path='/healthz' status=200 ms=\d+ who='-'", lines[1])


def test_else_there_is_none(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gridecho.remote.requests")
    fleet.app.test_client().get("/healthz")
    assert caplog.records == []
