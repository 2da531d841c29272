"""Twelve relays in three groups: each its turn as proxy, one data connection a group, nothing lost, every choice the right one."""

import bisect
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.rigs.group_site import Site, Term, Watch, running
from tests.rigs.load import Load
from tests.rigs.processes import WHOLE

SECONDS = 120 if WHOLE else 20
GROUPS = {"north": [1, 2, 3, 4], "south": [5, 6, 7, 8], "west": [9, 10, 11, 12]}
_EDGE_S = 0.15  # so long before or after the edge of a period an ACK may be counted in the other one


@pytest.mark.slow
def test_each_relay_has_its_turn_and_the_least_loaded_is_next(scratch: Path) -> None:
    site = Site(scratch, GROUPS)
    with running(site):
        watch = Watch(site)
        watch.start()
        loads = {relay_id: site.load(relay_id, rate=4 + 5 * (relay_id % 4), sends=0.3) for relay_id in site.relays}
        for load in loads.values():
            load.start()
        bars: dict[tuple[int, int, int, int], int] = {}
        end_s = time.monotonic() + SECONDS
        while time.monotonic() < end_s:
            time.sleep(5)
            bars |= site.bars()  # the remote keeps those of the last terms only
        for load in loads.values():
            load.finish()
        watch.stop()
        site.check_all_there({data_id for load in loads.values() for data_id in load.acked})
        assert watch.looks > 10 * SECONDS
        assert 0 < watch.most <= len(GROUPS)
        assert site.metric("data_connections_most") <= len(GROUPS)
        for relay_id, relay in site.relays.items():
            report = relay.report()
            assert (report["loads_direct"], report["proxy_lost"], report["errors"]) == (0, "", 0), relay_id
            _check_shown(site.urls[relay_id], report)
        acked = sum(len(load.acked) for load in loads.values())
        choices = sum(len(site.terms(name)) - 1 for name in GROUPS)
        print(f"{acked} data acknowledged, {choices} choices checked; data connections: {watch.most} at most", end=" ")
        bars |= site.bars()
        for name, members in GROUPS.items():
            terms = site.terms(name)
            assert {term.proxy for term in terms} == set(members)
            _check_rounds(terms, members)
            for before, after in pairwise(terms):
                _check_choice(before, after, bars, loads)


def _check_shown(url: str, report: dict[str, Any]) -> None:
    """What a relay says of its group on its page and to Prometheus, when nothing moves any more."""
    page, metrics = (urllib3.request("GET", url + path, retries=False).data.decode() for path in ("/", "/metrics"))
    assert ("proxy of " in page) == report["is_proxy"]
    assert f">{report['loads_by_group']:,}</td>" in page
    for line in (
        f"is_proxy {float(report['is_proxy'])}",
        f"group_term {float(report['term'])}",
        "proxy_lost 0.0",
        f'loads_delivered_total{{way="group"}} {float(report["loads_by_group"])}',
        f"loads_carried_total {float(report['loads_carried'])}",
    ):
        assert f"\ngridecho_relay_{line}\n" in metrics


def _check_rounds(terms: list[Term], members: list[int]) -> None:
    by_round: dict[int, Counter[int]] = {}
    for term in terms:
        by_round.setdefault(term.round, Counter())[term.proxy] += 1
    assert list(by_round) == list(range(1, len(by_round) + 1))
    for number, proxies in by_round.items():
        assert set(proxies.values()) == {1}, f"round {number}: {proxies}"
        if number < len(by_round):
            assert set(proxies) == set(members), f"round {number} is not complete: {proxies}"
    assert [term.number for term in terms] == list(range(1, len(terms) + 1))
    assert all(term.reason == "after 2 s" for term in terms[:-1])
    assert all(after.began_ms == before.ended_ms for before, after in pairwise(terms))


def _check_choice(term: Term, after: Term, bars: dict[tuple[int, int, int, int], int], loads: dict[int, Load]) -> None:
    standing = {relay_id: (said, score) for relay_id, said, score in term.ballot}
    compared = {relay_id: score for relay_id, (_, score) in standing.items() if score is not None}
    assert standing[after.proxy][0] == "chosen"
    # From what the relays told.
    of_term = (term.group_id, term.number)
    areas = {
        relay_id: _area([bars.get((*of_term, relay_id, period), 0) for period in range(term.periods)])
        for relay_id in compared
    }
    assert compared == pytest.approx(areas, abs=1e-6)
    assert areas[after.proxy] <= min(areas.values()) + 1e-6, "another one had less"
    # From what the sensors saw.
    begin_s = term.began_ms // 1000
    end_s = begin_s + term.periods * term.period_s
    seen = {}
    for relay_id, score in compared.items():
        at = sorted(loads[relay_id].acked_at.values())
        seen[relay_id] = _within(at, begin_s, end_s)
        near = _within(at, begin_s - _EDGE_S, begin_s + _EDGE_S) + _within(at, end_s - _EDGE_S, end_s + _EDGE_S)
        assert score is not None
        assert abs(score - seen[relay_id]) <= near, (term, relay_id)


def _within(at: list[float], from_s: float, to_s: float) -> int:
    return bisect.bisect_left(at, to_s) - bisect.bisect_left(at, from_s)


def _area(bars: list[int]) -> float:
    """The area under a monotone cubic through the bars' middles, level at both ends: by Hermite's formulas, apart from scipy."""
    if not bars:
        return 0.0
    y = [bars[0], *bars, bars[-1]]
    steps = [b - a for a, b in pairwise(y)]
    slopes = [0.0]
    for left, right in pairwise(steps):
        # Equal distances: the harmonic mean where both go one way, level at a turning point (Fritsch and Butland 1984).
        slopes.append(2 * left * right / (left + right) if left * right > 0 else 0.0)
    slopes.append(0.0)
    whole = sum((y[i] + y[i + 1]) / 2 + (slopes[i] - slopes[i + 1]) / 12 for i in range(1, len(y) - 2))
    return whole + (y[0] + y[-1]) / 2  # half a level period at either end
