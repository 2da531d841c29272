"""/api/v1/relays, orders: how the fleet is, for operators."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

from ..use import orders, relays
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Next, Time
from .parameters import Query, Token1, Token2, limit, page_token

fleet_api = APIBlueprint("fleet_api", __name__, url_prefix="/api/v1", tag="Relays and orders")

_MOST = 1_000


class RelaysQuery(Query):
    """Which of the relays."""

    limit: int = limit(_MOST)
    after: Token1 = page_token()


class OrdersQuery(Query):
    """Which of the orders."""

    limit: int = limit(_MOST)
    after: Token2 = page_token()


class Relay(Answer):
    """A relay: what its last heartbeat said (null: it said nothing of it), and what the index says that it holds."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["Relay 1"])
    heartbeat_s_ago: int | None = Field(examples=[4])
    store_full_percent: int | None = Field(examples=[3])
    buffer_full_percent: int | None = Field(examples=[0])
    clock_ahead_ms: int | None = Field(description="Its own clock, before the remote's.", examples=[12])
    readings_held: int | None = Field(examples=[12_000])
    outbox: int | None = Field(description="Frames that wait to be forwarded.", examples=[0])
    index_data: int = Field(examples=[300])
    index_runs: int = Field(examples=[4])
    pull_url: str | None = Field(description="Where it is asked; null: it calls.", examples=[None])
    late: bool = Field(description="Whether its next heartbeat should have come.", examples=[False])
    group_id: int | None = Field(examples=[1])
    group: str | None = Field(examples=["Block A"])


class RelayPage(Answer):
    """Relays by id."""

    relays: list[Relay]
    next: Next


class Order(Answer):
    """What a sensor is to take over, or took."""

    sensor: int = Field(examples=[7])
    kind: str = Field(description="config, firmware or key.", examples=["config"])
    version: int = Field(examples=[2])
    state: str = Field(examples=["waits"])
    bytes: int = Field(examples=[900])
    created_s: Time


class OrderPage(Answer):
    """Orders by sensor and version."""

    orders: list[Order]
    next: Next


@fleet_api.get("/relays")
@needs(Need.OPERATOR)
@fleet_api.input(RelaysQuery, "query", arg_name="asked")
@fleet_api.output(RelayPage)
def all_relays(asked: RelaysQuery) -> dict[str, Any]:
    """The relays, by id. For operators."""
    after = asked.after[0] if asked.after else -1
    found = relays.all_relays(the_site(), the_actor(), after, asked.limit + 1)
    shown = found[: asked.limit]
    more = url_for("fleet_api.all_relays", after=shown[-1].id, limit=asked.limit) if found[asked.limit :] else None
    return {"relays": list(map(asdict, shown)), "next": more}


@fleet_api.get("/orders")
@needs(Need.OPERATOR)
@fleet_api.input(OrdersQuery, "query", arg_name="asked")
@fleet_api.output(OrderPage)
def all_orders(asked: OrdersQuery) -> dict[str, Any]:
    """The orders that there ever were, by sensor and version, without their content. For operators."""
    found = orders.all_orders(the_site(), the_actor(), asked.after or (-1, -1), asked.limit + 1)
    shown = found[: asked.limit]
    more = None
    if found[asked.limit :]:
        last = f"{shown[-1].sensor}.{shown[-1].version}"
        more = url_for("fleet_api.all_orders", after=last, limit=asked.limit)
    return {"orders": list(map(asdict, shown)), "next": more}
