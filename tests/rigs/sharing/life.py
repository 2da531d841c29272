"""Whole lives: everything that may happen to a remote that shares, or the part of it that leads deep into one matter."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.rigs.scope_model import Allowed, Fine
from tests.rigs.sharing.asking import Asking
from tests.rigs.sharing.changes import Changes
from tests.rigs.sharing.drawn import SCOPES
from tests.rigs.sharing.files import Files
from tests.rigs.sharing.looks import Looks
from tests.rigs.sharing.pulls import Pulls
from tests.rigs.sharing.sums import Sums


class Seen(Looks, Changes):
    """Who sees what."""


class Taken(Files, Changes):
    """What is taken away, or read on later."""


class Summed(Sums, Changes):
    """What is summed."""

    @initialize(
        days=st.sampled_from([0, 3, 7]),
        grants=st.lists(st.sampled_from([("north", 2), ("north", 2), ("north", 3), (None, 2)]), max_size=2),
    )
    def begin_sums(self, days: int, grants: list[tuple[str | None, int]]) -> None:
        """Some readings, and grants of sums: much else leads somewhere only then."""
        if days:
            self.send_days(0, days)
        for region, k in grants:
            self.grant_sums(1, region, k, Fine.DAY)


class AskedFor(Asking, Pulls, Changes):
    """What is asked for, of people and of relays."""

    @initialize(scope=st.none() | SCOPES)
    def begin_asking(self, scope: Allowed | None) -> None:
        """Somebody asks."""
        if scope:
            self.ask(1, scope, 10, "known", False)


class Sharing(Seen, Taken, Summed, AskedFor):
    """All of it."""


LIVES = (Sharing, Seen, Taken, Summed, AskedFor)
