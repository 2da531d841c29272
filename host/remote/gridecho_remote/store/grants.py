"""Grants: who may see what, until when. Kept for ever; revoked ones are marked, not deleted."""

import json
import operator
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from peewee import JOIN, Expression

from ..rules import regions, scopes
from ..rules.categories import labels_of
from ..rules.errors import RemoteError
from ..rules.plain_scopes import quantity_mask
from ..rules.scopes import METERED, Place, Resolution, Scope
from .database import Archive
from .enrol import SensorInfo
from .models import Grant, Label, Sensor, User
from .users import user_id

# A row of what `_scope` reads; a subject has one of each of their contracts.
_FIELDS = (
    "region, category, labels, sensors, quantities, resolution, k, first_s, until_s, export, live, starts_s, expires_s, "
    "revoked_s"
)
_OF_SUBJECT = (
    f"SELECT NULL, NULL, NULL, '[' || sensor_id || ']', {METERED}, 0, 1, from_s, until_s, 1, 1, NULL, NULL, NULL "  # noqa: S608  # nosec B608  # names of ours
    "FROM contract WHERE user_id = ?"
)
_OF_USER = (
    f'SELECT {_FIELDS} FROM "grant" WHERE user_id = ? AND revoked_s IS NULL '  # noqa: S608  # nosec B608  # names of ours
    f"UNION ALL {_OF_SUBJECT}"
)
_MOST_NUMBER = 1 << 31
_AT_ONCE = 1_000  # sensors
_FINENESS = tuple(Resolution)
_ID_DIGITS = 10
_NO_LABELS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GrantInfo:
    """A grant with its number and its user's name."""

    id: int
    user: str
    scope: Scope


def add_grant(
    archive: Archive,
    user: str,
    *,
    region: str | None = None,
    category: str | None = None,
    labels: Iterable[str] | None = None,
    sensor_id: int | None = None,
    sensors: Iterable[int] | None = None,
    quantities: Iterable[str] = (),
    expires_s: int | None = None,
    now_s: float | None = None,
    **scope: Any,
) -> int:
    """Grants sensors that match all the given selectors, and of them the quantities (OBIS names; none: all). Gives the number.

    `scope`: other fields of a `Scope`. Raises RemoteError for an unknown user or quantity, or a scope that cannot be.
    """
    named = None if sensors is None else frozenset(sensors)
    if sensor_id is not None:
        named = frozenset({sensor_id})
    return put(
        archive,
        user,
        Scope(
            region=regions.parsed(region) if region and region.strip("/") else None,
            category=category or None,
            labels=None if labels is None else labels_of(labels),
            sensors=named,
            quantities=quantity_mask(quantities) or METERED,
            expires_s=expires_s,
            **scope,
        ),
        time.time() if now_s is None else now_s,
    )


def put(archive: Archive, user: str, scope: Scope, now_s: float) -> int:
    """Gives a user a scope: the number of the grant. Raises RemoteError."""
    row = _row(scopes.checked(scope)) | {"user": user_id(archive, user), "granted_s": int(now_s)}
    number: int = Grant.insert(**row).execute(archive.db)
    return number


def replace(archive: Archive, number: int, scope: Scope) -> None:
    """Another scope in the place of a grant's. Within a transaction that has read it. Raises RemoteError."""
    Grant.update(**_row(scopes.checked(scope))).where(Grant.id == number).execute(archive.db)


def revoke_grant(archive: Archive, number: int, now_s: float | None = None) -> None:
    """Ends a grant now. Raises RemoteError if there is none with this number that is not revoked yet."""
    query = Grant.update(revoked_s=int(time.time() if now_s is None else now_s)).where(
        Grant.id == number, Grant.revoked_s.is_null()
    )
    if not query.execute(archive.db):
        raise RemoteError("grant-unknown", number=number)


def grant_of(archive: Archive, number: int) -> GrantInfo:
    """A grant that is not revoked, locked until the transaction ends. Raises RemoteError."""
    archive.connection().lock("grant", [number])
    for found in _infos(archive, (Grant.id == number) & Grant.revoked_s.is_null()):
        return found
    raise RemoteError("grant-unknown", number=number)


