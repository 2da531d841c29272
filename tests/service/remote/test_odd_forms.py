"""Odd forms, addresses, headers and bodies: each gets an answer of its kind, none an error of the remote's, whoever sends it."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use.enrolment_files import read_entries
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BuildError
from werkzeug.test import TestResponse

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, give_role
from tests.rigs.hostile.person import ODD_TEXTS, mutated, odd_forms

FORM = b"name=ada&password=x&next=/&after_s=5&after_forwards=1&period_s=60&relays=1,2"
FIELDS = sorted(part.partition("=")[0] for part in FORM.decode().split("&")) + ["present", "again", "csrf_token"]
QUERY = [
    "relay",
    "have",
    "after",
    "before",
    "term",
    "from",
    "to",
    "limit",
    "points",
    "quantities",
    "stored_since",
    "unit",
]
HEADERS = [
    *("Cookie", "Host", "Accept", "Accept-Encoding", "Content-Type", "Content-Encoding", "Authorization", "Range"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "Referer", "Origin", "If-None-Match", "If-Modified-Since", "Expect"),
]
GROUP = {"name": "g", "after_s": "3600", "period_s": "60"}


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    fleet.app.config["WTF_CSRF_ENABLED"] = False  # which would answer most of it
    fleet.app.config["PROPAGATE_EXCEPTIONS"] = False
    fleet.send(fleet.frame(7, {2: 5}))
    return fleet


@pytest.fixture
def operator(fleet: Fleet) -> FlaskClient:
    client = fleet.person()
    give_role(fleet.archive, "ada")
    add_grant(fleet.archive, "ada", region="north")
    assert client.post("/groups", data=GROUP).status_code == 302
    return client


def well_answered(fleet: Fleet, answer: TestResponse, *sent: object) -> None:
    with closing(answer):
        said = answer.get_data().decode(errors="replace")
    # Events need a server of ours, which this client is not.
    assert answer.status_code < 500 or '"live-here"' in said, (sent, said[-500:])
    if answer.status_code == 400:
        assert said, sent
    fleet.clock.now_s += 61  # no limit of guesses stands before the next one


def addresses(app: Flask, chance: random.Random, each: int) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, path) of every route and method, with odd numbers in the path."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for _ in range(each):
                numbers = [1, 7, 0, 2**31, 2**32, 2**63, 2**64, 10**30]
                given = {
                    name: chance.choice([*numbers, quote(chance.choice(ODD_TEXTS)[:500])]) for name in rule.arguments
                }
                try:
                    built = rule.build(given, append_unknown=False)
                except (BuildError, ValueError):
                    built = rule.build(dict.fromkeys(rule.arguments, 7), append_unknown=False)
                assert built is not None
                yield rule.endpoint, method, built[1]


def test_every_route_takes_odd_forms(fleet: Fleet, operator: FlaskClient) -> None:
    chance = random.Random(16)
    stranger = fleet.app.test_client()
    for endpoint, method, path in addresses(fleet.app, chance, 12):
        (form,) = odd_forms(FIELDS, chance, 1)
        query = MultiDict(one for one in next(odd_forms(QUERY, chance, 1)) if chance.random() < 0.3)
        ends = endpoint in ("pages.log_out", "pages.password", "pages.end_login")
        client = stranger if ends or chance.random() < 0.2 else operator
        sent: dict[str, object] = {"data": MultiDict(form)}
        if chance.random() < 0.5:
            sent = {"data": mutated(FORM, chance), "content_type": "application/x-www-form-urlencoded"}
        well_answered(fleet, client.open(path, method=method, query_string=query, **sent), endpoint, path, query, sent)


@pytest.mark.usefixtures("only_sqlite")
@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_every_field_takes_each_odd_text(fleet: Fleet, operator: FlaskClient, text: str) -> None:
    login = {"name": "ada", "password": PASSWORD}
    for field in ("name", "password", "next"):
        answer = fleet.app.test_client().post("/login", data=login | {field: text})
        well_answered(fleet, answer, field)
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/") and not answer.headers["Location"].startswith(
                ("//", "/\\")
            )
    for field in GROUP:
        well_answered(
            fleet, operator.post("/groups", data=GROUP | {field: text[:60] if field == "name" else text}), field
        )
        well_answered(fleet, operator.post("/groups/1/settings", data=GROUP | {field: text}), field)
    well_answered(fleet, operator.post("/groups/1/join", data={"relays": text}))
    well_answered(fleet, operator.post("/password", data={"present": text, "password": text, "again": text}))
    well_answered(fleet, fleet.app.test_client().get("/" + quote(text[:3_000])))
    well_answered(fleet, fleet.app.test_client().get("/static/" + quote(text[:3_000])))
    in_header = text.translate({0: None, 10: None, 13: None}).encode().decode("latin-1")[:5_000]
    for name in HEADERS:
        sent = {name: f"gridecho={in_header}" if name == "Cookie" else in_header}
        for path in ("/login", "/static/theme.js", "/api/v1/sensors", "/relay/v1/keys?relay=1"):
            well_answered(fleet, fleet.app.test_client().get(path, headers=sent), path, name)
        well_answered(fleet, fleet.app.test_client().post("/login", data=FORM, headers=sent), name)
    beat = {"relay": 1, "pull_url": text, "group_url": text, "every_s": text, "pulled": text, "word": text, "x": text}
    for some in (beat, {"relay": 1, "x": text}, {"relay": 1, "pulled": [{"id": text}]}, {"relay": text}):
        well_answered(fleet, fleet.bring("heartbeat", json.dumps(some).encode()), some)
    code = json.dumps({"code": ("c" * 8 + text)[:64], "nonce": "0" * 32, "name": text[:64]})
    well_answered(fleet, fleet.bring("enrol", code.encode()))


@pytest.mark.usefixtures("only_sqlite")
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 40_000, b'{"relay":1,"x":' + b"[" * 100_000),
        *(b'{"relay":1,"x":1e999}', b'{"relay":1,"x":NaN}', b'{"relay":1,"x":' + b"9" * 5_000 + b"}"),
        *(b'{"relay":1,"x":"\\ud800"}', b'{"relay":1,"\\ud800":1}', b'{"relay":1,"x":"\\u0000"}', b'{"relay":true}'),
        *(b'{"relay":1,"pulled":[{"id":"9999999999999999999"}]}', b'{"relay":1e0}'),
        b'{"code":"\\ud800aaaaaaaa","nonce":"' + b"0" * 32 + b'"}',
    ],
    ids=range(17),
)
def test_odd_json(fleet: Fleet, body: bytes) -> None:
    for word in ("heartbeat", "enrol", "carry", "batch", "index"):
        answer = fleet.bring(word, body)
        well_answered(fleet, answer, word)
        if answer.status_code != 200:
            assert answer.json["detail"]


@pytest.mark.usefixtures("only_sqlite")
@pytest.mark.parametrize("path", ["/login", "/logout", "/password", "/groups", "/groups/1/settings", "/groups/1/join"])
def test_forms_of_other_kinds(fleet: Fleet, operator: FlaskClient, path: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\nada\r\n'
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain; charset=\xff",
    ):
        for body in (b"", b"--x\r\n", part + b"--x--\r\n", part * 500, b"a=b&" * 16_000, b"name=%ff&password=%00"):
            answer = operator.post(path, data=body, content_type=kind)
            well_answered(fleet, answer, kind, body[:40])
            if kind.startswith("multipart"):
                assert answer.status_code == 400


@pytest.mark.usefixtures("only_sqlite")
def test_a_file_in_place_of_a_name_with_a_good_token(fleet: Fleet) -> None:
    fleet.app.config["WTF_CSRF_ENABLED"] = True
    client = fleet.app.test_client()
    token = csrf_token(client.get("/login"))
    body = b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token.encode() + b"\r\n"
    body += b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\nada\r\n--x--\r\n'
    answer = client.post("/login", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400 and "form with files" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"format": ' * 100_000, "null", "[]", '{"format": "gridecho enrolment 1", "sensors": 5}']
)
def test_odd_enrolment_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sensors.enrol"
    path.write_text(text)
    with pytest.raises(RemoteError) as refused:
        read_entries(path)
    assert refused.value.code == "file-no-enrolment"
