"""What is done to groups of real processes, as long as the caller likes: turns of all, and proxies that fail."""

import signal
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import urllib3

from tests.rigs.group_records import Bars, check_choice, check_rounds
from tests.rigs.group_site import Site, running
from tests.rigs.waiting import HANG_S, wait_for

AFTER_S = 2
GROUP = "north"


def take_turns(folder: Path, groups: Mapping[str, Sequence[int]], terms: int, whole_rounds: bool) -> str:
    """Every group has so many terms, under load. `whole_rounds`: nobody is late, for the machine has nothing else to do."""
    site = Site(folder, groups, after_s=AFTER_S)
    with running(site):
        loads = {relay_id: site.load(relay_id, rate=4 + 5 * (relay_id % 4), sends=0.3) for relay_id in site.relays}
        for load in loads.values():
            load.start()
        bars: Bars = {}

        def had_turns() -> bool:
            bars.update(site.bars())  # the remote keeps those of the last terms only
            proxies = {name: [term.proxy for term in site.terms(name)] for name in groups}
            return all(len(proxies[name]) > terms and set(proxies[name]) == set(groups[name]) for name in groups)

        wait_for(had_turns, "every relay's turn", every_s=0.5, hang_s=HANG_S + 4 * AFTER_S * terms)
        for load in loads.values():
            load.finish()
        site.check_all_there({data_id for load in loads.values() for data_id in load.acked})
        # Whoever was proxy has heard that it is none.
        wait_for(lambda: site.metric("data_connections") <= len(groups), "one data connection a group")
        for relay_id, relay in site.relays.items():
            report = relay.report()
            assert report["errors"] == 0
            assert report["loads_by_group"] > 0
            if whole_rounds:
                assert (report["loads_direct"], report["proxy_lost"]) == (0, ""), relay_id
            _check_shown(site.urls[relay_id], report)
        bars |= site.bars()
        choices = 0
        for name, members in groups.items():
            had = site.terms(name)
            assert [term.number for term in had] == list(range(1, len(had) + 1))
            if whole_rounds:
                check_rounds(had, members, "ended-seconds")
            for before, after in pairwise(had):
                check_choice(before, after, bars)
                choices += 1
        acked = sum(len(load.acked) for load in loads.values())
        most = site.metric("data_connections_most")
        return f"{acked} data acknowledged, {choices} choices checked; data connections: {most:.0f} at most"


def _check_shown(url: str, report: dict[str, Any]) -> None:
    """What a relay says of its group on its page and to Prometheus, when nothing moves any more."""
    page, metrics = (
        urllib3.request("GET", url + path, retries=False, timeout=HANG_S).data.decode() for path in ("/", "/metrics")
    )
    assert ("proxy of " in page) == report["is_proxy"]
    assert f">{report['loads_by_group']:,}</td>" in page
    for line in (
        f"is_proxy {float(report['is_proxy'])}",
        f"group_term {float(report['term'])}",
        f"proxy_lost {float(bool(report['proxy_lost']))}",
        f'loads_delivered_total{{way="group"}} {float(report["loads_by_group"])}',
        f"loads_carried_total {float(report['loads_carried'])}",
    ):
        assert f"\ngridecho_relay_{line}\n" in metrics


class Failures:
    """A group under load whose terms end by nothing but what is done to its proxies."""

    def __init__(self, folder: Path, members: Sequence[int]) -> None:
        self.site = Site(folder, {GROUP: members}, after_s=3600)

    def run(self, kills: int, stops: int) -> str:
        """Proxies are killed and started again, then stopped and let go on."""
        site = self.site
        with running(site):
            loads = [site.load(relay_id, rate=20, sends=0.5) for relay_id in site.relays]
            for load in loads:
                load.start()
            for _ in range(kills):
                killed = self._proxy_at_work()
                site.relays[killed].kill()
                self._wait_for_another(killed)
                site.relays[killed].start()
            for _ in range(stops):
                stopped = self._proxy_at_work()
                site.signal(stopped, signal.SIGSTOP)
                self._wait_for_another(stopped)
                site.signal(stopped, signal.SIGCONT)
                wait_for(
                    lambda one=stopped: site.relays[one].report()["term"] == site.terms(GROUP)[-1].number,
                    "that it finds whose turn it is",
                )
            for load in loads:
                load.finish()
            site.check_all_there({data_id for load in loads for data_id in load.acked})
            terms = site.terms(GROUP)
            assert [term.number for term in terms] == list(range(1, len(terms) + 1))
            assert len(terms) > kills + stops
            reasons = [term.reason for term in terms[:-1]]
            assert set(reasons) <= {"ended-lost", "ended-late"}, reasons
            return f"{kills} kills, {stops} stops: {sum(len(load.acked) for load in loads)} data, {len(terms)} terms"

    def _proxy_at_work(self) -> int:
        site = self.site
        wait_for(lambda: (term := site.term_of(GROUP)) and term.forwards > 2, "a proxy at work", every_s=0.05)
        return site.terms(GROUP)[-1].proxy

    def _wait_for_another(self, relay_id: int) -> None:
        site = self.site
        last = next(term.number for term in reversed(site.terms(GROUP)) if term.proxy == relay_id)
        wait_for(
            lambda: any(term.forwards for term in site.terms(GROUP) if term.number > last and term.proxy != relay_id),
            "another proxy at work",
            every_s=0.05,
        )
