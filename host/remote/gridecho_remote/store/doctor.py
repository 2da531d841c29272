"""Whether a database is sound, and what fills it."""

from collections.abc import Iterator
from dataclasses import dataclass

from gridecho.errors import AuthError
from peewee import Model

from ..rules.errors import DamagedError, RemoteError
from . import audit, data
from .database import Archive
from .enrol import RELAY, SENSOR
from .models import (
    TABLES,
    Bar,
    Block,
    Bringer,
    Contract,
    Grant,
    Group,
    HeldRole,
    Holding,
    Identity,
    Label,
    Member,
    Order,
    OrderContent,
    PullRequest,
    Recovery,
    Relay,
    RelayState,
    Route,
    Sensor,
    SensorKey,
    Session,
    State,
    Term,
    Totp,
    User,
)
from .orders import CONTENT
from .second import TOTP

# A column, and the table that has what it names.
_REFERENCES: tuple[tuple[type[Model], str, type[Model]], ...] = (
    (Grant, "user_id", User),
    (HeldRole, "user_id", User),
    (Session, "user_id", User),
    (Totp, "user_id", User),
    (Recovery, "user_id", User),
    (Identity, "user_id", User),
    (Label, "sensor_id", Sensor),
    (Contract, "sensor_id", Sensor),
    (SensorKey, "sensor_id", Sensor),
    (Block, "sensor_id", Sensor),
    (Route, "sensor_id", Sensor),
    (Bringer, "sensor_id", Sensor),
    (Bringer, "relay_id", Relay),
    (State, "sensor_id", Sensor),
    (Order, "sensor_id", Sensor),
    (Order, "content", OrderContent),
    (Holding, "relay_id", Relay),
    (RelayState, "relay_id", Relay),
    (PullRequest, "relay_id", Relay),
    (Member, "relay_id", Relay),
    (Member, "group_id", Group),
    (Term, "group_id", Group),
    (Bar, "group_id", Group),
)


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table: its rows, and its bytes on disk with its indexes (None: the engine cannot tell)."""

    table: str
    rows: int
    bytes: int | None


def sizes(archive: Archive) -> list[TableSize]:
    """All tables, the largest first."""
    taken = archive.engine.sizes()
    found = [
        TableSize(name, model.select().count(archive.db), taken.get(name))
        for model in TABLES
        for name in (str(model._meta.table_name),)
    ]
    return sorted(found, key=lambda one: (-(one.bytes or 0), one.table))


def problems(archive: Archive) -> Iterator[RemoteError]:
    """What is wrong, if anything: damage that the engine finds, or in a block; rows of nothing; secrets that do not open."""
    damage = archive.engine.problems()
    for said in damage:
        yield RemoteError("database-damaged", said=said)
    if not damage:
        yield from _torn(archive)
        yield from audit.broken(archive, {})
    for model, column, of in _REFERENCES:
        table, other = model._meta.table_name, of._meta.table_name
        query = f'SELECT COUNT(*) FROM "{table}" AS t WHERE NOT EXISTS (SELECT 1 FROM "{other}" AS o WHERE o.id = t.{column})'  # noqa: S608  # nosec B608  # names of ours, values are bound
        (rows,) = archive.connection().execute(query).fetchone()
        if rows:
            yield RemoteError("rows-foreign", table=str(table), rows=rows, column=column, other=str(other))
    yield from _closed(archive)


def _torn(archive: Archive) -> Iterator[RemoteError]:
    query = "SELECT sensor_id, epoch, first_seq, first_s, content FROM block ORDER BY sensor_id, epoch, first_seq"
    with archive.reading() as connection, connection.stream(query) as rows:
        for sensor_id, epoch, first_seq, first_s, content in rows:
            try:
                data.read(sensor_id, epoch, first_seq, first_s, bytes(content), mask=0)
            except DamagedError as error:
                yield error


def _closed(archive: Archive) -> Iterator[RemoteError]:
    wrapped = (
        (SENSOR, Sensor.select(Sensor.id, Sensor.wrapped_root)),
        (SENSOR, SensorKey.select(SensorKey.sensor_id, SensorKey.wrapped)),
        (RELAY, Relay.select(Relay.id, Relay.wrapped_secret)),
        (CONTENT, OrderContent.select(OrderContent.id, OrderContent.wrapped)),
        (TOTP, Totp.select(Totp.user, Totp.wrapped)),
    )
    for kind, query in wrapped:
        for number, secret in query.tuples().execute(archive.db).iterator():
            try:
                archive.vault.unwrap(kind, number, bytes(secret))
            except AuthError:
                yield RemoteError("secret-closed", kind=kind, number=number)
