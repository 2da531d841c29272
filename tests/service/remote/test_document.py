"""/openapi.json: it tells all of the API, each of its examples is answered as it says, and its page is whole."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from gridecho_remote.web.guard import Need, need_of

from tests.rigs.api_city import STREAMS, City
from tests.rigs.fleet import Fleet

JSON, PROBLEM = "application/json", "application/problem+json"


@pytest.fixture
def city(fleet: Fleet) -> City:
    return City(fleet)


def check(city: City, schema: dict[str, Any], value: object) -> None:
    """The value is as the schema says; and has nothing that it does not name."""
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": city.document["components"]})
    validator.validate(value)
    _nothing_else(city, schema, value)


def _nothing_else(city: City, schema: dict[str, Any], value: object) -> None:
    while "$ref" in schema:
        schema = city.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", []):
        if value is not None and part != {"type": "null"}:
            _nothing_else(city, part, value)
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"])
        for name, one in value.items():
            _nothing_else(city, schema["properties"][name], one)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for one in value:
            _nothing_else(city, schema["items"], one)


def test_every_example_is_answered_as_it_says(city: City, tmp_path: Path) -> None:
    operations = city.operations()
    assert len(operations) > 40
    for name, (method, _, one) in operations.items():
        its = city
        if method != "get":  # what it changes no other example is to find so
            (tmp_path / name).mkdir()
            its = City(Fleet(tmp_path / name))
        answer = its.call(its.prepare(name), name)
        if name in STREAMS:
            assert (answer.status_code, answer.json["code"]) == (503, "live-here")
            continue
        ((status, said),) = [(int(status), said) for status, said in one["responses"].items() if status < "300"]
        assert answer.status_code == status, (name, answer.get_data(as_text=True))
        assert (status == 204) == ("content" not in said) == (not answer.data), name
        for kind, content in said.get("content", {}).items():
            assert answer.content_type == kind, name
            if kind == JSON:
                check(city, content["schema"], answer.json)
        if method != "get":
            its.fleet.close()


def test_every_example_is_refused_to_nobody_and_to_tokens_as_it_says(city: City) -> None:
    made = city.call(city.anna, "make_token")
    shown = {"Authorization": f"Bearer {made.json['token']}"}
    for name, (method, path, one) in city.operations().items():
        stranger = city.fleet.app.test_client()
        path = re.sub(r"{\w+}", "7", path)
        by_token = stranger.open(path, method=method.upper(), headers=shown)
        expected = 403 if method != "get" else 200 if {"token": []} in one["security"] else 404
        assert by_token.status_code in (expected, 404) or name in STREAMS, name
        for answer in (city.call(stranger, name), by_token):
            assert answer is by_token or answer.status_code == 401
            if answer.status_code >= 400:
                assert answer.content_type == PROBLEM
                ref = one["responses"][str(answer.status_code)]["$ref"].rpartition("/")[2]
                response = city.document["components"]["responses"][ref]
                check(city, response["content"][PROBLEM]["schema"], answer.json)


def test_all_of_the_api_is_in_it_and_nothing_else(city: City) -> None:
    app = city.fleet.app
    there = {
        (re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and need_of(app, rule.endpoint) is not Need.NOTHING
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert there == {(path, method) for path, some in city.document["paths"].items() for method in some}
    assert city.document["openapi"].startswith("3.1")
    for name, (method, _, one) in city.operations().items():
        assert one["summary"].endswith("."), name
        assert {"400", "401", "403", "404", "429", "503", "507"} <= set(one["responses"]), name
        reads = ([{"login": []}], [{"login": []}, {"token": []}])
        assert one["security"] in (reads if method == "get" else ([{"login": [], "csrf": []}],)), name
        for item in one["parameters"]:
            assert item["description"], (name, item["name"])
    assert len(city.operations()) == len(there), "operationIds are unique"


def test_it_is_not_sent_twice(city: City) -> None:
    client = city.fleet.app.test_client()
    answer = client.get("/openapi.json")
    assert client.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_its_page_has_all_of_it_and_no_script_of_others(city: City) -> None:
    assert 'href="/api/v1/docs"' in city.anna.get("/account/programs").text
    page = city.fleet.app.test_client().get("/api/v1/docs")
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    for name, (_, path, _) in city.operations().items():
        assert f'id="{name}"' in text and f"<code>{path}</code>" in text
    for name, one in city.document["components"]["schemas"].items():
        assert ("properties" not in one) or f'id="model-{name}"' in text
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets <= set(re.findall(r'id="([^"]+)"', text))
    assert not re.search(r"<script(?![^>]*src=\"/)|style=|https?://(?!127)", text)


def test_a_wrong_body_is_a_problem(city: City) -> None:
    headers = {"X-CSRFToken": city.csrf[city.anna]}
    good = {"user": "ulf", "scope": {"region": "north"}}
    for body, code, where in (
        (b"", "body-json", None),
        (b"[" * 60_000, "body-json", None),
        (b'{"user": NaN}', "body-json", None),
        (b'{"user": "\\ud800"}', "body-json", None),
        (b"[]", "body-wrong", "all of it"),
        (orjson.dumps(good | {"more": 1}), "body-wrong", "more"),
        (orjson.dumps(good | {"user": 5}), "body-wrong", "user"),
        (orjson.dumps(good | {"user": "u\0"}), "body-wrong", "user"),
        (orjson.dumps(good | {"scope": {"k": True}}), "body-wrong", "scope.k"),
        (orjson.dumps(good | {"scope": {"quantities": ["x"]}}), "body-wrong", "scope.quantities.0"),
        (orjson.dumps(good | {"scope": {"region": ""}}), "region-wrong", None),
        (orjson.dumps(good | {"scope": {}}), "grant-empty", None),
        (orjson.dumps(good | {"user": "nobody"}), "user-unknown", None),
    ):
        answer = city.anna.post("/api/v1/grants", data=body, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (400, code), body[:40]
        assert answer.json["fields"].get("where") == where
    answer = city.anna.post("/api/v1/grants/1/narrow", data=b"{}", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (400, "grant-same")
    assert city.anna.post("/api/v1/grants", data=bytes(70_000), headers=headers).status_code == 413
    answer = city.anna.post("/api/v1/grants", json=good)
    assert (answer.status_code, answer.json["code"]) == (400, "csrf-missing")


def test_a_wrong_value_is_a_problem(city: City) -> None:
    for query, code, fields in (
        ("limit=0", "query-number", {"name": "limit", "least": 1, "most": 10_000}),
        ("limit=" + "9" * 5_000, "query-number", {"name": "limit", "least": 1, "most": 10_000}),
        ("from=false", "query-number", {"name": "from", "least": 0, "most": 1 << 32}),
        ("from=5&to=4", "query-span", {}),
        ("after=1.2.3", "query-after", {}),
        ("quantities=x", "query-quantity", {"name": "'x'"}),
    ):
        answer = city.ulf.get(f"/api/v1/sensors/7/readings?{query}")
        assert (answer.status_code, answer.json["code"], answer.json["fields"]) == (400, code, fields)
        assert answer.content_type == PROBLEM
    answer = city.ulf.get("/api/v1/sensors/7/energy?unit=year")
    assert answer.json["fields"] == {"name": "unit", "choices": "quarter, hour, day, month"}
    answer = city.ulf.get("/api/v1/regions/energy?region=" + "x" * 501)
    assert answer.json["fields"] == {"name": "region", "most": 500}
    for path in ("sensors/7/energy", "regions/energy"):
        for day in ("0001-01-01", "9999-12-31", "2027-02-30", "1700000000", ""):
            assert city.ulf.get(f"/api/v1/{path}?to={day}").status_code in (200, 400), day
