"""Tidying in the background: what came is rolled up and made small, what nobody answers any more ends, the audit is anchored."""

from collections.abc import Callable
from datetime import date

from ..rules.actor import OPERATOR
from ..use import looks, requests
from ..use.audit import anchor, cut
from ..use.site import Site
from ..use.tidying import tidy
from .rounds import Rounds


class Tidier(Rounds):
    """Sees to what came every few seconds; once a day notes where the audit ends, and ends what is too old."""

    def __init__(self, site: Site) -> None:
        super().__init__("tidying", site, site.settings.tidy_every_s)
        self._anchored: date | None = None

    def one_round(self, ends: Callable[[], bool]) -> None:
        """As in Rounds."""
        self._site.renew()
        before, self._anchored = self._anchored, anchor(self._site, self._anchored)
        if before != self._anchored:
            cut(self._site, OPERATOR)
            while requests.expire(self._site, OPERATOR):
                pass
        looks.settle(self._site)
        tidy(self._site, ends)
