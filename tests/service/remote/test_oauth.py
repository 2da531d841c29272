"""OAuth 2.0: a person lets a named application see a part of what is theirs; whatever else is shown than was given is refused."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotFoundError, RemoteError
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.models import Application, Consent, Token
from gridecho_remote.use import applications, audit, consents, people, places
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, csrf_token

ADA = person(1)
T0 = 1_800_000_000
BACK = "https://solar.example/back"
VERIFIER = "v" * 43
OWN = "its own"
DAY_S = 86_400


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Flow:
    """An application, the person it leads to the remote, and what comes of it."""

    def __init__(self, fleet: Fleet, client: FlaskClient, app: applications.NewApplication) -> None:
        self.fleet, self.client, self.app = fleet, client, app
        self.asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": BACK,
            "scope": "readings",
            "state": "a state",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }

    def ask(self, **changes: str | None) -> TestResponse:
        query = {name: value for name, value in (self.asked | changes).items() if value is not None}
        return self.client.get("/oauth/authorize", query_string=query)

    def choose(self, button: str = "allow", query: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        page = self.ask(**(query or {}))
        assert page.status_code == 200, page.text
        chosen = {"sensors": ["7"], "resolution": "RAW", "days": "90", "live": "y", button: "x", **fields}
        chosen["csrf_token"] = csrf_token(page)
        return self.client.post("/oauth/authorize", query_string=self.asked | (query or {}), data=chosen)

    def code(self, **fields: Any) -> str:
        answer = self.choose(**fields)
        assert answer.status_code == 302, answer.text
        return led_back(answer)["code"]

    def post(self, path: str, secret: str | None = OWN, **fields: str) -> TestResponse:
        headers = {}
        shown = self.app.secret if secret == OWN else secret
        if shown:
            basic = base64.b64encode(f"{self.app.client_id}:{shown}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
        else:
            fields = {"client_id": self.app.client_id, **fields}
        return self.fleet.app.test_client().post(path, data=fields, headers=headers)

    def redeem(self, code: str, secret: str | None = OWN, **changes: str) -> TestResponse:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return self.post("/oauth/token", secret, **fields | changes)

    def renew(self, token: str, secret: str | None = OWN) -> TestResponse:
        return self.post("/oauth/token", secret, grant_type="refresh_token", refresh_token=token)

    def tokens(self, **fields: Any) -> dict[str, Any]:
        answer = self.redeem(self.code(**fields))
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def status(self, token: str, path: str = "/api/v1/sensors") -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return self.fleet.app.test_client().get(path, headers=headers).status_code


def led_back(answer: TestResponse) -> dict[str, str]:
    assert answer.location.startswith(BACK), answer.location
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.location).query).items()}


def refused(answer: TestResponse, error: str = "invalid_grant", status: int = 400) -> bool:
    assert (answer.status_code, answer.json["error"]) == (status, error), answer.text
    return "access_token" not in answer.json


@pytest.fixture
def ada(fleet: Fleet) -> FlaskClient:
    """Ada, logged in: sensor 7 is hers, sensor 9 was granted to her."""
    for sensor_id in (7, 8, 9):
        fleet.send(fleet.frame(sensor_id, [Reading(T0 - 60, {POWER_IMPORT: 4321, ENERGY_IMPORT: 10**6})]))
    client = fleet.person()
    places.begin_contract(fleet.site, OPERATOR, 7, "ada", T0 - DAY_S)
    add_grant(fleet.archive, "ada", sensor_id=9, now_s=0)
    return client


@pytest.fixture(params=["public", "with a secret"])
def flow(fleet: Fleet, ada: FlaskClient, request: pytest.FixtureRequest) -> Flow:
    secret = request.param != "public"
    return Flow(fleet, ada, applications.add(fleet.site, OPERATOR, "Solar planner", [BACK], secret=secret))


@pytest.fixture
def public(fleet: Fleet, ada: FlaskClient) -> Flow:
    return Flow(fleet, ada, applications.add(fleet.site, OPERATOR, "Solar planner", [BACK], secret=False))


def newest(fleet: Fleet, what: str) -> audit.Entry:
    return next(row for row in audit.newest(fleet.site, OPERATOR, 50) if row.what == what)


def test_the_page_names_the_application_and_what_is_the_persons_own(public: Flow) -> None:
    page = public.ask()
    assert "Solar planner" in page.text
    assert "solar.example" in page.text
    assert "Mill Lane 12" in page.text
    assert "Harbour 3" not in page.text, "it was granted to her; it is not hers"
    assert page.headers["X-Frame-Options"] == "DENY"
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://solar.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self';" in public.client.get("/account").headers["Content-Security-Policy"]


def test_the_whole_way(flow: Flow) -> None:
    answer = flow.choose(export="y")
    assert led_back(answer).keys() == {"code", "state", "iss"}
    assert led_back(answer)["state"] == "a state"
    answer = flow.redeem(led_back(answer)["code"])
    got = answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 3600, "readings")
    headers = {"Authorization": f"Bearer {got['access_token']}"}
    listed = flow.fleet.app.test_client().get("/api/v1/sensors", headers=headers).json["sensors"]
    assert [one["id"] for one in listed] == [7]
    assert flow.status(got["access_token"], "/api/v1/sensors/7/readings") == 200
    assert flow.status(got["access_token"], "/api/v1/sensors/7/readings.csv") == 200
    for sensor_id in (8, 9, 99):
        assert flow.status(got["access_token"], f"/api/v1/sensors/{sensor_id}") == 404
    assert flow.status(got["refresh_token"]) == 401, "it is for the next ones only"


def test_the_part_that_was_chosen(public: Flow) -> None:
    got = public.tokens(resolution="DAY", quantities=[str(ENERGY_IMPORT)], live="")
    headers = {"Authorization": f"Bearer {got['access_token']}"}
    client = public.fleet.app.test_client()
    (one,) = consents.mine(public.fleet.site, ADA)
    assert (one.application, one.part.sensors, one.part.quantities) == ("Solar planner", {7}, 1 << ENERGY_IMPORT)
    assert client.get("/api/v1/sensors/7/readings", headers=headers).json["readings"] == []
    assert client.get("/api/v1/sensors/7/readings.csv", headers=headers).status_code == 404


def test_who_does_not_allow_leads_back_without_a_code(public: Flow) -> None:
    answer = public.choose("deny")
    assert led_back(answer)["error"] == "access_denied"
    assert led_back(answer)["state"] == "a state"
    answer = public.choose("deny", days="x")
    assert led_back(answer)["error"] == "access_denied", "whatever else the form had"
    assert Consent.select().count(public.fleet.archive.db) == 0


def test_who_is_not_logged_in_does_that_first_and_comes_back(public: Flow) -> None:
    stranger = public.fleet.app.test_client()
    answer = stranger.get("/oauth/authorize", query_string=public.asked)
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=/oauth/authorize")
    assert "client_id" in answer.location


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://solar.example/other"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?x=1"},
        {"redirect_uri": "http://solar.example/back"},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": None},
    ],
)
def test_a_wrong_redirect_or_client_leads_nowhere(public: Flow, changes: dict[str, str | None]) -> None:
    answer = public.ask(**changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "<form" not in answer.text.split("<main")[1]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),  # RFC 7636 would have it plain
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
    ],
)
def test_what_is_not_done_is_said_to_the_application(flow: Flow, changes: dict[str, str | None], error: str) -> None:
    said = led_back(flow.ask(**changes))
    assert (said["error"], said["state"]) == (error, "a state")
    assert said["iss"] == "http://localhost"


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit", ""])
def test_no_other_way_to_a_token(flow: Flow, grant_type: str) -> None:
    answer = flow.post("/oauth/token", grant_type=grant_type, username="ada", password="a long enough password")
    assert refused(answer, "unsupported_grant_type")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "https://solar.example/other"},
        {"redirect_uri": ""},
        {"code": "gridecho_made-up"},
    ],
)
def test_a_wrong_verifier_redirect_or_code_gives_nothing(flow: Flow, changes: dict[str, str]) -> None:
    code = flow.code()
    assert refused(flow.redeem(**{"code": code} | changes))
    assert Token.select().count(flow.fleet.archive.db) == 0


@pytest.mark.parametrize("verifier", ["", "short", "v" * 200])
def test_a_verifier_that_is_none_gives_nothing(flow: Flow, verifier: str) -> None:
    assert refused(flow.redeem(flow.code(), code_verifier=verifier), "invalid_request")


def test_a_code_is_good_for_two_minutes(flow: Flow) -> None:
    code = flow.code()
    flow.fleet.clock.now_s += consents.CODE_S
    assert refused(flow.redeem(code))
    assert consents.mine(flow.fleet.site, ADA) == []


def test_a_code_that_is_used_twice_ends_what_it_gave(flow: Flow) -> None:
    code = flow.code()
    got = flow.redeem(code).json
    assert flow.status(got["access_token"]) == 200
    assert refused(flow.redeem(code))
    assert flow.status(got["access_token"]) == 401
    assert refused(flow.renew(got["refresh_token"]))
    assert consents.mine(flow.fleet.site, ADA) == []
    row = newest(flow.fleet, "consents.used_twice")
    assert (row.subject, row.actor_id, row.fields["application"]) == ("user ada", 1, "Solar planner")


def test_of_many_with_one_code_one_is_given_tokens_at_most(public: Flow) -> None:
    code = public.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: public.redeem(code), range(8)))
    given = [answer.json["access_token"] for answer in answers if answer.status_code == 200]
    assert len(given) <= 1
    assert all(public.status(token) == 401 for token in given), "and its tokens are over: somebody else had the code"


def test_another_application_can_do_nothing_with_what_this_one_has(flow: Flow) -> None:
    other = Flow(flow.fleet, flow.client, applications.add(flow.fleet.site, OPERATOR, "Other", [BACK], secret=True))
    code = flow.code()
    assert refused(other.redeem(code))
    got = flow.redeem(code).json
    assert refused(other.renew(got["refresh_token"]))
    for token in (got["access_token"], got["refresh_token"]):
        assert other.post("/oauth/revoke", token=token).status_code == 200, "whose it is, is not told"
    assert flow.status(got["access_token"]) == 200
    assert flow.renew(got["refresh_token"]).status_code == 200


def test_an_application_with_a_secret_shows_it(fleet: Fleet, ada: FlaskClient) -> None:
    app = applications.add(fleet.site, OPERATOR, "Solar planner", [BACK], secret=True)
    flow = Flow(fleet, ada, app)
    code = flow.code()
    for secret, status in ((None, 401), ("wrong", 401), (app.client_id, 401)):
        assert refused(flow.redeem(code, secret), "invalid_client", status)
        assert refused(flow.post("/oauth/revoke", secret, token="x"), "invalid_client", status)
    posted = {"client_id": app.client_id, "client_secret": app.secret or ""}
    assert flow.redeem(code, "", **posted).status_code == 200
    assert [row for row in Application.select().tuples().execute(fleet.archive.db) if app.secret in repr(row)] == []


def test_wrong_secrets_are_limited(fleet: Fleet, ada: FlaskClient) -> None:
    flow = Flow(fleet, ada, applications.add(fleet.site, OPERATOR, "Solar planner", [BACK], secret=True))
    found = [flow.redeem("x", "wrong").status_code for _ in range(32)]
    assert found == [401] * 30 + [429] * 2


def test_a_token_is_good_for_an_hour_and_the_next_one_comes_by_renewal(flow: Flow) -> None:
    got = flow.tokens()
    flow.fleet.clock.now_s += consents.TOKEN_S - 1
    assert flow.status(got["access_token"]) == 200
    flow.fleet.clock.now_s += 1
    assert flow.status(got["access_token"]) == 401
    more = flow.renew(got["refresh_token"]).json
    assert more["refresh_token"] != got["refresh_token"]
    assert more["access_token"] != got["access_token"]
    assert flow.status(more["access_token"], "/api/v1/sensors/7") == 200
    again = flow.renew(more["refresh_token"])
    assert again.status_code == 200
    flow.fleet.clock.now_s += consents.RENEWAL_S
    assert refused(flow.renew(again.json["refresh_token"]))


def test_a_renewal_that_is_used_twice_ends_the_consent(flow: Flow) -> None:
    got = flow.tokens()
    more = flow.renew(got["refresh_token"]).json
    assert flow.status(more["access_token"]) == 200
    assert refused(flow.renew(got["refresh_token"]))
    assert flow.status(more["access_token"]) == 401
    assert refused(flow.renew(more["refresh_token"]))
    assert newest(flow.fleet, "consents.used_twice").subject == "user ada"


def test_of_many_with_one_renewal_one_is_given_tokens_at_most(public: Flow) -> None:
    got = public.tokens()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: public.renew(got["refresh_token"]), range(8)))
    assert sum(answer.status_code == 200 for answer in answers) <= 1
    assert consents.mine(public.fleet.site, ADA) == []


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token"])
def test_an_application_gives_tokens_back(flow: Flow, hint: str) -> None:
    hinted = {"token_type_hint": hint} if hint else {}
    got = flow.tokens()
    assert flow.post("/oauth/revoke", token=got["access_token"], **hinted).status_code == 200
    assert flow.status(got["access_token"]) == 401
    more = flow.renew(got["refresh_token"]).json
    assert flow.post("/oauth/revoke", token=more["refresh_token"], **hinted).status_code == 200
    assert flow.status(more["access_token"]) == 401
    assert refused(flow.renew(more["refresh_token"]))
    assert consents.mine(flow.fleet.site, ADA) == []
    assert flow.post("/oauth/revoke", token="gridecho_made-up").status_code == 200
    assert newest(flow.fleet, "consents.revoke").fields["kind"] == "refresh"


def test_the_person_sees_it_in_a_list_and_ends_it(public: Flow) -> None:
    got = public.tokens()
    public.status(got["access_token"])
    page = public.client.get("/account/programs")
    assert "Solar planner" in page.text
    assert "sensor 7, every reading, no export" in page.text
    found = re.search(r"/account/applications/(\d+)/end", page.text)
    assert found
    bob = public.fleet.person("bob")
    answer = bob.post(found[0], data={"csrf_token": csrf_token(bob.get("/account/programs"))})
    assert answer.status_code == 404
    assert public.status(got["access_token"]) == 200
    answer = public.client.post(found[0], data={"csrf_token": csrf_token(page)}, follow_redirects=True)
    assert "sees nothing of yours any more" in answer.text
    assert "Solar planner" not in answer.text
    assert public.status(got["access_token"]) == 401
    assert refused(public.renew(got["refresh_token"]))
    row = newest(public.fleet, "consents.end")
    assert (row.subject, row.fields["application"]) == ("user ada", "Solar planner")


def test_ended_before_the_code_was_used(public: Flow) -> None:
    code = public.code()
    consents.end(public.fleet.site, ADA, 1)
    assert refused(public.redeem(code))


End = Callable[[Fleet], object]
ENDS: dict[str, End] = {
    "its contract": lambda f: places.end_contract(f.site, OPERATOR, 1, T0 - DAY_S + 5),
    "the application": lambda f: applications.end(f.site, OPERATOR, "solar PLANNER"),
    "a new one-time password": lambda f: people.reset(f.site, OPERATOR, "ada"),
}


@pytest.mark.parametrize("what", ENDS)
def test_it_ends_with(public: Flow, what: str) -> None:
    got = public.tokens()
    assert public.status(got["access_token"], "/api/v1/sensors/7/readings") == 200
    ENDS[what](public.fleet)
    if what == "its contract":
        headers = {"Authorization": f"Bearer {got['access_token']}"}
        answer = public.fleet.app.test_client().get("/api/v1/sensors/7/readings", headers=headers)
        assert b"4321" not in answer.data, "a reading of after it"
        return
    assert public.status(got["access_token"]) == 401
    answer = public.renew(got["refresh_token"])
    assert answer.status_code in (400, 401)
    assert "access_token" not in answer.json
    if what == "the application":
        assert public.ask().status_code == 400


def test_it_ends_by_its_days(public: Flow) -> None:
    got = public.tokens(days="1")
    public.fleet.clock.now_s += DAY_S - 1_800
    got = public.renew(got["refresh_token"]).json
    assert got["expires_in"] == 1_800
    public.fleet.clock.now_s += 1_800
    assert public.status(got["access_token"]) == 401
    assert refused(public.renew(got["refresh_token"]))


@pytest.mark.parametrize(
    "fields",
    [{"sensors": []}, {"sensors": ["9"]}, {"sensors": ["x"]}, {"days": "0"}, {"days": "367"}, {"resolution": "x"}],
)
def test_wrong_choices_give_no_code(public: Flow, fields: dict[str, Any]) -> None:
    answer = public.choose(**fields)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert Consent.select().count(public.fleet.archive.db) == 0


def test_another_sites_form_gives_no_code(public: Flow) -> None:
    chosen = {"sensors": ["7"], "resolution": "RAW", "days": "90"}
    for button in ("allow", "deny"):
        answer = public.client.post("/oauth/authorize", query_string=public.asked, data={**chosen, button: "x"})
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_who_has_nothing_of_their_own_can_allow_nothing(public: Flow) -> None:
    bob = public.fleet.person("bob")
    page = bob.get("/oauth/authorize", query_string=public.asked)
    assert "nothing that you could let it see" in page.text
    assert 'name="allow"' not in page.text
    fields = {"csrf_token": csrf_token(page), "sensors": ["7"], "resolution": "RAW", "days": "5", "allow": "x"}
    assert bob.post("/oauth/authorize", query_string=public.asked, data=fields).status_code == 400
    answer = bob.post("/oauth/authorize", query_string=public.asked, data={"csrf_token": csrf_token(page), "deny": "x"})
    assert led_back(answer)["error"] == "access_denied"


def test_a_person_consents_to_so_many(public: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "MOST", 1)
    public.tokens()
    answer = public.choose()
    assert answer.status_code == 400
    assert "end one of them first" in answer.text


def test_over_plain_http_nothing_is_given(public: Flow) -> None:
    at = {"base_url": "http://readings.example"}
    client = public.fleet.app.test_client()
    assert refused(client.post("/oauth/token", data={"grant_type": "x"}, **at), "insecure_transport")
    assert refused(client.post("/oauth/revoke", data={"token": "x"}, **at), "insecure_transport")


def test_metadata(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(public_url="https://readings.example/")
    said = fleet.app.test_client().get("/.well-known/oauth-authorization-server").json
    assert said["issuer"] == "https://readings.example"
    assert said["token_endpoint"] == "https://readings.example/oauth/token"
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["grant_types_supported"] == ["authorization_code", "refresh_token"]
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint"):
        assert fleet.app.test_client().get(urlsplit(said[name]).path).status_code in (302, 405)


def test_neither_the_database_nor_the_audit_has_a_secret(public: Flow) -> None:
    code = public.code()
    got = public.redeem(code).json
    more = public.renew(got["refresh_token"]).json
    models = (Application, Consent, Token)
    rows = [row for model in models for row in model.select().tuples().execute(public.fleet.archive.db)]
    said = repr(rows) + repr(audit.newest(public.fleet.site, OPERATOR, 50))
    for secret in (code, got["access_token"], got["refresh_token"], more["access_token"], more["refresh_token"]):
        assert secret.removeprefix("gridecho_") not in said
    steps = [row.what for row in audit.newest(public.fleet.site, OPERATOR, 50) if row.what.startswith("consents.")]
    assert steps == ["consents.renew", "consents.take_up", "consents.give"]


def test_the_audit_says_by_which_application(public: Flow) -> None:
    public.status(public.tokens()["access_token"], "/api/v1/sensors/7")
    row = newest(public.fleet, "sensors.look")
    assert (row.actor_id, row.fields["application"], row.fields["consent"]) == (1, "Solar planner", 1)


@pytest.mark.parametrize(
    ("name", "addresses", "code"),
    [
        ("", [BACK], "application-name"),
        ("x" * 101, [BACK], "application-name"),
        ("a\nb", [BACK], "application-name"),
        ("Solar", [], "redirect-many"),
        ("Solar", [BACK] * 11, "redirect-many"),
        ("Solar", ["http://solar.example/"], "redirect-form"),
        (" SOLAR planner ", [BACK], "application-taken"),
    ],
)
def test_applications_that_cannot_be(public: Flow, name: str, addresses: list[str], code: str) -> None:
    with pytest.raises(RemoteError) as wrong:
        applications.add(public.fleet.site, OPERATOR, name, addresses, secret=False)
    assert wrong.value.code == code


def test_nobody_ends_anothers(public: Flow) -> None:
    public.tokens()
    public.fleet.person("bob")
    for number in (1, 99):
        with pytest.raises(NotFoundError):
            consents.end(public.fleet.site, person(2), number)


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(remote, ["applications", *words, "--config", str(tmp_path / "r/remote.toml")])
        assert done.exit_code == code, done.output
        return done.output

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    assert "client_secret: gridecho_" in run("add", "Solar planner", "--redirect", BACK, "--secret")
    made = json.loads(run("add", "Phone app", "--redirect", "http://127.0.0.1/back", "--json"))
    assert made["client_secret"] is None
    listed = json.loads(run("list", "--json"))
    assert [(one["name"], one["secret"], one["ended"]) for one in listed] == [
        ("Solar planner", True, None),
        ("Phone app", False, None),
    ]
    assert listed[1]["client_id"] == made["client_id"]
    assert "Phone app" in run("list")
    run("end", "phone APP")
    assert json.loads(run("list", "--json"))[1]["ended"]
    assert "there is no application Phone app" in run("end", "Phone app", code=1)
    assert "https://" in run("add", "x", "--redirect", "http://a.example/", code=1)
