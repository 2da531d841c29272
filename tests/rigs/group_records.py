"""What a remote's database says of groups and their terms, read without the remote's code, and what must be true of it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.rigs import stored

Bars = dict[tuple[int, int, int, int], int]


@dataclass(frozen=True)
class Term:
    """A term as the remote recorded it; `why` and `reason` are codes."""

    group_id: int
    number: int
    round: int
    proxy: int
    why: str
    period_s: int
    began_ms: int
    ended_ms: int | None
    reason: str
    forwards: int
    periods: int
    ballot: list[tuple[int, str, float | None]]


class Records:
    """A remote's database; `group_ids` by name."""

    def __init__(self, database: Path, group_ids: Mapping[str, int]) -> None:
        self._database = database
        self._group_ids = group_ids

    def query(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        connection = sqlite3.connect(self._database, timeout=60)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def terms(self, name: str) -> list[Term]:
        """All terms of a group, in order."""
        rows = self.query(
            "SELECT group_id, number, round, proxy, why, period_s, began_ms, ended_ms, reason, forwards, periods, ballot "
            "FROM group_term WHERE group_id = ? ORDER BY number",
            self._group_ids[name],
        )
        return [
            Term(
                *row[:4],
                _code(row[4]),
                *row[5:8],
                _code(row[8]),
                *row[9:-1],
                [tuple(one) for one in json.loads(row[-1])],
            )
            for row in rows
        ]

    def term_of(self, name: str) -> Term | None:
        """The open term."""
        terms = self.terms(name)
        return terms[-1] if terms and terms[-1].ended_ms is None else None

    def bars(self) -> Bars:
        """Readings by group, term, relay and period, as relays told them: of every term whose bars the remote still keeps."""
        rows = self.query("SELECT group_id, term, relay_id, period, SUM(readings) FROM group_bar GROUP BY 1, 2, 3, 4")
        return {(group_id, term, relay_id, period): n for group_id, term, relay_id, period, n in rows}

    def stored(self) -> set[bytes]:
        """The data ids that are there as readings, each once."""
        return stored.packed_ids(self.query(stored.IDS))

    def check_whole(self, acked: Iterable[bytes]) -> None:
        """What was acknowledged is there, nothing strange came, and the index names nothing that nobody holds."""
        assert set(acked) - self.stored() == set(), "acknowledged, and lost"
        assert self.query("SELECT COUNT(*) FROM quarantine") == [(0,)]
        assert self.query("SELECT COUNT(*) FROM holding") == [(0,)], "the index names what nobody holds"


def _code(kept: str) -> str:
    return json.loads(kept)["code"] if kept else ""


def check_rounds(terms: list[Term], members: Iterable[int], reason: str) -> None:
    """Every member has its turn in every round, each term begins as the last one ends, and all ended for `reason`."""
    members = set(members)
    by_round: dict[int, Counter[int]] = {}
    for term in terms:
        by_round.setdefault(term.round, Counter())[term.proxy] += 1
    assert list(by_round) == list(range(1, len(by_round) + 1))
    for number, proxies in by_round.items():
        assert set(proxies.values()) == {1}, f"round {number}: {proxies}"
        if number < len(by_round):
            assert set(proxies) == members, f"round {number} is not complete: {proxies}"
    assert [term.number for term in terms] == list(range(1, len(terms) + 1))
    assert all(term.reason == reason for term in terms[:-1]), Counter(term.reason for term in terms[:-1])
    assert all(after.began_ms == before.ended_ms for before, after in pairwise(terms))


def check_choice(term: Term, after: Term, bars: Bars) -> dict[int, float]:
    """The one with the least load was chosen, by the bars that the relays told: the loads that were compared, by relay."""
    standing = {relay_id: (said, score) for relay_id, said, score in term.ballot}
    compared = {relay_id: score for relay_id, (_, score) in standing.items() if score is not None}
    assert standing[after.proxy][0] == "chosen"
    of_term = (term.group_id, term.number)
    areas = {
        relay_id: _area([bars.get((*of_term, relay_id, period), 0) for period in range(term.periods)])
        for relay_id in compared
    }
    assert compared == pytest.approx(areas, abs=1e-6)
    assert areas[after.proxy] <= min(areas.values()) + 1e-6, "another one had less"
    return compared


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
