"""What is done with data once they are stored: rollups of the days that they changed, and the blocks of days that are over."""

import logging
from collections.abc import Callable

from ..store import compaction, rollups
from .site import Site

log = logging.getLogger("gridecho.remote")


def tidy(site: Site, ends: Callable[[], bool] = lambda: False) -> int:
    """A round, until there is nothing left to do or it `ends`: how many days of sensors it saw to.

    Days with a block that cannot be read stay as they are; each is told of once.
    """
    torn: set[tuple[int, int]] = set()
    whole = 0
    while not ends():
        settled = rollups.settle(site.archive, site.days, torn)
        settled += compaction.settle(site.archive, site.days, site.clock(), torn)
        if not settled:
            break
        whole += settled
    for sensor_id, day in sorted(torn):
        log.error("block-torn sensor=%d day=%s; it cannot be tidied", sensor_id, site.days.date_of(day))
    return whole
