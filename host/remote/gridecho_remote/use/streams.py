"""Readings as they come: who may be told of them, and what is new of the sensors that somebody is told of, look by look.

One `Arrivals` serves all who are told in a process: it asks the database once a look for all their sensors. What somebody may see
is read in the same transaction as what they are told.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from ..rules import scopes
from ..rules.actor import Actor
from ..rules.arrivals import OVERLAP_MS, Position, Run, new_of
from ..rules.errors import RemoteError
from ..rules.periods import END_S
from ..rules.scopes import Place, Purpose, Scope, Segment, touching
from ..store import arrivals, grants, interest
from ..store.data import Held
from ..store.readings import Readings
from . import holes, live, looks, sessions, shared
from .site import Site

__all__ = ("OVERLAP_MS", "Position", "Readings", "runs_of")

runs_of = arrivals.runs_of

MOST_SENSORS = 50  # of one stream
BACK_S = 86_400  # who is told of readings as they come is told of those of the last day, however late they come
NOTED_S = 3_600  # of the time to come

Segments = tuple[Segment, ...]
Span = tuple[int, int]
Came = tuple[int, str | int | None]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is told, and of what. `token`: of the login that they came with, if it is one."""

    actor: Actor
    sensor_ids: tuple[int, ...]
    quantities: int
    token: str | None = None

    @property
    def came_by(self) -> Came:
        """What stands for them and the way that they came."""
        return self.actor.id, self.token if self.actor.by is None else self.actor.by.token


def begin(site: Site, viewer: Viewer) -> Span:
    """Somebody wants to be told from now on, and relays hear of it: the hours that are noted. Raises RemoteError.

    As for a look: NotAllowedError, and NotFoundError alike for one that is not granted and for none.
    """
    if not 1 <= len(viewer.sensor_ids) <= MOST_SENSORS:
        raise RemoteError("live-sensors", most=MOST_SENSORS)
    now_s = int(site.clock())
    for sensor_id in viewer.sensor_ids:
        one = shared.granted(site, viewer.actor, sensor_id)
        if not live.is_open(site, one):
            raise RemoteError("live-not-open", sensor_id=sensor_id)
    for sensor_id in viewer.sensor_ids:
        interest.want(site.archive, viewer.actor.id, sensor_id, site.now_ms())
    return note(site, viewer, None, now_s, now_s + NOTED_S)


