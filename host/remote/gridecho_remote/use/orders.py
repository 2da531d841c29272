"""Orders: what the operator has sensors take over, and how relays come by it."""

from collections.abc import Iterable

from gridecho.config import read_config
from gridecho.errors import CodecError, ConfigError
from gridecho.fileset import SetReader
from gridecho.orders import CONFIG, FIRMWARE, KEY, MAX_CONFIG_BYTES, MAX_FIRMWARE_BYTES
from gridecho.quantities import CONFIG_VERSION
from gridecho_common.board_json import board_text

from ..rules.actor import Actor
from ..rules.errors import RemoteError
from ..store import enrol, orders
from ..store.orders import OrderInfo
from .audit import note, noted
from .site import Site

__all__ = ("OrderInfo",)

_MOST_ID = (1 << 32) - 1


def push_config(site: Site, actor: Actor, sensor_id: int, content: bytes) -> int:
    """The version of the new order: this config.json for the sensor. Raises RemoteError if the sensor could not use it."""
    actor.require_terminal()
    key = enrol.sensor_key(site.archive, sensor_id)
    if key is None:
        raise RemoteError("sensor-unknown", sensor_id=sensor_id)
    try:
        config = read_config(content.decode())
        content = board_text(content.decode())
    except UnicodeError:
        raise RemoteError("config-text") from None
    except ConfigError as error:
        raise RemoteError("config-wrong", key=error.key, expected=error.expected) from None
    if len(content) > MAX_CONFIG_BYTES:
        raise RemoteError("config-long", most=MAX_CONFIG_BYTES, length=len(content))
    if config.sensor_id != sensor_id or config.key_id != key[0]:
        raise RemoteError(
            "config-other",
            sensor_id=sensor_id,
            key_id=key[0],
            other_id=config.sensor_id,
            other_key_id=config.key_id,
        )
    if sensor_id in enrol.sensors_with_next_key(site.archive):
        raise RemoteError("config-before-key", sensor_id=sensor_id)
    with noted(site, actor, "orders.push_config", f"sensor {sensor_id}", bytes=len(content)) as fields:
        version = orders.put(site.archive, [sensor_id], CONFIG, content, site.clock())[sensor_id]
        fields["version"] = version
    return version


def push_firmware(site: Site, actor: Actor, sensor_ids: Iterable[int] | None, content: bytes) -> dict[int, int]:
    """The versions of the new orders, by sensor: this firmware set for each, or for all there are (None). Raises RemoteError."""
    actor.require_terminal()
    if len(content) > MAX_FIRMWARE_BYTES:
        raise RemoteError("firmware-long", most=MAX_FIRMWARE_BYTES, length=len(content))
    reader = SetReader(_Nowhere())
    try:
        reader.feed(content)
    except CodecError as error:
        raise RemoteError("firmware-wrong", what=error.what) from None
    if not reader.done():
        raise RemoteError("firmware-cut")
    chosen = [info.id for info in enrol.sensors(site.archive)] if sensor_ids is None else list(sensor_ids)
    for sensor_id in chosen:
        if enrol.sensor_key(site.archive, sensor_id) is None:
            raise RemoteError("sensor-unknown", sensor_id=sensor_id)
    with site.archive.writing():
        versions = orders.put(site.archive, chosen, FIRMWARE, content, site.clock())
        for sensor_id, version in versions.items():
            note(site, actor, "orders.push_firmware", f"sensor {sensor_id}", bytes=len(content), version=version)
    return versions


def push_key(site: Site, actor: Actor, sensor_id: int, key_id: int, root: bytes) -> int:
    """The version of the new order: this root key, under another key id, for a sensor that takes orders. Raises RemoteError.

    Until the sensor tells that the key is in force, its old one is, and relays know both.
    """
    actor.require_terminal()
    key = enrol.sensor_key(site.archive, sensor_id)
    if key is None:
        raise RemoteError("sensor-unknown", sensor_id=sensor_id)
    if not 0 <= key_id < 256 or len(root) != 32:
        raise RemoteError("key-form")
    if key_id == key[0]:
        raise RemoteError("key-id-same", sensor_id=sensor_id, key_id=key_id)
    if CONFIG_VERSION not in orders.sensor_state(site.archive, sensor_id):
        raise RemoteError("orders-untold", sensor_id=sensor_id)
    with noted(site, actor, "orders.push_key", f"sensor {sensor_id}", key_id=key_id) as fields:
        version = orders.put(site.archive, [sensor_id], KEY, bytes([key_id]) + root, site.clock())[sensor_id]
        enrol.set_next_key(site.archive, sensor_id, key_id, root)
        fields["version"] = version
    return version


def withdraw(site: Site, actor: Actor, sensor_id: int) -> list[int]:
    """The versions of the sensor's orders that wait no more: relays are told of them no longer.

    A sensor that has fetched one may take it all the same, and says so. A new key stays: without it the sensor could be cut off.
    Raises RemoteError if none waits that can be withdrawn.
    """
    actor.require_terminal()
    with noted(site, actor, "orders.withdraw", f"sensor {sensor_id}") as fields:
        versions = orders.withdraw(site.archive, sensor_id)
        if not versions:
            kept = orders.key_waits(site.archive, sensor_id)
            raise RemoteError("order-key-stays" if kept else "order-none-waits", sensor_id=sensor_id)
        fields["versions"] = versions
    return versions


def all_orders(
    site: Site, actor: Actor, after: tuple[int, int] = (-1, -1), limit: int | None = None
) -> list[OrderInfo]:
    """The orders that there ever were, by sensor and version, those after `after`, at most `limit`."""
    actor.require_operator()
    return orders.orders(site.archive, after, limit)


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


class _Nowhere:
    """Where a set is unpacked to that is only checked."""

    def begin(self, path: str, length: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def end(self, digest: bytes) -> None:
        pass
