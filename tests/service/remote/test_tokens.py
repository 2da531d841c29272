"""Tokens for programs: what their owner sees at that moment, or a part of it, by the API alone, until they end."""

import json
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, Actor, Bearer, Kind, person
from gridecho_remote.rules.errors import NotAllowedError, NotFoundError, RemoteError
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import timeline
from gridecho_remote.store.grants import add_grant, revoke_grant
from gridecho_remote.store.models import Token
from gridecho_remote.use import audit, holes, looks, people, places, sensors, tokens
from werkzeug.test import TestResponse

from tests.rigs.fleet import PLACES, Fleet, give_role

T0 = 1_800_000_000
ADA = person(1)
DAY_S = 86_400
W, WH = "1-0:1.7.0", "1-0:1.8.0"


@pytest.fixture
def filled(fleet: Fleet) -> Fleet:
    """Ten readings of each sensor; Ada sees those of sensors 7 and 9, Bob nothing."""
    for sensor_id in PLACES:
        values = [{POWER_IMPORT: 4321 + n, ENERGY_IMPORT: 10**6 + n, VOLTAGE_L1: 230_000 + n} for n in range(10)]
        fleet.send(*[fleet.frame(sensor_id, [Reading(T0 + 60 * n, v)]) for n, v in enumerate(values)])
    fleet.clock.now_s = T0 + 3_600
    fleet.person("ada")
    fleet.person("bob")
    add_grant(fleet.archive, "ada", category="residential", now_s=T0)
    return fleet


def made(fleet: Fleet, part: Scope | None = None, days: int = 30, actor: Actor = ADA) -> str:
    return tokens.add(fleet.site, actor, "report", part or Scope(), days).token


def get(fleet: Fleet, path: str, token: str, scheme: str = "Bearer", client: FlaskClient | None = None) -> TestResponse:
    return (client or fleet.app.test_client()).get(path, headers={"Authorization": f"{scheme} {token}"})


def seen(fleet: Fleet, token: str) -> list[int]:
    answer = get(fleet, "/api/v1/sensors", token)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json["sensors"]]


def test_it_opens_what_its_owner_sees_and_leaves_no_cookie(filled: Fleet) -> None:
    token = made(filled)
    assert seen(filled, token) == [7, 9]
    answer = get(filled, "/api/v1/sensors/7/readings", token, "bearer")
    assert len(answer.json["readings"]) == 10
    assert "Set-Cookie" not in answer.headers
    assert get(filled, "/api/v1/sensors/8/readings", token).status_code == 404


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        (Scope(), [7, 9]),
        (Scope(sensors=frozenset({7, 8})), [7]),
        (Scope(region="south"), [9]),
        (Scope(category="commercial"), []),
        (Scope(labels=frozenset({"pilot"})), [9]),
        (Scope(quantities=1 << 43), []),
        (Scope(until_s=T0 - 5), [7, 9]),
    ],
)
def test_its_part_of_the_sensors(filled: Fleet, part: Scope, ids: list[int]) -> None:
    places.label(filled.site, OPERATOR, 9, ["pilot"], [])
    if part.quantities == 1 << 43:
        with pytest.raises(RemoteError):
            made(filled, part)
        return
    token = made(filled, part)
    assert seen(filled, token) == ids
    for sensor_id in PLACES:
        status = get(filled, f"/api/v1/sensors/{sensor_id}", token).status_code
        assert status == (200 if sensor_id in ids else 404)


def test_its_part_of_a_sensors_readings(filled: Fleet) -> None:
    part = Scope(sensors=frozenset({7}), quantities=1 << POWER_IMPORT, first_s=T0 + 60, until_s=T0 + 240, export=False)
    token = made(filled, part)
    found = get(filled, "/api/v1/sensors/7/readings", token).json["readings"]
    assert [one["time"] for one in found] == [T0 + 60, T0 + 120, T0 + 180]
    assert {name for one in found for name in one["values"]} == {W}
    described = get(filled, "/api/v1/sensors/7", token).json
    assert (described["first"], described["last"]) == (T0 + 60, T0 + 180)
    assert [one["obis"] for one in described["quantities"]] == [W]
    assert get(filled, "/api/v1/sensors/7/readings.csv", token).status_code == 404
    assert get(filled, "/api/v1/sensors/7/readings.csv", made(filled)).status_code == 200
    assert get(filled, "/api/v1/sensors/7/gaps", token).json["gaps"] == []


