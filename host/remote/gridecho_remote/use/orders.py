"""Orders: what the operator has sensors take over, and how relays come by it."""

from ..rules.actor import Actor
from ..store import enrol, orders
from ..store.orders import OrderInfo
from .site import Site

__all__ = ("OrderInfo",)

_MOST_ID = (1 << 32) - 1


def push_config(site: Site, actor: Actor, sensor_id: int, content: bytes) -> int:
    """The version of the new order: this config.json for the sensor. Raises RemoteError if the sensor could not use it."""
    actor.require_operator()
    return orders.push_config(site.archive, sensor_id, content)


def push_firmware(site: Site, actor: Actor, sensor_id: int | None, content: bytes) -> dict[int, int]:
    """The versions of the new orders, by sensor: this firmware set for one, or for all (None). Raises RemoteError."""
    actor.require_operator()
    chosen = [info.id for info in enrol.sensors(site.archive)] if sensor_id is None else [sensor_id]
    return orders.push_firmware(site.archive, chosen, content)


def all_orders(site: Site, actor: Actor) -> list[OrderInfo]:
    """All orders there ever were, by sensor and version."""
    actor.require_operator()
    return orders.orders(site.archive)


def waiting(site: Site, actor: Actor, have: int | None) -> tuple[int, list[dict[str, int]]] | None:
    """The version of what waits, and sensor_id, key_id and version of the order that each sensor is to take next; for relays.

    None if `have` is the present version.
    """
    actor.require_relay()
    version = site.archive.orders_version
    # Read after the version: what is newer than it is fetched again, never missed.
    return None if have == version else (version, orders.waiting(site.archive))


def sealed(site: Site, actor: Actor, sensor_id: int) -> bytes | None:
    """The order that a sensor is to take next, sealed for it; None if none waits. For relays."""
    actor.require_relay()
    return orders.sealed_order(site.archive, sensor_id) if sensor_id <= _MOST_ID else None
