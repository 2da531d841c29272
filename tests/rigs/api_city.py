"""A small city for the document of the API: what its examples name is there, and somebody of each kind calls."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.app import create_app
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.rules.verification import Claim
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import applications, consents, places

from tests.rigs.fleet import PASSWORD, Fleet, give_role
from tests.rigs.group_bars import make_group, report_bars

# Events need a server of ours: tests/service/remote/test_streams.py has one.
STREAMS = {"live_readings", "live_sensors"}
T0, DAY_S = 1_800_000_000, 86_400


class Register:
    """Knows whoever asks."""

    def look_up(self, claim: Claim) -> Mapping[str, Any]:
        """What it says of them."""
        return {"name": claim.name, "organisation": claim.organisation}


class City:
    """`anna` runs and decides on everything, and has a contract of sensor 7; `ulf` sees the sensors of the north."""

    def __init__(self, fleet: Fleet) -> None:
        fleet.clock.now_s = T0 - 2 * DAY_S
        fleet.site = replace(fleet.site, registry=Register())
        fleet.app = create_app(fleet.site)
        self.fleet, self.document = fleet, fleet.app.test_client().get("/openapi.json").json
        self.anna, self.ulf = fleet.person("anna"), fleet.person("ulf")
        for kind in ("operator", "administrator", "auditor"):
            give_role(fleet.archive, "anna", kind)
        add_grant(fleet.archive, "anna", region="north")
        add_grant(fleet.archive, "ulf", region="north")
        places.begin_contract(fleet.site, OPERATOR, 7, "anna", T0 - 9 * DAY_S)
        applications.add(fleet.site, OPERATOR, "Solar", ["https://solar.example/"], secret=False)
        (solar,) = applications.all_applications(fleet.site, OPERATOR)
        consents.give(fleet.site, person(1), solar, Scope(), 5, "a code", "https://solar.example/", "x")
        for sensor_id in (7, 8):
            readings = [
                Reading(T0 - 2 * DAY_S + 900 * n, {ENERGY_IMPORT: 100 * n, POWER_IMPORT: 400}) for n in range(180)
            ]
            for begin in range(0, len(readings), 30):
                fleet.send(fleet.frame(sensor_id, readings[begin : begin + 30]))
        fleet.send(fleet.frame(7, [Reading(0, {POWER_IMPORT: 7})], epoch=2))
        fleet.clock.now_s = T0
        group = make_group(fleet, [1, 2], turns=1)
        report_bars(fleet, group, [1, 2])
        self.ulf.get("/api/v1/sensors/7/energy")
        self.csrf = {client: client.get("/api/v1/me").json["csrf"] for client in (self.anna, self.ulf)}
        asked = self.operations()["ask_for_access"][2]["requestBody"]["content"]["application/json"]["example"]
        self.write(self.ulf, "post", "/api/v1/requests", asked | {"draft": True})

    def write(self, client: FlaskClient, method: str, path: str, body: object = None) -> Any:
        """The answer to somebody who changes something."""
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return client.open(path, method=method.upper(), headers={"X-CSRFToken": self.csrf[client]}, **sent)

    def prepare(self, operation_id: str) -> FlaskClient:
        """Brings about what an operation's example needs, and gives who is to call it."""
        if operation_id in ("one_request", "ask_draft", "withdraw_request"):
            return self.ulf
        if operation_id in ("verify_request", "confirm_request", "refuse_request", "grant_request"):
            self.write(self.ulf, "post", "/api/v1/requests/1/ask")
        if operation_id == "grant_request":
            self.write(self.anna, "post", "/api/v1/requests/1/confirm", {"text": "it is he"})
        if operation_id == "take_import_back":
            self.call(self.anna, "import_file", preview=0)
        if operation_id == "end_token":
            self.write(self.anna, "post", "/api/v1/me/tokens", {"name": "x", "password": PASSWORD, "days": 3})
        return self.anna

    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """(method, path, what the document says), by operationId."""
        return {
            one["operationId"]: (method, path, one)
            for path, some in self.document["paths"].items()
            for method, one in some.items()
        }

    def call(self, client: FlaskClient, operation_id: str, **query_too: int) -> Any:
        """The answer to an operation's example."""
        method, path, one = self.operations()[operation_id]
        query = {}
        for item in one["parameters"]:
            example = item.get("example", next(iter(item["schema"].get("examples", [])), None))
            if item["in"] == "path":
                path = path.replace("{" + item["name"] + "}", str(example))
            elif example is not None:
                query[item["name"]] = example
        query |= query_too
        kind, content = next(iter(one.get("requestBody", {}).get("content", {}).items()), ("", {}))
        headers = {"X-CSRFToken": self.csrf[client]} if client in self.csrf else {}
        sent: dict[str, Any] = {} if "example" not in content else {"json": content["example"]}
        if kind not in ("", "application/json"):
            sent = {"data": content["example"], "content_type": kind}
        return client.open(path, method=method.upper(), query_string=query, headers=headers, **sent)
