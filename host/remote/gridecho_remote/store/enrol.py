"""Enrolling sensors and relays: their secrets come in wrapped, and relays get the link keys that are theirs."""

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from gridecho.errors import AuthError
from gridecho.keys import link_key_down, link_key_up
from gridecho.orders import KEY
from peewee import IntegrityError, fn

from ..rules.errors import RemoteError
from .database import Archive
from .models import (
    REPLACED,
    WAITING,
    Block,
    Holding,
    Order,
    PullRequest,
    Relay,
    RelayState,
    Route,
    Sensor,
    SensorKey,
    State,
)

log = logging.getLogger("gridecho.remote.enrol")

SENSOR, RELAY = "sensor", "relay"
_U32 = 1 << 32
_TO_COME = 0  # the number of a sensor's key that it is to get


@dataclass(frozen=True, slots=True)
class SensorInfo:
    """An enrolled sensor, without its secret."""

    id: int
    name: str
    region: str
    category: str
    key_id: int


@dataclass(frozen=True, slots=True)
class RelayInfo:
    """An enrolled relay, without its secret."""

    id: int
    name: str


def enrol_sensor(
    archive: Archive,
    sensor_id: int,
    name: str,
    region: str,
    category: str,
    root: bytes,
    key_id: int = 1,
    now_s: float | None = None,
) -> None:
    """Takes a sensor in with its 32-byte root key. Raises RemoteError if the id is taken or a value cannot be."""
    _check(sensor_id, name, root)
    if not 0 <= key_id < 256:
        raise RemoteError("key-id-range")
    region = region.strip("/")
    if not region or not category:
        raise RemoteError("sensor-labels")
    with archive.writing():
        try:
            Sensor.insert(
                id=sensor_id,
                name=name,
                region=region,
                category=category,
                key_id=key_id,
                wrapped_root=archive.vault.wrap(SENSOR, sensor_id, root),
                enrolled_s=int(time.time() if now_s is None else now_s),
            ).execute(archive.db)
        except IntegrityError:
            raise RemoteError("sensor-taken", sensor_id=sensor_id) from None
        archive.bump_keys_version()


def enrol_relay(archive: Archive, relay_id: int, name: str, secret: bytes, now_s: float | None = None) -> None:
    """Takes a relay in with its 32-byte secret. Raises RemoteError if the id is taken or a value cannot be."""
    _check(relay_id, name, secret)
    with archive.writing() as connection:
        connection.lock("relay")
        try:
            Relay.insert(
                id=relay_id,
                name=name,
                wrapped_secret=archive.vault.wrap(RELAY, relay_id, secret),
                enrolled_s=int(time.time() if now_s is None else now_s),
            ).execute(archive.db)
        except IntegrityError:
            raise RemoteError("relay-taken", relay_id=relay_id) from None
        archive.bump_keys_version()


def replace_relay(archive: Archive, relay_id: int, secret: bytes, name: str = "") -> int:
    """Gives a relay's id to the one that takes its place, with a new secret; the old one is void from here on.

    What the index said that the lost one holds is taken off it: how many data that were. Raises RemoteError if no relay has the id.
    """
    _check(relay_id, name or "a relay", secret)
    wrapped = archive.vault.wrap(RELAY, relay_id, secret)
    with archive.writing():
        query = Relay.update(wrapped_secret=wrapped, **({"name": name} if name else {})).where(Relay.id == relay_id)
        if not query.execute(archive.db):
            raise RemoteError("relay-not-to-replace", relay_id=relay_id)
        lost = held_by(archive, relay_id)
        Holding.delete().where(Holding.relay_id == relay_id).execute(archive.db)
        RelayState.delete().where(RelayState.relay_id == relay_id).execute(archive.db)
        # Proven with the old secret: the new relay would refuse them.
        PullRequest.update(state="expired").where(
            PullRequest.relay_id == relay_id, PullRequest.state.in_(["waiting", "asking"])
        ).execute(archive.db)
        archive.bump_keys_version()
    log.warning("relay-replaced relay=%d data-lost=%d", relay_id, lost)
    return lost


def held_by(archive: Archive, relay_id: int) -> int:
    """How many data a relay holds that are not here, as far as the index knows."""
    query = Holding.select(fn.COALESCE(fn.SUM(Holding.last_seq - Holding.first_seq + 1), 0))
    return int(query.where(Holding.relay_id == relay_id).scalar(archive.db))


