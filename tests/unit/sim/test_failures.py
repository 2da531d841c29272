"""The proxy of the day killed 50 times, and stopped 50 times, on virtual time: others resume soon, nothing is lost or twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rigs.simsite import SimRelay, SimSite

TIMES = 50
GROUP = "north"
MEMBERS = [1, 2, 3, 4]
NOTICE_S = 3.0  # until a member notices; docs/groups.md
AT_WORK_S = NOTICE_S + 1.0  # until the next one forwards: a heartbeat and a load later


class Failures:
    """A group of four under load, and what is done to its proxies."""

    def __init__(self, site: SimSite) -> None:
        self.site = site
        self.noticed_s: list[float] = []  # from each failure until a member notices, or the term is over
        self.took_s: list[float] = []  # from each failure to the first forward of a new term
        site.start()
        self.loads = [site.load(relay_id, rate=4, sends=0.5) for relay_id in MEMBERS]
        for load in self.loads:
            load.start()

    def fail(self, how: Callable[[SimRelay], None]) -> SimRelay:
        """Does it to the proxy of a term that has begun to work, and waits until another one works; the relay it was done to."""
        site, time = self.site, self.site.time
        term = time.wait_for(lambda: (one := site.term_of(GROUP)) and one.forwards > 2 and one, "a proxy at work", 0.05)
        failed = site.relays[term.proxy]
        how(failed)
        at_s = time.now_s
        others = [relay for relay in site.relays.values() if relay is not failed]

        def noticed() -> bool:
            return any(one.works.delivery.lost for one in others) or site.terms(GROUP)[-1].number > term.number

        time.wait_for(noticed, "somebody who notices", 0.05)
        self.noticed_s.append(time.now_s - at_s)

        def first() -> object:
            later = [one for one in site.terms(GROUP) if one.number > term.number and one.proxy != failed.relay_id]
            return next((one for one in later if one.forwards), None)

        assert time.wait_for(first, "another proxy at work", 0.05).number <= term.number + 2, "more than two terms"
        self.took_s.append(time.now_s - at_s)
        return failed

    def check(self) -> None:
        """All that was acknowledged is at the remote, and every failure was seen for what it was."""
        for load in self.loads:
            load.finish()
        self.site.empty_relays()
        self.site.check_whole(data_id for load in self.loads for data_id in load.acked)
        terms = self.site.terms(GROUP)
        assert [term.number for term in terms] == list(range(1, len(terms) + 1))
        seen = [term for term in terms if term.reason in ("ended-lost", "ended-late")]
        assert len(seen) >= TIMES * 3 // 4, [term.reason for term in terms]  # the others ended by time in that moment
        assert max(self.noticed_s) < NOTICE_S
        assert max(self.took_s) < AT_WORK_S


@pytest.fixture
def failures(scratch: Path) -> Iterator[Failures]:
    site = SimSite(scratch, MEMBERS, {GROUP: MEMBERS}, heartbeat_every_s=0.5, index_every_s=2.0)
    try:
        yield Failures(site)
    finally:
        site.close()


def test_a_proxy_is_killed(failures: Failures) -> None:
    for _ in range(TIMES):
        killed = failures.fail(SimRelay.kill)
        killed.start()
    failures.check()


def test_a_proxy_is_stopped_and_goes_on_later(failures: Failures) -> None:
    site = failures.site
    for _ in range(TIMES):
        stopped = failures.fail(lambda relay: relay.host.stop())
        stopped.host.go_on()
        # It finds that it is none, unless its turn has come again.
        site.time.wait_for(
            lambda one=stopped: one.works.delivery.turn.term == site.terms(GROUP)[-1].number, "the turn", 0.05
        )
    failures.check()
