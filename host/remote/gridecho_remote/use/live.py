"""Looking at a sensor as its readings come: relays hear of it, and the sensor sends at once while it lasts."""

from ..rules.actor import Actor
from ..rules.scopes import Purpose
from ..store import interest
from . import shared
from .shared import SharedSensor
from .site import Site


def watch(site: Site, actor: Actor, sensor_id: int) -> bool:
    """Somebody looks at a sensor for the next seconds. False: it is not open to them as it comes, or they look at many already.

    Raises NotAllowedError, NotFoundError.
    """
    one = shared.granted(site, actor, sensor_id)
    return is_open(site, one) and interest.want(site.archive, actor.id, sensor_id, site.now_ms())


def is_open(site: Site, one: SharedSensor) -> bool:
    """Whether anything of a sensor's is open as it comes, now."""
    now_s = int(site.clock())
    return bool(one.opened.segments(-1, purpose=Purpose.LIVE, from_s=now_s, to_s=now_s + 1))
