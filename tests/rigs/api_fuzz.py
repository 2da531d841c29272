"""What schemathesis makes of the document of the API, sent to it: each answer is one that the document tells of."""

import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode, checks

from tests.rigs.api_city import STREAMS, City

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
Took = Callable[[str, float], None]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
MOST_BYTES = 4_000_000  # of an answer; a page of readings has 10,000


def fuzz(
    city: City, client: FlaskClient | None, examples: int, number: int, took: Took = lambda name, took_s: None
) -> Counter[tuple[str, int]]:
    """Calls each operation so often as somebody (None: nobody): how often it answered with which status.

    `took` hears of each answer how long it took.
    """
    schema = schemathesis.openapi.from_dict(_fitting(city.document))
    schema.app = city.fleet.app
    # Over WSGI it asks for gzip and does not unpack it.
    sent: dict[str, Any] = {"headers": {"Accept-Encoding": "identity"}}
    if client is not None:
        cookie = client.get_cookie("gridecho")
        assert cookie is not None
        sent["cookies"] = {"gridecho": cookie.value}
        sent["headers"]["X-CSRFToken"] = city.csrf[client]
    seen: Counter[tuple[str, int]] = Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        name = str(operation.definition.raw["operationId"])
        if name not in STREAMS:
            _call(operation, name, sent, examples, number, took, seen)
    return seen


def _fitting(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what is shown to come in, which is somebody's, and with numbers in addresses that are often there."""
    document = deepcopy(document)
    for some in document["paths"].values():
        for one in some.values():
            del one["security"]
            for item in one["parameters"]:
                if item["in"] == "path":
                    item["schema"] = {"type": "integer", "enum": [1, 7, 8]}
    return document


def _call(
    operation: Any,
    name: str,
    sent: dict[str, Any],
    examples: int,
    number: int,
    took: Took,
    seen: Counter[tuple[str, int]],
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=POSITIVE) | operation.as_strategy(generation_mode=NEGATIVE))
    def call(case: Any) -> None:
        begun_s = time.monotonic()
        answer = case.call(**sent)
        took(name, time.monotonic() - begun_s)
        case.validate_response(answer, checks=CHECKS)
        assert len(answer.content) <= MOST_BYTES, name
        seen[name, answer.status_code] += 1

    call()