def find(archive: Archive, number: int) -> GrantInfo:
    """A grant, also one that has ended. Raises RemoteError."""
    for found in _infos(archive, Grant.id == number) if 0 < number < _MOST_NUMBER else ():
        return found
    raise RemoteError("grant-unknown", number=number)


def newest(
    archive: Archive, within: Iterable[str], user: int | None, holds: bool | None, now_s: float, before: int, limit: int
) -> list[GrantInfo]:
    """Grants within some regions ("": all) with a number below `before`, the newest first; of a user; that have (not) ended."""
    which: Expression = Grant.id < min(before, _MOST_NUMBER)
    regions_ = list(within)
    if "" not in regions_:
        which &= reduce(operator.or_, [_lies_in(Grant.region, region) for region in regions_], Grant.id < 0)
    if user is not None:
        which &= Grant.user == user
    if holds is not None:
        going_on = Grant.revoked_s.is_null() & (Grant.expires_s.is_null() | (Grant.expires_s > int(now_s)))
        which &= going_on if holds else ~going_on
    return _infos(archive, which, Grant.id.desc(), limit)


def list_grants(archive: Archive) -> list[GrantInfo]:
    """All grants, revoked ones too, in the order they were given."""
    return _infos(archive, Grant.id >= 0)


def scopes_of(archive: Archive, user: int) -> list[Scope]:
    """A user's scopes, of grants that are not revoked and of their contracts; what they open now is for `scopes.opened` to say."""
    # Asked for at every look at a sensor.
    return [_scope(row) for row in archive.connection().execute(_OF_USER, (user, user)).fetchall()]


def scopes_of_subject(archive: Archive, user: int) -> list[Scope]:
    """Those of a user's contracts: what is theirs, without what was granted to them."""
    return [_scope(row) for row in archive.connection().execute(_OF_SUBJECT, (user,)).fetchall()]


def candidates(
    archive: Archive, scopes: list[Scope], after: int = -1, part: Scope | None = None, name: str = ""
) -> Iterator[tuple[SensorInfo, int, frozenset[str]]]:
    """Sensors by id, after `after`, that some scope's selectors name: all quantities each ever sent, its labels that some name.

    With `part`, those that its selectors name, too; with `name`, those that have it in their name, or as their number.
    """
    if not scopes:
        return
    every = scopes if part is None else [*scopes, part]
    named = sorted({label for scope in every for label in scope.labels or ()})
    labelled: dict[int, set[str]] = {}
    if named:
        of_labels = Label.select(Label.sensor_id, Label.label).where(Label.label.in_(named), Label.sensor_id > after)
        for sensor_id, label in of_labels.tuples().execute(archive.db):
            labelled.setdefault(sensor_id, set()).add(label)
    query = Sensor.select(
        Sensor.id, Sensor.name, Sensor.region, Sensor.category, Sensor.key_id, Sensor.seen_mask
    ).where(
        reduce(operator.or_, [_selected(each) for each in scopes]),
        *([] if part is None else [_selected(part)]),
        *([_is_named(name)] if name else []),
    )
    more = True
    while more:  # whoever wants the first ones only does not wait for all
        rows = query.where(Sensor.id > after).order_by(Sensor.id).limit(_AT_ONCE).tuples().execute(archive.db)
        more = False
        for *info, seen in rows:
            after, more = info[0], True
            yield SensorInfo(*info), seen, frozenset(labelled[after]) if after in labelled else _NO_LABELS


def places(archive: Archive, scopes: list[Scope]) -> list[Place]:
    """Where sensors are that some scope's selectors name, and of which category: each such place once, of no one sensor."""
    if not scopes:
        return []
    query = Sensor.select(Sensor.region, Sensor.category).distinct()
    query = query.where(reduce(operator.or_, [_selected(each) for each in scopes])).tuples()
    return [Place(0, region, category) for region, category in query.execute(archive.db)]