def test_one_by_day_sees_no_reading(filled: Fleet) -> None:
    filled.clock.now_s = T0 + 3 * DAY_S
    filled.send(filled.frame(7, [Reading(T0 + DAY_S, {ENERGY_IMPORT: 2 * 10**6})]))
    token = made(filled, Scope(resolution=Resolution.DAY))
    assert get(filled, "/api/v1/sensors/7/readings", token).json["readings"] == []
    assert get(filled, "/api/v1/sensors/7", token).json["latest"] is None
    by_day = get(filled, "/api/v1/sensors/7/energy?unit=day", token).json["energy"]
    assert by_day == get(filled, "/api/v1/sensors/7/energy?unit=day", made(filled)).json["energy"] != []
    assert get(filled, "/api/v1/sensors/7/energy?unit=hour", token).json["energy"] == []


def test_a_grant_that_is_revoked_closes_it_too(filled: Fleet) -> None:
    token = made(filled)
    number = add_grant(filled.archive, "ada", sensor_id=8, now_s=T0)
    assert seen(filled, token) == [7, 8, 9]
    revoke_grant(filled.archive, number)
    assert seen(filled, token) == [7, 9]
    assert get(filled, "/api/v1/sensors/8", token).status_code == 404


def test_it_ends(filled: Fleet) -> None:
    one, other = made(filled), made(filled, days=2)
    tokens.end(filled.site, ADA, tokens.mine(filled.site, ADA)[1].id)
    assert get(filled, "/api/v1/sensors", one).status_code == 401
    filled.clock.now_s += 2 * DAY_S - 1
    assert seen(filled, other) == [7, 9]
    filled.clock.now_s += 1
    assert get(filled, "/api/v1/sensors", other).status_code == 401
    assert [found.expires_s for found in tokens.mine(filled.site, ADA)] == [int(filled.clock())], "it is listed still"


def test_who_gets_a_new_one_time_password_has_no_tokens_any_more(filled: Fleet) -> None:
    token = made(filled)
    people.reset(filled.site, OPERATOR, "ada")
    assert get(filled, "/api/v1/sensors", token).status_code == 401
    assert tokens.mine(filled.site, ADA) == []


def test_who_has_to_choose_a_password_is_not_let_in_by_a_token(filled: Fleet) -> None:
    token = made(filled)
    with filled.archive.writing() as connection:
        connection.execute('UPDATE "user" SET must_change = ? WHERE name = ?', (True, "ada"))
    assert get(filled, "/api/v1/sensors", token).status_code == 401


