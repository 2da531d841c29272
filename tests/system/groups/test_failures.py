"""The proxy of the day is killed, or stopped and let go on: others resume within two terms, nothing is lost, nothing is twice."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rigs.group_site import Site, running
from tests.rigs.processes import WHOLE
from tests.rigs.waiting import wait_for

TIMES = 50 if WHOLE else 4
GROUP = "north"
MEMBERS = [1, 2, 3, 4]
_NOTICE_S = 3.0


class Failures:
    """A group of four under load, and what is done to its proxies."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.longest_s = 0.0  # from the failure to the first forward of a new term
        self.loads = {relay_id: site.load(relay_id, rate=20, sends=0.5) for relay_id in MEMBERS}
        for load in self.loads.values():
            load.start()

    def fail(self, how: Callable[[int], None]) -> int:
        """Does it to the proxy of a term that has begun to work, and waits until another one works; the relay it was done to."""
        wait_for(lambda: (term := self.site.term_of(GROUP)) and term.forwards > 2, "a proxy at work")
        proxy = self.site.relays[self.site.term_of(GROUP).proxy]
        relay_id = next(key for key, relay in self.site.relays.items() if relay is proxy)
        how(relay_id)
        before = self.site.term_of(GROUP)
        failed_s = time.monotonic()
        last = before.number if before else self.site.terms(GROUP)[-1].number

        def resumed() -> bool:
            terms = [term for term in self.site.terms(GROUP) if term.number > last and term.proxy != relay_id]
            return any(term.forwards for term in terms)

        wait_for(resumed, "another proxy at work")
        self.longest_s = max(self.longest_s, time.monotonic() - failed_s)
        first = next(t for t in self.site.terms(GROUP) if t.number > last and t.proxy != relay_id and t.forwards)
        assert first.number <= last + 2, "it took more than two terms"
        return relay_id

    def finish(self) -> None:
        """All that was acknowledged is at the remote."""
        for load in self.loads.values():
            load.finish(60)
        self.site.check_all_there({data_id for load in self.loads.values() for data_id in load.acked})
        numbers = [term.number for term in self.site.terms(GROUP)]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_a_proxy_is_killed(scratch: Path) -> None:
    site = Site(scratch, {GROUP: MEMBERS})
    with running(site):
        failures = Failures(site)
        for _ in range(TIMES):
            killed = failures.fail(lambda relay_id: site.relays[relay_id].kill())
            site.relays[killed].start()
        failures.finish()
        _check_reasons(site, TIMES)
        _say("killed", failures, site)
        assert failures.longest_s < _NOTICE_S + 2


@pytest.mark.slow
def test_a_proxy_is_stopped_and_goes_on_later(scratch: Path) -> None:
    site = Site(scratch, {GROUP: MEMBERS})
    with running(site):
        failures = Failures(site)
        for _ in range(TIMES):
            stopped = failures.fail(lambda relay_id: site.signal(relay_id, signal.SIGSTOP))
            site.signal(stopped, signal.SIGCONT)
            # It finds that it is none, unless its turn has come again.
            wait_for(lambda one=stopped: site.relays[one].report()["term"] == site.terms(GROUP)[-1].number, "the turn")
        failures.finish()
        _check_reasons(site, TIMES)
        _say("stopped", failures, site)
        assert failures.longest_s < _NOTICE_S + 2


def _check_reasons(site: Site, times: int) -> None:
    reasons = [term.reason for term in site.terms(GROUP)]
    ended_so = [reason for reason in reasons if reason.startswith("lost: relay") or reason == "heartbeat late"]
    assert len(ended_so) >= times * 3 // 4, reasons  # the others ended by time in the same moment


def _say(how: str, failures: Failures, site: Site) -> None:
    acked = sum(len(load.acked) for load in failures.loads.values())
    terms = len(site.terms(GROUP))
    print(f"{how} {TIMES} times: {acked} data, {terms} terms, resumed within {failures.longest_s:.2f} s")
