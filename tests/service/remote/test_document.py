"""/openapi.json: it tells all of the API, each of its examples is answered as it says, and its page is whole."""

import re
from typing import Any

import jsonschema_rs
import pytest
from gridecho_remote.web.guard import Need, need_of

from tests.rigs.api_city import City
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


def test_every_example_is_answered_as_it_says(city: City) -> None:
    operations = city.operations()
    assert len(operations) > 10
    for name, (_, _, one) in operations.items():
        answer = city.call(city.anna, name)
        assert answer.status_code == 200, (name, answer.get_data(as_text=True))
        ((kind, content),) = one["responses"]["200"]["content"].items()
        assert answer.content_type == kind, name
        if kind == JSON:
            check(city, content["schema"], answer.json)
        assert answer.data, name


def test_every_example_is_refused_to_nobody_as_it_says(city: City) -> None:
    for name, (method, _, one) in city.operations().items():
        answer = city.call(city.fleet.app.test_client(), name)
        assert answer.status_code == (401 if method == "get" else 400), name
        assert answer.content_type == PROBLEM
        ref = one["responses"][str(answer.status_code)]["$ref"].rpartition("/")[2]
        check(city, city.document["components"]["responses"][ref]["content"][PROBLEM]["schema"], answer.json)


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
        assert one["security"] == ([{"login": []}, {"token": []}] if method == "get" else [{"login": [], "csrf": []}])
        for item in one["parameters"]:
            assert item["description"], (name, item["name"])
    assert len(city.operations()) == len(there), "operationIds are unique"


def test_it_is_not_sent_twice(city: City) -> None:
    client = city.fleet.app.test_client()
    answer = client.get("/openapi.json")
    assert client.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_its_page_has_all_of_it_and_no_script_of_others(city: City) -> None:
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


def test_a_body_that_is_no_json_and_a_wrong_value_are_problems(city: City) -> None:
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
