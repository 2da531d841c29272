"""What is done with data once they are stored: rollups of the days that they changed, the blocks of days that are over, and the end
of what is not to be kept for ever.
"""

import logging
from collections.abc import Callable

from gridecho.registers import CODE_OF

from ..store import compaction, retention, rollups
from .site import Site

log = logging.getLogger("gridecho.remote")


def tidy(site: Site, ends: Callable[[], bool] = lambda: False) -> int:
    """A round, until there is nothing left to do or it `ends`: how many days of sensors it saw to.

    Days with a block that cannot be read stay as they are; each is told of once.
    """
    ages = {CODE_OF[name]: age for name, age in site.settings.keep_days.items()}
    torn: set[tuple[int, int]] = set()
    whole = 0
    while not ends():
        now_s = site.clock()
        retention.mark(site.archive, site.days, now_s, ages)
        settled = rollups.settle(site.archive, site.days, torn)
        settled += compaction.settle(site.archive, site.days, now_s, torn, ages)
        if not settled:
            break
        whole += settled
    while not ends() and site.archive.engine.shrink():
        pass
    for sensor_id, day in sorted(torn):
        log.error("block-torn sensor=%d day=%s; it cannot be tidied", sensor_id, site.days.date_of(day))
    return whole
