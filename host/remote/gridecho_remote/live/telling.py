"""What one reader is told at a look: readings, that there are more, or why there are no more; and from where on they go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..rules.errors import DamagedError, NotFoundError, RemoteError, UnprovenError
from ..use.streams import OVERLAP_MS, Position, Readings, Segments, Viewer, runs_of
from . import events

MOST_READINGS = 1_000  # told to one at one look; of more they are told that there are

Render = Callable[[int, Readings], bytes]  # JSON of a sensor's readings


class Seen(Protocol):
    """What there is at a look (use/streams.py)."""

    now_ms: int
    from_s: int

    def is_there(self, viewer: Viewer) -> bool:
        """Whether the login or the token with which somebody came is good still."""

    def opened(self, viewer: Viewer, sensor_id: int) -> Segments:
        """What somebody may be told of a sensor now."""

    def new(self, sensor_id: int, segments: Segments) -> Readings:
        """What is new of a sensor since the look before."""

    def since(self, sensor_id: int, segments: Segments, position: Position) -> Readings:
        """What was stored of a sensor since a position and is not told."""


@dataclass(slots=True)
class Said:
    """Of each sensor what is told; what is passed over, because it was there before or is too much: `cut` then; or the end."""

    told: list[tuple[int, Readings]] = field(default_factory=list)
    passed: list[tuple[int, Readings]] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    since_ms: int = 0
    why: RemoteError | None = None


def said(seen: Seen, viewer: Viewer, wanted: Sequence[int], position: Position | None, *, joins: bool) -> Said:
    """What somebody is told of the sensors `wanted`. Who `joins` is told all since their position, and without one nothing yet."""
    if not seen.is_there(viewer):
        return Said(why=UnprovenError("log-in"))
    opened = {sensor_id: seen.opened(viewer, sensor_id) for sensor_id in viewer.sensor_ids}
    for sensor_id, segments in opened.items():
        if not segments:
            return Said(why=NotFoundError("sensor-not-shared", sensor_id=sensor_id))
    lately_ms = seen.now_ms - OVERLAP_MS
    start = position or Position(lately_ms, seen.now_ms)
    made, left = Said(since_ms=start.since_ms if joins else lately_ms), MOST_READINGS
    for sensor_id in wanted:
        try:
            found = seen.since(sensor_id, opened[sensor_id], start) if joins else seen.new(sensor_id, opened[sensor_id])
        except DamagedError:  # who reads it is told
            made.cut.append(sensor_id)
            continue
        if (
            joins and start.since_ms > lately_ms
        ):  # what others gave them before: it came so lately that it is to be remembered
            made.passed.append((sensor_id, seen.since(sensor_id, opened[sensor_id], Position(lately_ms, lately_ms))))
        if joins and position is None:
            made.passed.append((sensor_id, found))
        elif len(found) > left or (joins and start.since_ms < 1_000 * seen.from_s):
            made.cut.append(sensor_id)
            made.passed.append((sensor_id, found))
        elif len(found):
            made.told.append((sensor_id, found))
            left -= len(found)
    return made


def text_of(made: Said, position: Position, now_ms: int, one: bool, render: Render) -> bytes:
    """What was said as events, and the position moved on. `one`: of one sensor, in its form."""
    for sensor_id, found in made.passed + made.told:
        position.told(sensor_id, runs_of(found), now_ms)
    position.looked(now_ms)
    at = str(position)
    parts = [render(sensor_id, found) for sensor_id, found in made.told]
    text = b"".join(events.cut(sensor_id, made.since_ms, at) for sensor_id in made.cut)
    if parts:
        return text + events.event(parts[0] if one else b'{"sensors":[%s]}' % b",".join(parts), at=at)
    return text