def sensors(archive: Archive) -> list[SensorInfo]:
    """All enrolled sensors, by id."""
    rows = Sensor.select(Sensor.id, Sensor.name, Sensor.region, Sensor.category, Sensor.key_id).order_by(Sensor.id)
    return [SensorInfo(*row) for row in rows.tuples().execute(archive.db)]


def counts(archive: Archive) -> tuple[int, int]:
    """How many relays and sensors are enrolled."""
    return Relay.select().count(archive.db), Sensor.select().count(archive.db)


def relays(
    archive: Archive, after: int = -1, limit: int | None = None, named: str = "", among: Collection[int] | None = None
) -> list[RelayInfo]:
    """Enrolled relays by id, those after `after`, at most `limit`; with `named`, those that have it in their names, in any case;
    with `among`, of these.
    """
    rows = Relay.select(Relay.id, Relay.name).where(Relay.id > after).order_by(Relay.id).limit(limit)
    if named:
        rows = rows.where(Relay.name.contains(named))
    if among is not None:
        rows = rows.where(Relay.id.in_(sorted(among)))
    return [RelayInfo(*row) for row in rows.tuples().execute(archive.db)]


def relay_names(archive: Archive, relay_ids: Iterable[int]) -> dict[int, str]:
    """The names of those of these relays that are enrolled, by id."""
    query = Relay.select(Relay.id, Relay.name).where(Relay.id.in_(list(relay_ids)))
    return dict(query.tuples().execute(archive.db))


def relay_secret(archive: Archive, relay_id: int) -> bytes | None:
    """The unwrapped secret of a relay; None if it is not enrolled."""
    wrapped = Relay.select(Relay.wrapped_secret).where(Relay.id == relay_id).scalar(archive.db)
    return None if wrapped is None else archive.vault.unwrap(RELAY, relay_id, bytes(wrapped))


def sensor_key(archive: Archive, sensor_id: int) -> tuple[int, bytes] | None:
    """(key id, unwrapped root key) of a sensor; None if it is not enrolled."""
    row = Sensor.select(Sensor.key_id, Sensor.wrapped_root).where(Sensor.id == sensor_id).tuples().first(archive.db)
    return None if row is None else (row[0], archive.vault.unwrap(SENSOR, sensor_id, bytes(row[1])))


def highest_epoch(archive: Archive, sensor_id: int) -> int:
    """The highest epoch of which anything is known here of the sensor; 0 if nothing is. What did not open does not count."""
    known = (
        table.select(fn.MAX(table.epoch)).where(table.sensor_id == sensor_id).scalar(archive.db)
        for table in (Block, Holding, Route, State)
    )
    return max(epoch or 0 for epoch in known)


def sensor_roots(archive: Archive, sensor_id: int, key_id: int) -> list[bytes]:
    """The unwrapped root keys of a sensor, newest first: what was sealed before a new key is opened too. Empty: not enrolled so."""
    # After each enrolment ingest asks it of every sensor that sends.
    connection = archive.connection()
    row = connection.execute("SELECT key_id, wrapped_root FROM sensor WHERE id = ?", (sensor_id,)).fetchone()
    if row is None:
        return []
    others = "SELECT number, wrapped FROM sensor_key WHERE sensor_id = ? AND key_id = ?"
    found = dict(connection.execute(others, (sensor_id, key_id)).fetchall())
    wrapped = [row[1]] if row[0] == key_id else []
    wrapped += [found.pop(_TO_COME)] if _TO_COME in found else []
    wrapped += [found[number] for number in sorted(found, reverse=True)]
    return [archive.vault.unwrap(SENSOR, sensor_id, bytes(one)) for one in wrapped]


def replace_key(archive: Archive, sensor_id: int, root: bytes) -> None:
    """Gives an enrolled sensor a new root key; the old one still opens what is on its way. Raises RemoteError if it is unknown."""
    _check(sensor_id, "a sensor", root)
    with archive.writing() as connection:
        connection.lock("sensor", [sensor_id])
        key_id = Sensor.select(Sensor.key_id).where(Sensor.id == sensor_id).scalar(archive.db)
        if key_id is None:
            raise RemoteError("sensor-unknown", sensor_id=sensor_id)
        drop_next_key(archive, sensor_id)
        on_its_way = (Order.sensor_id == sensor_id) & (Order.kind == KEY) & (Order.state == WAITING)
        if Order.update(state=REPLACED).where(on_its_way).execute(archive.db):
            archive.bump_orders_version()
        _put_key(archive, sensor_id, key_id, archive.vault.wrap(SENSOR, sensor_id, root))


