"""Whole lives: everything that may happen to a remote that shares, or the part of it that leads deep into one matter."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import Allowed, Fine
from tests.rigs.sharing.asking import Asking
from tests.rigs.sharing.changes import Changes
from tests.rigs.sharing.drawn import CODES, DAY, SCOPES, T0, USERS
from tests.rigs.sharing.files import Files
from tests.rigs.sharing.looks import Looks
from tests.rigs.sharing.programs import PARTS, Programs
from tests.rigs.sharing.pulls import Pulls
from tests.rigs.sharing.streams import Streams
from tests.rigs.sharing.sums import Sums


class Seen(Looks, Changes):
    """Who sees what."""

    @initialize(ended=st.booleans(), near=st.sampled_from([None, Fine.RAW, Fine.DAY]))
    def begin_seeing(self, ended: bool, near: Fine | None) -> None:
        """Readings of two days, of which somebody sees the first; and a region beside the one that somebody else sees."""
        if ended or near is not None:
            self.send_two_days()
        if ended:
            self.grant(2, Allowed(sensors=frozenset(PLACES), until_s=T0 - DAY), None)
        if near is not None:
            self.grant(1, Allowed(region="north", resolution=near), None)
            self.move(7, "northern")
            self.tell(8, undated=False)


class Taken(Files, Programs, Changes):
    """What is taken away, read on later, or read by programs."""

    @initialize(wide=st.booleans(), half=st.booleans(), export=st.booleans(), part=st.none() | PARTS)
    def begin_taking(self, wide: bool, half: bool, export: bool, part: Allowed | None) -> None:
        """Readings of two days, of which one person sees all, and another one the first, with `export` or without."""
        if wide or half:
            self.send_two_days()
        if wide:
            self.grant(1, Allowed(sensors=frozenset(PLACES)), None)
        if part:
            self.make_token(1, part, 3)
        if half:
            self.grant(2, Allowed(sensors=frozenset(PLACES), until_s=T0 - DAY, export=export), None)


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


class AsItComes(Streams, Changes):
    """What somebody is told as it comes."""

    @initialize(scopes=st.lists(st.tuples(st.sampled_from([*USERS]), st.sampled_from([None, *CODES])), max_size=3))
    def begin_streams(self, scopes: list[tuple[int, int | None]]) -> None:
        """Some who may be told of all that a sensor sends, or of one quantity."""
        for user, code in scopes:
            every = Allowed().quantities
            scope = Allowed(sensors=frozenset(PLACES), quantities=every if code is None else 1 << code)
            self.grant(user, scope, None)
            self.begin_stream(user, [7])

    @rule(sensor_id=st.sampled_from([*PLACES]), back=st.integers(0, 3))
    def send_now(self, sensor_id: int, back: int) -> None:
        """A reading of just now."""
        self._send(sensor_id, back, 1, 1, CODES, 0)
        if self.streams:
            self.tell_all()


class Sharing(Seen, Taken, Summed, AskedFor, AsItComes):
    """All of it."""


LIVES = (Sharing, Seen, Taken, Summed, AskedFor, AsItComes)
