"""Twelve relays in three groups, two minutes of virtual time: each its turn, one data connection a group, every choice exact."""

import bisect
from itertools import pairwise
from pathlib import Path

from tests.rigs.group_records import check_choice, check_rounds
from tests.rigs.simsite import SimSite

SECONDS = 120
AFTER_S = 4
GROUPS = {"north": [1, 2, 3, 4], "south": [5, 6, 7, 8], "west": [9, 10, 11, 12]}
# How wrong the relays' clocks are: their periods are the remote's all the same.
AHEAD_MS = {relay_id: 977 * (relay_id - 6) for members in GROUPS.values() for relay_id in members}
_EDGE_MS = 2  # the remote says whole ms: what comes so near to the edge of a period may be counted in the other one


def test_each_relay_has_its_turn_and_the_least_loaded_is_next(scratch: Path) -> None:
    site = SimSite(
        scratch, AHEAD_MS, GROUPS, after_s=AFTER_S, ahead_ms=AHEAD_MS, heartbeat_every_s=1.0, index_every_s=5.0
    )
    try:
        _check(site)
    finally:
        site.close()


def _check(site: SimSite) -> None:
    site.start()
    loads = {relay_id: site.load(relay_id, rate=1 + relay_id % 4, sends=0.3) for relay_id in AHEAD_MS}
    for load in loads.values():
        load.start()
    bars = {}
    for _ in range(4):
        site.time.sleep(SECONDS / 4)
        bars |= site.bars()  # the remote keeps those of the last terms only
    for load in loads.values():
        load.finish()
    site.empty_relays()
    site.check_whole(data_id for load in loads.values() for data_id in load.acked)
    for relay in site.relays.values():
        report = relay.report()
        assert (report["loads_direct"], report["proxy_lost"], report["errors"]) == (0, "", 0), relay.relay_id
    site.time.sleep(3.0)  # all have heard whose turn it is
    assert site.connections.count == len(GROUPS)
    bars |= site.bars()
    for name, members in GROUPS.items():
        terms = site.terms(name)
        assert len(terms) >= SECONDS / (AFTER_S + 1)
        check_rounds(terms, members, "ended-seconds")
        for before, after in pairwise(terms):
            compared = check_choice(before, after, bars)
            for relay_id, score in compared.items():
                _check_score(before, score, sorted(at - AHEAD_MS[relay_id] for at in loads[relay_id].acked.values()))


def _check_score(term, score: float, acked_ms: list[int]) -> None:
    """It is what the relay acknowledged in the periods that were compared."""
    begin_ms = term.began_ms // 1000 * 1000
    end_ms = begin_ms + 1000 * term.periods * term.period_s
    seen = _within(acked_ms, begin_ms, end_ms)
    near = sum(_within(acked_ms, edge_ms - _EDGE_MS, edge_ms + _EDGE_MS) for edge_ms in (begin_ms, end_ms))
    assert abs(score - seen) <= near, term


def _within(at_ms: list[int], from_ms: int, to_ms: int) -> int:
    return bisect.bisect_left(at_ms, to_ms) - bisect.bisect_left(at_ms, from_ms)