def set_next_key(archive: Archive, sensor_id: int, key_id: int, root: bytes) -> None:
    """The sensor's key to come, beside the one that it has: relays and ingest take both. Within a transaction."""
    SensorKey.delete().where(*_to_come(sensor_id)).execute(archive.db)
    wrapped = archive.vault.wrap(SENSOR, sensor_id, root)
    SensorKey.insert(sensor_id=sensor_id, key_id=key_id, number=_TO_COME, wrapped=wrapped).execute(archive.db)
    archive.bump_keys_version()


def take_next_key(archive: Archive, sensor_id: int) -> None:
    """The key to come is the sensor's from now on; the old one still opens what is on its way. Within a transaction."""
    coming = SensorKey.select(SensorKey.key_id, SensorKey.wrapped).where(*_to_come(sensor_id))
    for key_id, wrapped in coming.tuples().execute(archive.db):
        _put_key(archive, sensor_id, key_id, bytes(wrapped))
    drop_next_key(archive, sensor_id)


def sensors_with_next_key(archive: Archive) -> list[int]:
    """The sensors that are to get a new key."""
    coming = SensorKey.select(SensorKey.sensor_id).where(SensorKey.number == _TO_COME).order_by(SensorKey.sensor_id)
    return [sensor_id for (sensor_id,) in coming.tuples().execute(archive.db)]


def drop_next_key(archive: Archive, sensor_id: int) -> None:
    """There is no key to come. Within a transaction."""
    if SensorKey.delete().where(*_to_come(sensor_id)).execute(archive.db):
        archive.bump_keys_version()


def _put_key(archive: Archive, sensor_id: int, key_id: int, wrapped: bytes) -> None:
    before = Sensor.select(Sensor.key_id, Sensor.wrapped_root).where(Sensor.id == sensor_id).tuples()
    old_id, old = before.first(archive.db)
    same = SensorKey.select(fn.MAX(SensorKey.number))
    newest = same.where(SensorKey.sensor_id == sensor_id, SensorKey.key_id == old_id).scalar(archive.db) or 0
    retired = {"sensor_id": sensor_id, "key_id": old_id, "number": newest + 1, "wrapped": bytes(old)}
    SensorKey.insert(**retired).execute(archive.db)
    Sensor.update(key_id=key_id, wrapped_root=wrapped).where(Sensor.id == sensor_id).execute(archive.db)
    archive.bump_keys_version()


def _to_come(sensor_id: int) -> tuple[Any, Any]:
    return SensorKey.sensor_id == sensor_id, SensorKey.number == _TO_COME


def link_keys(archive: Archive, relay_id: int) -> list[dict[str, int | str]]:
    """The link keys of every sensor for one relay, as the relay is told them: sensor_id, key_id, up and down in hex.

    A sensor that is to get a new key has those of both.
    A sensor whose key cannot be read (a damaged row) is left out: it keeps no other from its relay.
    """
    query = Sensor.select(Sensor.id, Sensor.key_id, Sensor.wrapped_root).tuples()
    wrapped_roots = list(query.execute(archive.db))
    coming = SensorKey.select(SensorKey.sensor_id, SensorKey.key_id, SensorKey.wrapped)
    wrapped_roots += coming.where(SensorKey.number == _TO_COME).tuples().execute(archive.db)
    keys: list[dict[str, int | str]] = []
    for sensor_id, key_id, wrapped in sorted(wrapped_roots):
        try:
            root = archive.vault.unwrap(SENSOR, sensor_id, bytes(wrapped))
        except AuthError:
            log.error("key-unreadable sensor=%d; relays are not told of it", sensor_id)
            continue
        keys.append(
            {
                "sensor_id": sensor_id,
                "key_id": key_id,
                "up": link_key_up(root, sensor_id, key_id, relay_id).hex(),
                "down": link_key_down(root, sensor_id, key_id, relay_id).hex(),
            }
        )
    return keys


def _check(owner_id: int, name: str, secret: bytes) -> None:
    if not 0 < owner_id < _U32:
        raise RemoteError("id-range")
    if not name.strip():
        raise RemoteError("name-missing")
    if len(secret) != 32:
        raise RemoteError("secret-length")
