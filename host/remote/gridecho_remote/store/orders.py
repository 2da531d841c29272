"""Orders: settings, firmware and root keys that sensors are to take over. Kept wrapped, sealed for their sensor when a relay asks.

An order waits until its sensor tells, by its state datum, that it has that version in force (taken) or took it back (failed).
Of one sensor and kind only the newest waits; of those that wait relays are told the one of the lowest version.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gridecho.crypto import Siv
from gridecho.keys import order_key
from gridecho.orders import CONFIG, FIRMWARE, KEY, Order, seal_order
from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED
from gridecho.states import MAX_TOLD_VERSION, MAX_VERSION
from peewee import Tuple, fn

from . import enrol
from .database import Archive
from .models import REPLACED, TAKEN, WAITING, WITHDRAWN, OrderContent, Sensor, State
from .models import Order as OrderRow

KINDS = {CONFIG: "settings", FIRMWARE: "firmware", KEY: "key"}
CONTENT = "order"


@dataclass(frozen=True, slots=True)
class OrderInfo:
    """An order without its content."""

    sensor: int
    kind: str
    version: int
    state: str
    bytes: int
    created_s: int


def settle_keys(archive: Archive, sensor_ids: Iterable[int]) -> None:
    """After orders of these sensors ended: a key that was taken is its sensor's, one that was not is dropped.

    Within the transaction that ended them.
    """
    for sensor_id in sorted({*sensor_ids}.intersection(enrol.sensors_with_next_key(archive))):
        newest = OrderRow.select(OrderRow.state).where(OrderRow.sensor_id == sensor_id, OrderRow.kind == KEY)
        state = newest.order_by(OrderRow.version.desc()).limit(1).scalar(archive.db)
        if state == TAKEN:
            enrol.take_next_key(archive, sensor_id)
        elif state != WAITING:
            enrol.drop_next_key(archive, sensor_id)


def orders(
    archive: Archive, after: tuple[int, int] = (-1, -1), limit: int | None = None, state: str = ""
) -> list[OrderInfo]:
    """The orders that there ever were, by sensor and version, those after `after`, at most `limit`; with `state`, those of one."""
    query = (
        OrderRow.select(
            OrderRow.sensor_id, OrderRow.kind, OrderRow.version, OrderRow.state, OrderRow.size, OrderRow.created_s
        )
        .where(Tuple(OrderRow.sensor_id, OrderRow.version) > after, *([OrderRow.state == state] if state else []))
        .order_by(OrderRow.sensor_id, OrderRow.version)
        .limit(limit)
        .tuples()
    )
    return [
        OrderInfo(sensor_id, KINDS[kind], version, state, size, created_s)
        for sensor_id, kind, version, state, size, created_s in query.execute(archive.db)
    ]


def waiting(archive: Archive) -> list[dict[str, int]]:
    """What relays are told: sensor_id, key_id and version of the order that each sensor is to take next."""
    query = (
        OrderRow.select(OrderRow.sensor_id, Sensor.key_id, fn.MIN(OrderRow.version))
        .join(Sensor, on=(Sensor.id == OrderRow.sensor_id))
        .where(OrderRow.state == WAITING, OrderRow.version <= MAX_VERSION)
        .group_by(OrderRow.sensor_id, Sensor.key_id)
        .order_by(OrderRow.sensor_id)
        .tuples()
    )
    return [
        {"sensor_id": sensor_id, "key_id": key_id, "version": version}
        for sensor_id, key_id, version in query.execute(archive.db)
    ]


def sealed_order(archive: Archive, sensor_id: int) -> bytes | None:
    """The order that the sensor is to take next, sealed for it, all pieces joined; None if none waits."""
    row = (
        OrderRow.select(OrderRow.kind, OrderRow.version, OrderRow.content, OrderContent.wrapped)
        .join(OrderContent, on=(OrderContent.id == OrderRow.content))
        .where(OrderRow.sensor_id == sensor_id, OrderRow.state == WAITING, OrderRow.version <= MAX_VERSION)
        .order_by(OrderRow.version)
        .tuples()
        .first(archive.db)
    )
    key = enrol.sensor_key(archive, sensor_id)
    if row is None or key is None:
        return None
    kind, version, content_id, wrapped = row
    content = archive.vault.unwrap(CONTENT, content_id, bytes(wrapped))
    order = Order(kind, key[0], sensor_id, version, len(content))
    return b"".join(seal_order(order, content, Siv(order_key(key[1], sensor_id, key[0]))))


def sensor_state(archive: Archive, sensor_id: int) -> dict[int, int]:
    """What the sensor last told of itself, by quantity code."""
    query = "SELECT code, value FROM state WHERE sensor_id = ? ORDER BY code"
    return dict(archive.connection().execute(query, (sensor_id,)))


def take_states(archive: Archive, told: list[tuple[int, int, int, int, int, int, int]]) -> None:
    """Keeps the newest of (sensor id, code, value, epoch, seq, item, time in s), and ends the orders that these tell of.

    Within a transaction that has locked the sensors.
    """
    connection = archive.connection()
    connection.executemany(
        "INSERT INTO state (sensor_id, code, value, epoch, seq, item, time_s) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (sensor_id, code) DO UPDATE SET value = excluded.value, epoch = excluded.epoch, seq = excluded.seq, "
        "item = excluded.item, time_s = excluded.time_s "
        "WHERE (excluded.epoch, excluded.seq, excluded.item) > (state.epoch, state.seq, state.item)",
        told,
    )
    ended = 0
    for code, kind in ((CONFIG_VERSION, CONFIG), (CONFIG_VERSION, KEY), (FIRMWARE_VERSION, FIRMWARE)):
        ended += connection.executemany(
            "UPDATE orders SET state = 'taken' WHERE sensor_id = ? AND version = ? AND kind = ? "
            "AND state IN ('waiting', 'withdrawn')",
            [(row[0], row[2], kind) for row in told if row[1] == code and row[2]],
        )
    ended += connection.executemany(
        "UPDATE orders SET state = 'failed' WHERE sensor_id = ? AND version = ? AND state != 'failed'",
        [(row[0], row[2]) for row in told if row[1] == ORDER_FAILED and row[2]],
    )
    if ended:
        settle_keys(archive, {row[0] for row in told})
        archive.bump_orders_version()


def put(archive: Archive, sensor_ids: list[int], kind: int, content: bytes, now_s: float) -> dict[int, int]:
    """The versions of the new orders, by sensor: this content for each. Of that kind each had before none waits any more."""
    versions = {}
    with archive.writing() as connection:
        connection.lock("sensor", sensor_ids)
        content_id = OrderContent.insert(wrapped=b"").execute(archive.db)
        # Bound to its row. No hash of it is kept in the clear: a password could be guessed by it.
        wrapped = archive.vault.wrap(CONTENT, content_id, content)
        OrderContent.update(wrapped=wrapped).where(OrderContent.id == content_id).execute(archive.db)
        for sensor_id in sensor_ids:
            OrderRow.update(state=REPLACED).where(
                OrderRow.sensor_id == sensor_id, OrderRow.kind == kind, OrderRow.state == WAITING
            ).execute(archive.db)
            versions[sensor_id] = _next_version(archive, sensor_id)
            OrderRow.insert(
                sensor_id=sensor_id,
                version=versions[sensor_id],
                kind=kind,
                state=WAITING,
                size=len(content),
                content=content_id,
                created_s=int(now_s),
            ).execute(archive.db)
        archive.bump_orders_version()
    return versions


def _next_version(archive: Archive, sensor_id: int) -> int:
    """Above every version that the sensor was given or told of, so that it takes it also after this database was lost."""
    given = (
        OrderRow.select(fn.MAX(OrderRow.version))
        .where(OrderRow.sensor_id == sensor_id, OrderRow.version < MAX_VERSION)
        .scalar(archive.db)
    )
    codes = (CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED)
    told = (  # what is above was told before it was bounded
        State.select(fn.MAX(State.value))
        .where(State.sensor_id == sensor_id, State.code.in_(codes), State.value <= MAX_TOLD_VERSION)
        .scalar(archive.db)
    )
    return int(max(given or 0, told or 0)) + 1


def withdraw(archive: Archive, sensor_id: int) -> list[int]:
    """The versions of the sensor's orders that wait no more; not of a key that can be on its way. Within a transaction."""
    archive.connection().lock("sensor", [sensor_id])
    # The sensor may have the new key already, and be cut off without it.
    may = (OrderRow.kind != KEY) | (OrderRow.version > MAX_VERSION)
    waits = (OrderRow.sensor_id == sensor_id, OrderRow.state == WAITING, may)
    query = OrderRow.select(OrderRow.version).where(*waits).order_by(OrderRow.version)
    versions = [version for (version,) in query.tuples().execute(archive.db)]
    if versions:
        OrderRow.update(state=WITHDRAWN).where(*waits).execute(archive.db)
        settle_keys(archive, [sensor_id])
        archive.bump_orders_version()
    return versions


def key_waits(archive: Archive, sensor_id: int) -> bool:
    """Whether a new key waits for the sensor."""
    waits = (OrderRow.sensor_id == sensor_id, OrderRow.kind == KEY, OrderRow.state == WAITING)
    return bool(OrderRow.select().where(*waits).exists(archive.db))
