"""Grants: who may see what, until when. Kept for ever; revoked ones are marked, not deleted."""

import operator
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

from gridecho.registers import CODE_OF
from peewee import JOIN, Expression

from ..rules.access import METERED, Terms
from ..rules.errors import RemoteError
from .database import Archive
from .enrol import SensorInfo
from .models import Grant, Sensor, User
from .users import user_id


@dataclass(frozen=True, slots=True)
class GrantInfo:
    """A grant with its number and its user's name."""

    id: int
    user: str
    terms: Terms


def add_grant(
    archive: Archive,
    user: str,
    *,
    region: str | None = None,
    category: str | None = None,
    sensor_id: int | None = None,
    quantities: Iterable[str] = (),
    expires_s: int | None = None,
    now_s: float | None = None,
) -> int:
    """Grants sensors that match all the given selectors, and of them the quantities (OBIS names; none: all). Gives the number.

    Raises RemoteError for an unknown user or quantity, or if nothing is selected.
    """
    region = region.strip("/") if region is not None else None
    if not region and not category and sensor_id is None:
        raise RemoteError("grant-empty")
    number: int = Grant.insert(
        user=user_id(archive, user),
        region=region or None,
        category=category or None,
        sensor_id=sensor_id,
        quantities=quantity_mask(quantities) or METERED,
        granted_s=int(time.time() if now_s is None else now_s),
        expires_s=expires_s,
    ).execute(archive.db)
    return number


def revoke_grant(archive: Archive, number: int, now_s: float | None = None) -> None:
    """Ends a grant now. Raises RemoteError if there is none with this number that is not revoked yet."""
    query = Grant.update(revoked_s=int(time.time() if now_s is None else now_s)).where(
        Grant.id == number, Grant.revoked_s.is_null()
    )
    if not query.execute(archive.db):
        raise RemoteError("grant-unknown", number=number)


def list_grants(archive: Archive) -> list[GrantInfo]:
    """All grants, revoked ones too, in the order they were given."""
    fields = (Grant.region, Grant.category, Grant.sensor_id, Grant.quantities, Grant.expires_s, Grant.revoked_s)
    query = Grant.select(Grant.id, User.name, *fields).join(User, JOIN.INNER).order_by(Grant.id)
    return [GrantInfo(row[0], row[1], _terms(row[2:])) for row in query.tuples().execute(archive.db)]


def terms_of(archive: Archive, user: int) -> list[Terms]:
    """The terms of a user's grants that are not revoked; whether they hold now is for `access.opened` to say."""
    # Asked for at every look at a sensor.
    query = (
        "SELECT region, category, sensor_id, quantities, expires_s, revoked_s "
        'FROM "grant" WHERE user_id = ? AND revoked_s IS NULL'
    )
    return [_terms(row) for row in archive.connection().execute(query, (user,)).fetchall()]


def candidates(archive: Archive, terms: list[Terms], after: int = -1) -> Iterator[tuple[SensorInfo, int]]:
    """Sensors by id, after `after`, that some grant's selectors name, and all quantities that each ever sent."""
    if not terms:
        return
    query = (
        Sensor.select(Sensor.id, Sensor.name, Sensor.region, Sensor.category, Sensor.key_id, Sensor.seen_mask)
        .where(Sensor.id > after, reduce(operator.or_, [_selected(each) for each in terms]))
        .order_by(Sensor.id)
        .tuples()
    )
    for *info, seen in query.execute(archive.db).iterator():
        yield SensorInfo(*info), seen


def candidate(archive: Archive, sensor_id: int) -> tuple[SensorInfo, int] | None:
    """A sensor, whoever may see it, and all quantities that it ever sent; None: there is none."""
    query = "SELECT id, name, region, category, key_id, seen_mask FROM sensor WHERE id = ?"
    row = archive.connection().execute(query, (sensor_id,)).fetchone()
    return None if row is None else (SensorInfo(*row[:5]), row[5])


def quantity_mask(names: Iterable[str]) -> int:
    """The mask of OBIS names. Raises RemoteError for one that no meter measures."""
    mask = 0
    for name in names:
        code = CODE_OF.get(name)
        if code is None:
            raise RemoteError("quantity-unknown", name=name, known=", ".join(CODE_OF))
        mask |= 1 << code
    return mask


def _terms(row: tuple[str | None, str | None, int | None, int, int | None, int | None]) -> Terms:
    region, category, sensor_id, quantities, expires_s, revoked_s = row
    return Terms(region, category, sensor_id, quantities, expires_s, revoked_s is not None)


def _selected(terms: Terms) -> Expression:
    parts: list[Expression] = [Sensor.id >= 0]
    if terms.sensor_id is not None:
        parts.append(Sensor.id == terms.sensor_id)
    if terms.category is not None:
        parts.append(Sensor.category == terms.category)
    if terms.region is not None:
        below = terms.region + "/"
        # A range, not LIKE: no wildcards to escape, case counts, and the index serves it. "0" follows "/".
        parts.append(
            (Sensor.region == terms.region) | ((Sensor.region >= below) & (Sensor.region < terms.region + "0"))
        )
    return reduce(operator.and_, parts)
