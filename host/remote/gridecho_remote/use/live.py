"""Looking at a sensor as its readings come: relays hear of it, and the sensor sends at once while it lasts."""

from ..rules.actor import Actor
from ..rules.scopes import Purpose
from ..store import interest
from . import shared
from .site import Site


def watch(site: Site, actor: Actor, sensor_id: int) -> bool:
    """Somebody looks at a sensor for the next seconds. False: it is not open to them as it comes, or they look at many already.

    Raises NotAllowedError, NotFoundError.
    """
    one = shared.granted(site, actor, sensor_id)
    now_ms = site.now_ms()
    open_now = one.opened.segments(-1, purpose=Purpose.LIVE, from_s=now_ms // 1000, to_s=now_ms // 1000 + 1)
    return bool(open_now) and interest.want(site.archive, actor.id, sensor_id, now_ms)
