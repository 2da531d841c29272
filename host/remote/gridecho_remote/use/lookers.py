"""Who looked at whose readings: for the subject of a sensor, of the spans of their contracts and of nothing else."""

from dataclasses import dataclass
from datetime import date

from ..rules.actor import Actor, Kind
from ..rules.errors import NotFoundError
from ..rules.looks import LOOKS
from ..rules.periods import END_S
from ..rules.regions import around
from ..rules.scopes import METERED
from ..rules.units import codes_of, obis
from ..store import grants, lookers, places, sums, timeline, users
from ..store.audit import Entry
from ..store.places import ContractInfo
from ..store.timeline import Span
from .site import Site

__all__ = ("ContractInfo",)

MOST = 50
_MOST_SENSOR = (1 << 32) - 1
_NEWEST = 1 << 62
_DAY_S = 86_400
_NOBODY: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Meter:
    """A sensor whose readings are or were somebody's, and the contracts that say so."""

    sensor_id: int
    name: str
    contracts: list[ContractInfo]


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at readings of a contract: at which spans of it, which quantities, by which periods, at how many readings.

    `who`: None: no user any more. `count`: None where it is not known, or not only of this contract. `application`: a named one to
    which `who` consented; `program`: one with a token of theirs.
    """

    row: int
    at_ms: int
    who: str | None
    organisation: str | None
    own: bool
    what: str
    spans: list[tuple[int, int]]
    codes: list[int]
    by: str | None
    count: int | None
    export: bool
    program: bool
    application: str | None


@dataclass(frozen=True, slots=True)
class SumTold:
    """Somebody was given sums over a region, in which the sensor was counted; on how many days, from which to which."""

    who: str | None
    organisation: str | None
    code: int
    region: str
    category: str
    first: date
    last: date
    days: int


def mine(site: Site, actor: Actor) -> list[Meter]:
    """The sensors that who asks has or had a contract of."""
    actor.require_themselves()
    found: dict[int, list[ContractInfo]] = {}
    for one in places.contracts_of_subject(site.archive, actor.id):
        found.setdefault(one.sensor_id, []).append(one)
    return [Meter(number, grants.name_of(site.archive, number), ones) for number, ones in found.items()]


def is_mine(site: Site, actor: Actor, sensor_id: int) -> bool:
    """Whether who asks has or had a contract of a sensor."""
    actor.require_themselves()
    return bool(places.contracts_of_subject(site.archive, actor.id, sensor_id))


def looks_at(
    site: Site, actor: Actor, sensor_id: int, before: int = 0, limit: int = MOST
) -> tuple[list[Look], int | None]:
    """Looks at the readings of one's own contracts of a sensor, the newest first, those noted before a row (0: from now on).

    With them, before which row the next page begins; None: there is no more. Raises NotFoundError for a sensor of others.
    """
    actor.require_themselves()
    contracts = _own(site, actor, sensor_id)
    from_, limit = before or _NEWEST, min(limit, MOST)
    rows = [(row, one) for one in contracts for row in lookers.of_contract(site.archive, one.id, from_, limit + 1)]
    numbers = sorted({row.id for row, _ in rows}, reverse=True)
    shown = numbers[:limit]
    more = shown[-1] if len(numbers) > limit else None
    named = users.names(site.archive, [row.actor_id for row, _ in rows if row.actor_kind == Kind.PERSON])
    masks = {
        one.id: timeline.seen(site.archive, site.days, sensor_id, METERED, Span(one.from_s, one.until_s or END_S))
        for one in contracts
    }
    found = []
    for number in shown:
        of_row = [(row, one) for row, one in rows if row.id == number]
        look = _look(site, actor, of_row[0][0], [one for _, one in of_row], masks, named)
        if look is not None:
            found.append(look)
    return found, more


def sums_over(site: Site, actor: Actor, sensor_id: int) -> list[SumTold]:
    """Sums of days of one's own contracts of a sensor that somebody was given, in which it was counted; nobody else is named."""
    actor.require_themselves()
    contracts = _own(site, actor, sensor_id)
    there = grants.candidate(site.archive, sensor_id)
    if there is None:
        return []
    info, found = there[0], []
    with site.archive.reading() as connection:
        for one in contracts:
            # A day in which it began or ended is another household's, too.
            first = int(site.days.number([max(0, one.from_s) + _DAY_S - 1])[0])
            first = first if site.days.starts_s[first] >= one.from_s else first + 1
            last = int(site.days.number([(one.until_s or int(site.clock()))])[0]) - 1
            if first <= last:
                found += sums.given_of(connection, sensor_id, around(info.region), info.category, first, last)
    named = users.names(site.archive, [one.user_id for one in found])
    return [
        SumTold(
            named.get(one.user_id, _NOBODY)[0],
            named.get(one.user_id, _NOBODY)[1],
            one.code,
            one.region,
            one.category,
            site.days.date_of(one.first_day),
            site.days.date_of(one.last_day),
            one.days,
        )
        for one in sorted(found, key=lambda one: -one.last_day)
    ]


def _own(site: Site, actor: Actor, sensor_id: int) -> list[ContractInfo]:
    found = places.contracts_of_subject(site.archive, actor.id, sensor_id) if 0 <= sensor_id <= _MOST_SENSOR else []
    if not found:
        raise NotFoundError("sensor-not-shared", sensor_id=sensor_id)
    return found


def _look(
    site: Site,
    actor: Actor,
    row: Entry,
    contracts: list[ContractInfo],
    masks: dict[int, int],
    named: dict[int, tuple[str, str | None]],
) -> Look | None:
    """The look; None: their contracts have been shortened since, and it is not at their readings any more."""
    spans: list[tuple[int, int]] = []
    whole = True  # nothing of it is others'
    if "from_s" in row.fields:
        seen = lookers.spans_of(row.at_ms, row.fields)
        spans = sorted(part for one in contracts for part in _within(seen, one))
        whole = sum(to_s - from_s for from_s, to_s in spans) == sum(to_s - from_s for from_s, to_s in seen)
        if not spans:
            return None
    said = row.fields.get("quantities")
    mask = 0
    for one in contracts:
        mask |= masks[one.id]
    quantities = set(said) if isinstance(said, list) else set()
    count = row.fields.get("count")
    if row.what.endswith("export"):
        count = lookers.counted(site.archive, row)
    who, organisation = named.get(row.actor_id, _NOBODY) if row.actor_kind == Kind.PERSON else _NOBODY
    application, by = row.fields.get("application"), row.fields.get("by")
    return Look(
        row.id,
        row.at_ms,
        who,
        organisation,
        row.actor_kind == Kind.PERSON and row.actor_id == actor.id,
        LOOKS.get(row.what, row.what),
        spans,
        [code for code in codes_of(mask) if obis(code) in quantities],
        by if isinstance(by, str) else None,
        count if isinstance(count, int) and whole else None,
        row.what.endswith("export"),
        "token" in row.fields,
        application if isinstance(application, str) else None,
    )


def _within(seen: list[tuple[int, int]], one: ContractInfo) -> list[tuple[int, int]]:
    until_s = END_S if one.until_s is None else one.until_s
    parts = [(max(from_s, one.from_s), min(to_s, until_s)) for from_s, to_s in seen]
    return [(from_s, to_s) for from_s, to_s in parts if from_s < to_s]
