"""A small city for the document of the API: what its examples name is there, and somebody of each kind calls."""

from typing import Any

from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import places

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.group_bars import make_group, report_bars

T0, DAY_S = 1_800_000_000, 86_400


class City:
    """`anna` runs and decides on everything, and has a contract of sensor 7; `ulf` sees the sensors of the north."""

    def __init__(self, fleet: Fleet) -> None:
        fleet.clock.now_s = T0 - 2 * DAY_S
        self.fleet, self.document = fleet, fleet.app.test_client().get("/openapi.json").json
        self.anna, self.ulf = fleet.person("anna"), fleet.person("ulf")
        for kind in ("operator", "administrator", "auditor"):
            give_role(fleet.archive, "anna", kind)
        add_grant(fleet.archive, "anna", region="north")
        add_grant(fleet.archive, "ulf", region="north")
        places.begin_contract(fleet.site, OPERATOR, 7, "anna", T0 - 9 * DAY_S)
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

    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """(method, path, what the document says), by operationId."""
        return {
            one["operationId"]: (method, path, one)
            for path, some in self.document["paths"].items()
            for method, one in some.items()
        }

    def call(self, client: FlaskClient, operation_id: str, csrf: str = "") -> Any:
        """The answer to an operation's example."""
        method, path, one = self.operations()[operation_id]
        query = {}
        for item in one["parameters"]:
            example = item.get("example", next(iter(item["schema"].get("examples", [])), None))
            if item["in"] == "path":
                path = path.replace("{" + item["name"] + "}", str(example))
            elif example is not None:
                query[item["name"]] = example
        body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        headers = {"X-CSRFToken": csrf} if csrf else {}
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return client.open(path, method=method.upper(), query_string=query, headers=headers, **sent)
