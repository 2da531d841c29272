"""What is done with data once they are stored: rollups of the days that they changed, and the blocks of days that are over."""

from ..store import compaction, rollups
from .site import Site


def tidy(site: Site) -> int:
    """A round: how many days of sensors it saw to; 0: there was nothing to do. To be repeated until then."""
    return rollups.settle(site.archive, site.days) + compaction.settle(site.archive, site.days, site.clock())