def renew(site: Site, viewer: Viewer, begun_ms: int) -> None:
    """Somebody is told still: relays hear of it, and are asked for what was made since they began and waits there.

    A relay that starts, or does not reach the remote, has readings wait until it hears that somebody looks.
    """
    now_ms = site.now_ms()
    from_s = max(begun_ms, now_ms - 1000 * BACK_S) // 1000
    _, to_s = looks.whole_hours((from_s, now_ms // 1000 + NOTED_S))  # so that who asks again asks for the same
    for sensor_id in viewer.sensor_ids:
        interest.want(site.archive, viewer.actor.id, sensor_id, now_ms)
        holes.ask(site, viewer.actor, sensor_id, viewer.quantities, from_s, to_s)


def note(site: Site, viewer: Viewer, noted: Span | None, from_s: int, to_s: int) -> Span:
    """Notes that somebody is told of readings of a span, by whole hours, unless that is `noted`: what is then. A row a sensor."""
    if noted is not None and noted[0] <= from_s and to_s <= noted[1]:
        return noted
    span = looks.whole_hours((from_s, to_s) if noted is None else (min(from_s, noted[0]), max(to_s, noted[1])))
    for sensor_id in viewer.sensor_ids:
        found = shared.opened(site, viewer.actor, sensor_id)
        if found is None:
            continue  # it is told nothing of it, then
        _, sent, open_ = found
        mask = sent & viewer.quantities & open_.mask
        seen = touching(open_.segments(mask, purpose=Purpose.LIVE, from_s=span[0], to_s=span[1]), mask)
        looks.look(site, viewer.actor, "sensors.live", f"sensor {sensor_id}", mask, span, {sensor_id: seen})
    return span


def _is_there(site: Site, viewer: Viewer) -> bool:
    if viewer.token is None:
        return shared.holds(site, viewer.actor)
    found = sessions.find(site, viewer.token, active=False)
    return found is not None and found.person.id == viewer.actor.id and not found.person.must_change


class Moment:
    """What there is at one look; within its transaction, and each thing is asked for once."""

    def __init__(self, site: Site, now_ms: int, from_s: int, new: dict[int, list[tuple[Run, list[Run]]]]) -> None:
        self.now_ms, self.from_s, self._site, self._new = now_ms, from_s, site, new
        self._there: dict[Came, bool] = {}
        self._scopes: dict[Came, tuple[list[Scope], Scope | None]] = {}
        self._labelled: dict[int, frozenset[str]] = {}
        self._places: dict[int, Place | None] = {}
        self._since: dict[tuple[int, int], list[Held]] = {}
        self._told: dict[tuple[int, Segments], Readings] = {}

    @property
    def sensor_ids(self) -> Collection[int]:
        """The sensors of which anything is new."""
        return self._new.keys()

    def is_there(self, viewer: Viewer) -> bool:
        """Whether the login or the token with which somebody came is good still."""
        if viewer.came_by not in self._there:
            self._there[viewer.came_by] = _is_there(self._site, viewer)
        return self._there[viewer.came_by]

    def opened(self, viewer: Viewer, sensor_id: int) -> Segments:
        """What somebody may be told of a sensor now, by time; nothing: it is not to be seen."""
        place = self._place(sensor_id)
        if place is None:
            return ()
        if viewer.came_by not in self._scopes:
            self._scopes[viewer.came_by] = shared.scopes_of(self._site, viewer.actor)
        held, part = self._scopes[viewer.came_by]
        place = place._replace(labels=self._labels(sensor_id, held if part is None else [*held, part]))
        open_ = scopes.opened(held, place, self._site.clock(), self._site.days, part)
        return tuple(open_.segments(viewer.quantities, purpose=Purpose.LIVE, to_s=END_S))

    def new(self, sensor_id: int, segments: Segments) -> Readings:
        """What is new of a sensor since the look before. Raises DamagedError."""
        key = sensor_id, segments
        if key not in self._told:
            only = [run for _, parts in self._new.get(sensor_id, ()) for run in parts]
            self._told[key] = arrivals.readings(self._blocks.get(sensor_id, []), segments, self.from_s, only)
        return self._told[key]

    def since(self, sensor_id: int, segments: Segments, position: Position) -> Readings:
        """What was stored of a sensor since a position and is not told. Raises DamagedError."""
        key = sensor_id, position.since_ms
        if key not in self._since:
            connection = self._site.archive.connection()
            self._since[key] = arrivals.since(connection, sensor_id, self.from_s, position.since_ms)
        return arrivals.readings(
            self._since[key], segments, self.from_s, but=position.runs(sensor_id), stored_ms=position.since_ms
        )

    @cached_property
    def _blocks(self) -> dict[int, list[Held]]:
        keys = [(sensor_id, run[0], run[1]) for sensor_id, some in self._new.items() for run, _ in some]
        found: dict[int, list[Held]] = {}
        for block in arrivals.blocks(self._site.archive.connection(), keys):
            found.setdefault(block.sensor_id, []).append(block)
        return found

    def _place(self, sensor_id: int) -> Place | None:
        if sensor_id not in self._places:
            found = grants.candidate(self._site.archive, sensor_id)
            self._places[sensor_id] = found and Place(sensor_id, found[0].region, found[0].category)
        return self._places[sensor_id]

    def _labels(self, sensor_id: int, every: list[Scope]) -> frozenset[str]:
        if all(scope.labels is None for scope in every):
            return frozenset()
        if sensor_id not in self._labelled:
            self._labelled[sensor_id] = grants.labels(self._site.archive, sensor_id, every)
        return self._labelled[sensor_id]


@dataclass(slots=True)
class Arrivals:
    """What is there of the sensors that somebody is told of. Used by one thread, which has a connection of its own."""

    site: Site
    _there: dict[int, set[Run]] = field(default_factory=dict)
    _from_s: int = 0
    _version: object = None

    def has_changed(self) -> bool:
        """Whether the database has changed since the last look that was made whole."""
        return self._version is None or self.site.archive.engine.version() != self._version

    @contextmanager
    def look(self, sensor_ids: Collection[int]) -> Iterator[Moment]:
        """One look at these sensors. Of one that was not looked at before, all that is there is known."""
        now_ms, version = self.site.now_ms(), self.site.archive.engine.version()
        # What the day behind us has lost is never new again: it moves on only.
        from_s = max(self._from_s, now_ms // 1000 - BACK_S)
        with self.site.archive.reading() as connection:
            there = arrivals.runs(connection, sorted(sensor_ids), from_s)
            new = {
                sensor_id: more
                for sensor_id, some in there.items()
                if sensor_id in self._there and (more := list(new_of(some, self._there[sensor_id])))
            }
            yield Moment(self.site, now_ms, from_s, new)
        self._there, self._from_s, self._version = there, from_s, version

    def forget_version(self) -> None:
        """The next look is made whatever has changed."""
        self._version = None