def test_whatever_is_wrong_with_one_the_answer_is_the_same(filled: Fleet) -> None:
    expired, ended = made(filled, days=1), made(filled)
    tokens.end(filled.site, ADA, 2)
    filled.clock.now_s += DAY_S
    answers = [
        get(filled, "/api/v1/sensors", token) for token in (expired, ended, ended[:-1], "", "x" * 5_000, "\xe9 \xff")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1
    assert answers[0].json["code"] == "token-refused"
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {
        'Bearer realm="gridecho", error="invalid_token"'
    }


def test_who_shows_nothing_is_told_what_to_show(filled: Fleet) -> None:
    answer = filled.app.test_client().get("/api/v1/sensors")
    assert (answer.status_code, answer.json["code"]) == (401, "log-in")
    said = answer.headers["WWW-Authenticate"]
    assert said == 'Cookie realm="gridecho", Bearer realm="gridecho"', "no error: nothing was wrong (RFC 6750, 3.1)"


def test_a_wrong_one_counts_though_there_is_a_login(filled: Fleet) -> None:
    client = filled.person("eve")
    assert client.get("/api/v1/sensors").status_code == 200
    assert get(filled, "/api/v1/sensors", "wrong", client=client).status_code == 401
    assert get(filled, "/api/v1/sensors", "wrong", "Basic", client=client).status_code == 200, "a proxy's own, perhaps"


def test_wrong_ones_are_limited_by_address_and_right_ones_are_not(filled: Fleet) -> None:
    token = made(filled)
    found = [get(filled, "/api/v1/sensors", f"wrong {n}").status_code for n in range(32)]
    assert found == [401] * 30 + [429] * 2
    assert seen(filled, token) == [7, 9]
    other = filled.app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.8"
    assert get(filled, "/api/v1/sensors", "wrong", client=other).status_code == 401
    filled.clock.now_s += 61
    assert get(filled, "/api/v1/sensors", "wrong").status_code == 401


def test_it_is_for_the_api_only_and_brings_no_role(filled: Fleet) -> None:
    give_role(filled.archive, "ada")
    give_role(filled.archive, "ada", "administrator", "north")
    token = made(filled)
    for path in ("/", "/account", "/account/programs", "/requests", "/groups"):
        answer = get(filled, path, token)
        assert answer.status_code in (302, 404), path
    assert get(filled, "/relay/v1/keys?relay=1", token).status_code == 401
    assert get(filled, "/api/v1/groups", token).status_code == 404
    by = tokens.find(filled.site, token)
    assert by is not None
    assert (by.operator, by.regions, by.auditor) == (False, (), False)
    for wrong in (lambda: tokens.add(filled.site, by, "x", Scope(), 1), lambda: tokens.mine(filled.site, by)):
        with pytest.raises(NotAllowedError):
            wrong()


def test_nobody_ends_anothers(filled: Fleet) -> None:
    token = made(filled)
    for number in (1, 9):
        with pytest.raises(NotFoundError) as refused:
            tokens.end(filled.site, person(2), number)
        assert refused.value.code == "token-unknown"
    assert seen(filled, token) == [7, 9]


@pytest.mark.parametrize(
    ("name", "part", "days", "code"),
    [
        (" ", Scope(), 5, "token-name"),
        ("x" * 101, Scope(), 5, "token-name"),
        ("a\nb", Scope(), 5, "token-name"),
        ("x", Scope(), 0, "token-days"),
        ("x", Scope(), 367, "token-days"),
        ("x", Scope(k=5), 5, "token-part"),
        ("x", Scope(expires_s=5), 5, "token-part"),
        ("x", Scope(quantities=0), 5, "grant-nothing"),
        ("x", Scope(sensors=frozenset()), 5, "grant-nothing"),
    ],
)
def test_tokens_that_cannot_be(filled: Fleet, name: str, part: Scope, days: int, code: str) -> None:
    with pytest.raises(RemoteError) as refused:
        tokens.add(filled.site, ADA, name, part, days)
    assert refused.value.code == code


def test_there_are_so_many(filled: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 2)
    made(filled), made(filled)
    with pytest.raises(RemoteError) as refused:
        made(filled)
    assert refused.value.code == "token-many"
    assert made(filled, actor=person(2))


def test_neither_the_database_nor_the_log_has_it(filled: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = made(filled)
        seen(filled, token)
        get(filled, "/api/v1/sensors/8", token)
        get(filled, "/api/v1/sensors", token + "x")
    rows = list(Token.select().tuples().execute(filled.archive.db))
    said = repr(rows) + repr(audit.newest(filled.site, OPERATOR, 20)) + caplog.text
    assert token not in said
    assert token.removeprefix("gridecho_") not in said


def test_its_last_use_is_written_once_a_minute(filled: Fleet) -> None:
    token = made(filled)

    def used() -> int | None:
        return tokens.mine(filled.site, ADA)[0].used_s

    assert used() is None
    first = int(filled.clock())
    for after_s, told_s in ((0, 0), (59, 0), (60, 60), (100, 60), (121, 121)):
        filled.clock.now_s = first + after_s
        seen(filled, token)
        assert used() == first + told_s, after_s


def test_the_audit_says_by_which_token(filled: Fleet) -> None:
    token = made(filled)
    get(filled, "/api/v1/sensors/7", token)
    for _ in range(3):
        get(filled, "/api/v1/sensors/8", token)
    get(filled, "/api/v1/sensors", "wrong")
    row, look = (
        next(one for one in audit.newest(filled.site, OPERATOR, 9) if one.what == what)
        for what in ("looks.refused", "sensors.look")
    )
    assert (look.actor_kind, look.actor_id, look.fields["token"]) == (Kind.PERSON, 1, 1)
    assert (row.subject, row.fields) == ("sensor 8", {"token": 1})
    wrong = audit.newest(filled.site, OPERATOR, 1)[0]
    assert (wrong.what, wrong.subject, wrong.actor_id) == ("tokens.refused", "nobody", 0)
    filled.clock.now_s += 700
    looks.settle(filled.site)
    more = audit.newest(filled.site, OPERATOR, 1)[0]
    assert (more.what, more.fields) == ("looks.refused", {"more": 2, "token": 1})
    # The same look without the token is another one.
    sensors.look(filled.site, ADA, 7)
    assert "token" not in audit.newest(filled.site, OPERATOR, 1)[0].fields


@pytest.mark.parametrize("how", ["ended", "expired"])
def test_a_download_breaks_off_when_it_ends(filled: Fleet, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 5)
    token = made(filled, days=1)
    answer = filled.app.test_client().get(
        "/api/v1/sensors/7/readings.csv", headers={"Authorization": f"Bearer {token}"}, buffered=False
    )
    next(answer.response)
    if how == "ended":
        tokens.end(filled.site, ADA, 1)
    else:
        filled.clock.now_s += DAY_S
    with pytest.raises(ConnectionAbortedError):
        list(answer.response)


def test_an_applications_is_for_what_is_the_persons_own(filled: Fleet) -> None:
    places.begin_contract(filled.site, OPERATOR, 8, "ada", T0)
    by = Actor(Kind.PERSON, 1, by=Bearer(1, Scope(), 1, "Solar"))
    assert [one.id for one in sensors.mine(filled.site, by)] == [8]
    assert [one.id for one in sensors.mine(filled.site, ADA)] == [7, 8, 9]
    with pytest.raises(NotFoundError):
        sensors.look(filled.site, by, 7)


def test_it_costs_one_read_more_than_the_look_itself(filled: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made(filled)
    every = sensors.Span(0, 1 << 32)
    for _ in range(2):  # the look is in the audit
        get(filled, "/api/v1/sensors/7/readings", token)
        sensors.readings(filled.site, ADA, 7, -1, every, 5_000, None)
    connection = filled.archive.connection()
    asked: list[str] = []
    real = type(connection).execute

    def execute(self: object, query: str, *values: object) -> object:
        asked.append(query)
        return real(self, query, *values)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(connection), "execute", execute)
        assert get(filled, "/api/v1/sensors/7/readings", token).status_code == 200
        by_token = asked[:]
        asked.clear()
        holes.fill(filled.site, ADA, 7, -1, 0, 1 << 32, 3)
        sensors.readings(filled.site, ADA, 7, -1, every, 5_000, None)
    assert len(by_token) == len(asked) + 1, by_token


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(remote, [*words, "--config", str(tmp_path / "r/remote.toml")])
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    run("user", "add", "ada")
    said = run("tokens", "add", "ada", "--name", "report", "--sensor", "7", "--resolution", "day", "--no-export")
    assert said.startswith("gridecho_")
    assert len(said.splitlines()) == 1, "so that a script can take it"
    made_ = json.loads(run("tokens", "add", "ada", "--name", "other", "--days", "5", "--json"))
    assert made_["token"].startswith("gridecho_")
    listed = json.loads(run("tokens", "list", "ada", "--json"))
    assert [(one["id"], one["name"], one["opens"], one["used"]) for one in listed] == [
        (2, "other", "all sensors, every reading, export", None),
        (1, "report", "sensor 7, daily, no export", None),
    ]
    assert said.strip() not in run("tokens", "list", "ada")
    run("tokens", "end", "ada", "1")
    assert [one["id"] for one in json.loads(run("tokens", "list", "ada", "--json"))] == [2]
    assert "there is no token 1" in run("tokens", "end", "ada", "1", code=1)
    assert "there is no user eve" in run("tokens", "add", "eve", "--name", "x", code=1)
    assert "1 to 366 days" in run("tokens", "add", "ada", "--name", "x", "--days", "0", code=1)
