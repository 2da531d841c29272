"""Where sensors are and what is said of them: regions, labels, and contracts, which tell whose readings are whose."""

from collections.abc import Iterable
from dataclasses import dataclass

from peewee import JOIN

from ..rules.categories import MOST_LABELS
from ..rules.errors import RemoteError
from .database import Archive
from .models import Contract, Label, Sensor, User
from .users import user_id


@dataclass(frozen=True, slots=True)
class ContractInfo:
    """A contract; `user` is its subject's name, if they have a login. `until_s` is not included; None: it has not ended."""

    id: int
    sensor_id: int
    user: str | None
    from_s: int
    until_s: int | None


def region_of(archive: Archive, sensor_id: int) -> str:
    """Where the sensor is. Raises RemoteError if it is not enrolled."""
    region: str | None = Sensor.select(Sensor.region).where(Sensor.id == sensor_id).scalar(archive.db)
    if region is None:
        raise RemoteError("sensor-unknown", sensor_id=sensor_id)
    return region


def move(archive: Archive, sensor_id: int, region: str) -> None:
    """Puts a sensor into another region. Within a transaction. Raises RemoteError."""
    if not Sensor.update(region=region).where(Sensor.id == sensor_id).execute(archive.db):
        raise RemoteError("sensor-unknown", sensor_id=sensor_id)


def categorise(archive: Archive, sensor_id: int, category: str) -> None:
    """Says that a sensor measures something else. Within a transaction. Raises RemoteError."""
    if not Sensor.update(category=category).where(Sensor.id == sensor_id).execute(archive.db):
        raise RemoteError("sensor-unknown", sensor_id=sensor_id)


def labels(archive: Archive, sensor_id: int) -> list[str]:
    """A sensor's labels."""
    query = Label.select(Label.label).where(Label.sensor_id == sensor_id).order_by(Label.label)
    return [label for (label,) in query.tuples().execute(archive.db)]


def label(archive: Archive, sensor_id: int, more: Iterable[str], less: Iterable[str]) -> list[str]:
    """Gives a sensor labels and takes others off it: those that it has then. Within a transaction. Raises RemoteError."""
    archive.connection().lock("sensor", [sensor_id])
    region_of(archive, sensor_id)
    Label.delete().where(Label.sensor_id == sensor_id, Label.label.in_(list(less))).execute(archive.db)
    archive.connection().insert("label", "sensor_id, label", [(sensor_id, one) for one in more])
    found = labels(archive, sensor_id)
    if len(found) > MOST_LABELS:
        raise RemoteError("labels-many", sensor_id=sensor_id, most=MOST_LABELS)
    return found


def begin_contract(archive: Archive, sensor_id: int, user: str | None, from_s: int, until_s: int | None) -> int:
    """A contract's number. Within a transaction. Raises RemoteError if another one of the sensor's holds at any of its times."""
    archive.connection().lock("sensor", [sensor_id])
    region_of(archive, sensor_id)
    if until_s is not None and until_s <= from_s:
        raise RemoteError("contract-span")
    others = Contract.select(Contract.id).where(
        Contract.sensor_id == sensor_id, Contract.until_s.is_null() | (Contract.until_s > from_s)
    )
    if until_s is not None:
        others = others.where(Contract.from_s < until_s)
    other = others.scalar(archive.db)
    if other is not None:
        raise RemoteError("contract-overlaps", sensor_id=sensor_id, number=other)
    subject = None if user is None else user_id(archive, user)
    fields = {"sensor_id": sensor_id, "user": subject, "from_s": from_s, "until_s": until_s}
    number: int = Contract.insert(**fields).execute(archive.db)
    return number


def contract(archive: Archive, number: int) -> ContractInfo:
    """One. Raises RemoteError if there is none with this number."""
    for found in _contracts(archive, Contract.id == number):
        return found
    raise RemoteError("contract-unknown", number=number)


def contracts(archive: Archive) -> list[ContractInfo]:
    """All of them, by sensor and time."""
    return _contracts(archive, Contract.id >= 0)


def contracts_of_subject(archive: Archive, user: int, sensor_id: int | None = None) -> list[ContractInfo]:
    """A user's own contracts, of a sensor if one is named, by sensor and time."""
    which = Contract.user == user
    return _contracts(archive, which if sensor_id is None else which & (Contract.sensor_id == sensor_id))


def end_contract(archive: Archive, number: int, until_s: int) -> None:
    """Ends a contract, earlier than was said if that was said. Within a transaction. Raises RemoteError."""
    there = contract(archive, number)
    if until_s <= there.from_s or (there.until_s is not None and until_s > there.until_s):
        raise RemoteError("contract-span")
    Contract.update(until_s=until_s).where(Contract.id == number).execute(archive.db)


def _contracts(archive: Archive, which: object) -> list[ContractInfo]:
    query = Contract.select(Contract.id, Contract.sensor_id, User.name, Contract.from_s, Contract.until_s)
    query = query.join(User, JOIN.LEFT_OUTER).where(which).order_by(Contract.sensor_id, Contract.from_s)
    return [ContractInfo(*row) for row in query.tuples().execute(archive.db)]
