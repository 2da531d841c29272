"""Letters in the background. A server of mail that is slow or away keeps nothing else waiting."""

from collections.abc import Callable

from ..use import notices
from ..use.site import Site
from .rounds import Rounds

_EVERY_S = 5.0


class Mailer(Rounds):
    """Sends what people are told to those who gave an address."""

    def __init__(self, site: Site) -> None:
        super().__init__("mailing", site, _EVERY_S)

    def one_round(self, ends: Callable[[], bool]) -> None:
        """As in Rounds."""
        while not ends() and notices.send(self._site):
            pass
