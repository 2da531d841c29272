"""The document of the API as plain lists, for its page."""

from collections.abc import Iterator
from typing import Any

_MANY = 1 << 32  # a greater limit is none that anybody comes to
_METHODS = ("get", "post", "put", "patch", "delete")


def page_of(document: dict[str, Any]) -> dict[str, Any]:
    """What the page shows: the operations by subject, the models, and how to come in."""
    operations = [
        _operation(path, method, some[method])
        for path, some in sorted(document["paths"].items())
        for method in _METHODS
        if method in some
    ]
    subjects = [one["name"] for one in document["tags"]]
    schemas = document["components"]["schemas"]
    return {
        "info": document["info"],
        "subjects": [(name, [one for one in operations if one["subject"] == name]) for name in subjects],
        "models": [
            (name, one.get("description", ""), list(_fields(one)))
            for name, one in schemas.items()
            if "properties" in one
        ],
        "errors": [
            (name, one["description"], one["content"]["application/problem+json"]["example"])
            for name, one in document["components"]["responses"].items()
        ],
        "schemes": document["components"]["securitySchemes"],
    }


def _operation(path: str, method: str, one: dict[str, Any]) -> dict[str, Any]:
    body = one.get("requestBody", {}).get("content", {}).get("application/json")
    given = {item["name"]: _example(item) for item in one["parameters"]}
    query = "&".join(f"{item['name']}={given[item['name']]}" for item in one["parameters"] if _is_shown(item, given))
    return {
        "id": one["operationId"],
        "subject": one["tags"][0],
        "method": method.upper(),
        "path": path,
        "call": _filled(path, given) + (f"?{query}" if query else ""),
        "summary": one["summary"],
        "description": one.get("description", ""),
        "parameters": [
            {
                "name": item["name"],
                "where": item["in"],
                "required": item.get("required", False),
                "type": words(item["schema"]),
                "default": item["schema"].get("default"),
                "says": item.get("description", ""),
            }
            for item in one["parameters"]
        ],
        "body": body and {"model": _name(body["schema"]), "example": body.get("example")},
        "answers": [
            (status, kind, _name(content.get("schema", {})), answer.get("description", ""))
            for status, answer in one["responses"].items()
            if "content" in answer
            for kind, content in answer["content"].items()
        ],
        "reads": {"token": []} in one.get("security", []),
    }


def _is_shown(parameter: dict[str, Any], given: dict[str, Any]) -> bool:
    return parameter["in"] == "query" and given[parameter["name"]] is not None


def _filled(path: str, given: dict[str, Any]) -> str:
    for name, example in given.items():
        path = path.replace("{" + name + "}", str(example))
    return path


def _example(parameter: dict[str, Any]) -> Any:
    return parameter.get("example", next(iter(parameter["schema"].get("examples", [])), None))


def _fields(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, one in schema["properties"].items():
        examples = one.get("examples") or [
            example for part in one.get("anyOf", []) for example in part.get("examples", [])
        ]
        yield {
            "name": name,
            "type": words(one),
            "model": _name(one),
            "required": name in schema.get("required", []),
            "says": one.get("description", ""),
            "example": examples[0] if examples else None,
        }


def _name(schema: dict[str, Any]) -> str | None:
    """The model that a schema is of, or that is in its list."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    parts = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    for part in parts:
        if found := _name(part):
            return found
    return None


def words(schema: dict[str, Any]) -> str:
    """What a value is, such as "integer from 0 to 30, or null"."""
    if "$ref" in schema:
        return str(_name(schema))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        parts = [words(part) for part in schema["anyOf"]]
        return ", or ".join(dict.fromkeys(parts))
    if schema.get("type") == "array":
        return f"list of {words(schema.get('items', {}))}"
    said = str(schema.get("format") or schema.get("const") or schema.get("type", "anything"))
    if "minimum" in schema and "maximum" in schema:
        said += f" from {schema['minimum']:,}" + (f" to {schema['maximum']:,}" if schema["maximum"] < _MANY else "")
    if "maxLength" in schema:
        said += f", {schema['maxLength']:,} characters at most"
    return said
