"""/openapi.json: what APIFlask tells of the operations, with what is the same for all of them, and a page of it for people."""

import re
from typing import Any

import orjson
from apiflask import APIFlask
from flask import Blueprint, Response, current_app, render_template

from ..rules.errors import RemoteError
from ..rules.sentences import sentence
from ..web.guard import Need, need_of, needs
from ..web.problems import TOKEN_READS
from ..web.unchanged import or_unchanged
from .answers import Problem
from .reference import page_of

reference = Blueprint("reference", __name__)

_ABOUT = """\
Readings, what is known of their sensors, and who may see them. What was not granted is answered as what is not there. Times are
Unix seconds (UTC), values integers in the unit of their quantity; days are the site's. A program shows a token
(`Authorization: Bearer …`) and reads; what changes something takes a login's cookie and its CSRF token. A long list comes in
pages: `next` is the address of the following one."""
_SCHEMES = {
    "login": {
        "type": "apiKey",
        "in": "cookie",
        "name": "gridecho",
        "description": "The cookie of somebody who logged in at /login.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "With the cookie, for what changes something: the token that `/api/v1/me` tells.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token for programs (/account/programs), or of an application by OAuth. It reads only.",
    },
}
_RETRY = {"Retry-After": {"description": "Come again after so many seconds.", "schema": {"type": "integer"}}}
# Status: (name, when, an error of it, headers).
_ERRORS: dict[int, tuple[str, str, RemoteError, dict[str, Any]]] = {
    400: ("Wrong", "What was asked cannot be.", RemoteError("query-span"), {}),
    401: ("NotLoggedIn", "No login and no token that is good.", RemoteError("log-in"), {}),
    403: ("NotSo", "A token reads only, or a one-time password has to be changed first.", TOKEN_READS, {}),
    404: ("NotFound", "It is not there, or was not granted.", RemoteError("nothing-here"), {}),
    413: ("TooLarge", "More was sent than is taken.", RemoteError("too-large"), {}),
    429: ("TooMany", "Too many calls, downloads, or wrong tokens.", RemoteError("downloads-all"), _RETRY),
    500: ("Failed", "What is stored is damaged, or the remote failed.", RemoteError("failed"), {}),
    503: ("Away", "The database cannot be reached now, or too much is under way.", RemoteError("storage-away"), _RETRY),
    507: ("Full", "The remote has no room.", RemoteError("storage-full"), _RETRY),
}
_OF_ALL = (400, 401, 403, 404, 429, 500, 503, 507)
# What stands in addresses: (what it is, an example).
_IN_PATH = {
    "sensor_id": ("The sensor's number.", 7),
    "group_id": ("The group's number.", 1),
    "number": ("Its number.", 1),
}
_MOST = (1 << 63) - 1
# Operations that take a file: of which kind, with an example of each.
_FILES = {
    "import_file": {
        "text/csv": "utc,1-0:1.8.0 [kWh]\n2026-12-01T00:00Z,1204.25\n2026-12-01T00:15Z,1204.5\n",
        "application/xml": '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">…</feed>',
    }
}


def set_document(app: APIFlask) -> None:
    """Has `app` describe its operations."""
    app.config.update(
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES=_SCHEMES,
        DESCRIPTION=_ABOUT,
        SERVERS=[{"url": "/"}],
    )

    @app.spec_processor
    def completed(document: Any) -> Any:
        return _completed(app, document)


@reference.get("/openapi.json")
@needs(Need.NOTHING)
def document() -> Response:
    """What can be called, as OpenAPI 3.1."""
    body = orjson.dumps(_document())
    return or_unchanged(Response(body, content_type="application/json"), body)


@reference.get("/api/v1/docs")
@needs(Need.NOTHING)
def page() -> str:
    """The same for people."""
    return render_template("reference.html", **page_of(_document()))


def _document() -> dict[str, Any]:
    app: Any = current_app
    found: dict[str, Any] = app._get_spec("json")  # made once
    return found


def _completed(app: APIFlask, document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    components["schemas"]["Problem"] = Problem.model_json_schema()
    components["responses"] = {name: _error(status) for status, (name, *_) in _ERRORS.items()}
    for rule in app.url_map.iter_rules():
        operations = document["paths"].get(re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), {})
        for method in operations.keys() & {one.lower() for one in rule.methods or ()}:
            _complete(operations[method], rule.endpoint, method, need_of(app, rule.endpoint))
    return _with_plain_names(document)


def _error(status: int) -> dict[str, Any]:
    _, when, error, headers = _ERRORS[status]
    example = {"type": "about:blank", "title": when, "status": status, "detail": sentence(error), "code": error.code}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example | {"fields": error.fields}}
    return {"description": when, "headers": headers, "content": {"application/problem+json": content}}


def _complete(operation: dict[str, Any], endpoint: str, method: str, need: Need | None) -> None:
    operation["operationId"] = endpoint.rpartition(".")[2]
    if operation["operationId"] in _FILES:
        kinds = _FILES[operation["operationId"]].items()
        content = {kind: {"schema": {"type": "string"}, "example": example} for kind, example in kinds}
        operation["requestBody"] = {"required": True, "content": content}
    reads = method == "get"
    if not reads:
        operation["security"] = [{"login": [], "csrf": []}]
    else:
        operation["security"] = [{"login": []}, *([{"token": []}] if need is Need.PERSON else [])]
    for one in operation["parameters"]:
        if one["in"] == "path":
            said, example = _IN_PATH[one["name"]]
            one |= {"description": said, "example": example}
            one["schema"] |= {"minimum": 0, "maximum": _MOST}
        else:
            one["schema"] = _in_address(one["schema"])
            one["description"] = one["schema"].pop("description", "")
    for status in (*_OF_ALL, *(() if reads else (413,))):
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{_ERRORS[status][0]}"})


def _in_address(schema: dict[str, Any]) -> dict[str, Any]:
    """What a value in an address is: one that is not there is left out, there is no null."""
    parts = [part for part in schema.pop("anyOf", []) if part != {"type": "null"}]
    for part in parts:
        schema |= part
    return {name: value for name, value in schema.items() if value is not None and name != "title"}


def _with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document, each model in it once, by its name: APIFlask has one that others have as a part of each of these."""
    text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode()
    text = re.sub(r'"#/components/schemas/\w+\.(\w+)"', r'"#/components/schemas/\1"', text)
    plain: dict[str, Any] = orjson.loads(text)
    schemas = plain["components"]["schemas"]
    plain["components"]["schemas"] = {name.rpartition(".")[2]: one for name, one in sorted(schemas.items())}
    return plain
