"""What files share: each part is given only while all of it may be taken away, and its end is noted."""

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from ..rules.actor import Actor
from ..rules.errors import NotFoundError
from ..rules.periods import Resolution
from ..rules.scopes import Purpose, Segment, covered
from . import shared
from .looks import Exporting
from .shared import SharedSensor
from .site import Site

Given = TypeVar("Given", bound=Sized)


@dataclass(frozen=True, slots=True)
class Export:
    """Parts to be written one after the other, and the quantities that they may have."""

    codes: list[int]
    parts: Iterator[Any]
    ended: Callable[[bool], None]  # to be called when it is over: whether all that was made of it was taken
    is_open: Callable[[], bool]  # whether all of it may still be given


def exported(
    site: Site,
    actor: Actor,
    begun: Exporting,
    codes: list[int],
    parts: Iterator[Given],
    sensor_id: int,
    segments: list[Segment],
    resolution: Resolution = Resolution.RAW,
) -> Export:
    """The export of segments, its first part read: what is wrong there is said in place of an answer that breaks off."""
    is_open = partial(_is_open, site, actor, sensor_id, segments, resolution)
    parts = _while_open(sensor_id, is_open, parts)
    try:
        first = next(parts)
    except BaseException:
        begun.ended(taken=False)
        raise
    return Export(codes, begun.counted(chain([first], parts)), begun.ended, is_open)


def require_export(one: SharedSensor) -> None:
    """Raises NotFoundError where nothing may be taken away as a file, as if there were no such sensor."""
    if not one.opened.segments(-1, purpose=Purpose.EXPORT):
        raise NotFoundError("sensor-not-shared", sensor_id=one.id)


def _is_open(site: Site, actor: Actor, sensor_id: int, segments: list[Segment], resolution: Resolution) -> bool:
    """Whether all of some segments may be taken away now."""
    found = shared.opened(site, actor, sensor_id) if shared.holds(site, actor) else None
    return covered(segments, found[2].segments(-1, resolution, Purpose.EXPORT) if found else [])


def _while_open(sensor_id: int, is_open: Callable[[], bool], parts: Iterator[Given]) -> Iterator[Given]:
    """The same, and before each part but the first it is asked again whether all of it is open. Raises NotFoundError."""
    for part in parts:
        yield part
        if not is_open():
            raise NotFoundError("sensor-not-shared", sensor_id=sensor_id)