def candidate(archive: Archive, sensor_id: int) -> tuple[SensorInfo, int] | None:
    """A sensor, whoever may see it, and all quantities that it ever sent; None: there is none."""
    query = "SELECT id, name, region, category, key_id, seen_mask FROM sensor WHERE id = ?"
    row = archive.connection().execute(query, (sensor_id,)).fetchone()
    return None if row is None else (SensorInfo(*row[:5]), row[5])


def name_of(archive: Archive, sensor_id: int) -> str:
    """A sensor's name, whoever may see it; empty if there is none."""
    found = candidate(archive, sensor_id)
    return found[0].name if found else ""


def labels(archive: Archive, sensor_id: int, scopes: list[Scope]) -> frozenset[str]:
    """A sensor's labels, if any scope names one."""
    if all(scope.labels is None for scope in scopes):
        return frozenset()
    rows = archive.connection().execute("SELECT label FROM label WHERE sensor_id = ?", (sensor_id,)).fetchall()
    return frozenset(label for (label,) in rows)


def matching(archive: Archive, scope: Scope) -> list[int]:
    """The sensors that a scope's selectors name, by id."""
    return [
        info.id
        for info, _, labels in candidates(archive, [scope])
        if scope.matches(Place(info.id, info.region, info.category, labels))
    ]


def _infos(archive: Archive, which: Expression, order: Any = Grant.id, limit: int | None = None) -> list[GrantInfo]:
    fields = [getattr(Grant, name) for name in _FIELDS.split(", ")]
    query = Grant.select(Grant.id, User.name, *fields).join(User, JOIN.INNER).where(which).order_by(order).limit(limit)
    return [GrantInfo(row[0], row[1], _scope(row[2:])) for row in query.tuples().execute(archive.db)]


def _scope(row: tuple[Any, ...]) -> Scope:
    region, category, labels, sensors, quantities, resolution, k, first_s, until_s, export, live, *when, revoked_s = row
    return Scope(
        region,
        category,
        None if labels is None else frozenset(json.loads(labels)),
        None if sensors is None else frozenset(json.loads(sensors)),
        quantities,
        _FINENESS[resolution],
        k,
        first_s,
        until_s,
        bool(export),
        bool(live),
        when[0],
        when[1],
        revoked_s is not None,
    )


def _row(scope: Scope) -> dict[str, Any]:
    return {
        "region": scope.region,
        "category": scope.category,
        "labels": None if scope.labels is None else json.dumps(sorted(scope.labels)),
        "sensors": None if scope.sensors is None else json.dumps(sorted(scope.sensors)),
        "quantities": scope.quantities,
        "resolution": int(scope.resolution),
        "k": scope.k,
        "first_s": scope.first_s,
        "until_s": scope.until_s,
        "export": int(scope.export),
        "live": int(scope.live),
        "starts_s": scope.starts_s,
        "expires_s": scope.expires_s,
    }


def _is_named(text: str) -> Expression:
    # Which letters are alike an engine knows of ASCII alone.
    found = reduce(
        operator.or_, [Sensor.name.contains(one) for one in {text, text.lower(), text.upper(), text.title()}]
    )
    return (
        found | (Sensor.id == int(text)) if text.isascii() and text.isdecimal() and len(text) <= _ID_DIGITS else found
    )


def _selected(scope: Scope) -> Expression:
    parts: list[Expression] = [Sensor.id >= 0]
    if scope.sensors is not None:
        parts.append(Sensor.id.in_(sorted(scope.sensors)))
    if scope.category is not None:
        parts.append(Sensor.category == scope.category)
    if scope.labels is not None:
        parts.append(Sensor.id.in_(Label.select(Label.sensor_id).where(Label.label.in_(sorted(scope.labels)))))
    if scope.region is not None:
        parts.append(_lies_in(Sensor.region, scope.region))
    return reduce(operator.and_, parts)


def _lies_in(field: Any, region: str) -> Any:
    low, high = regions.bounds(region)
    # A range, not LIKE: no wildcards to escape, case counts, and the index serves it.
    return (field == region) | ((field >= low) & (field < high))
