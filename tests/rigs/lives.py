"""Lives of a group of relays at a remote's database: by a model, by chance, and in a race."""

import itertools
import random
import shutil
import tempfile
from pathlib import Path

from gridecho_remote import open_archive
from gridecho_remote.store import terms
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.rigs.terms import KEK, Bench
from tests.rigs.waiting import HANG_S


def forward_at(path: str, group_id: int, number: int, now_ms: int, gate) -> None:
    """One remote of several that share a database hears of a forward, when all of them are at the gate."""
    archive = open_archive(path, KEK)
    try:
        gate.wait(HANG_S)
        terms.forwarded(archive, group_id, number, now_ms)
    finally:
        archive.close()


def check_race(folder: Path, worker, barrier, rounds: int, database: str = "") -> None:
    """Four at once say that a term is over, in each of so many terms; they are made by `worker`, as a Thread is."""
    bench = Bench(folder, database=database)
    bench.beat(1, 2, 3)
    for _ in range(rounds):
        number = bench.term.number
        bench.wait(61)
        bench.beat(1, 2, 3)
        gate = barrier(4)
        arguments = (bench.database, bench.group.id, number, bench.now_ms, gate)
        racers = [worker(target=forward_at, args=arguments) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(HANG_S)
            assert not racer.is_alive()
            assert getattr(racer, "exitcode", 0) == 0
        assert bench.term.number == number + 1
        assert bench.history[-2].forwards == 1, "the first one ended it"
    assert [term.number for term in bench.history] == list(range(1, rounds + 2))
    bench.close()


class Lives(RuleBasedStateMachine):
    """Relays join, leave, die, come back and forward, in any order; a simple model knows who is there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench(self.folder, members=[1, 2, 3], after_s=60)
        self.alive = {1, 2, 3, 4, 5, 6}
        self.seen_terms = 0

    @initialize()
    def begin(self) -> None:
        self._beat()

    @rule(relay_id=st.integers(1, 6))
    def joins(self, relay_id: int) -> None:
        if relay_id not in self.bench.members:
            self.bench.join(relay_id)

    @rule(relay_id=st.integers(1, 6))
    def leaves(self, relay_id: int) -> None:
        if relay_id in self.bench.members:
            self.bench.leave(relay_id)

    @rule(relay_id=st.integers(1, 6))
    def dies(self, relay_id: int) -> None:
        self.alive.discard(relay_id)

    @rule(relay_id=st.integers(1, 6))
    def comes_back(self, relay_id: int) -> None:
        self.alive.add(relay_id)

    @rule(seconds=st.sampled_from([1, 8]))
    def time_goes_by(self, seconds: int) -> None:
        for _ in range(seconds):
            self.bench.wait(1)
            self._beat()

    @rule(loads=st.lists(st.integers(0, 20), min_size=6, max_size=6))
    def data_come(self, loads: list[int]) -> None:
        for relay_id, load in enumerate(loads, 1):
            if relay_id in self.alive:
                self.bench.beat(relay_id, bars=[(0, load)], periods=1)

    @precondition(lambda self: self.bench.term is not None)
    @rule()
    def is_over(self) -> None:
        self.bench.wait(60)
        self._beat()
        term = self.bench.term
        if term is None or not {term.proxy} <= self.alive & self.bench.members:
            return
        if self.bench.now_ms - term.began_ms < 60_000:
            return  # one that left meanwhile lost its turn just now
        there = self.alive & self.bench.members
        in_round = [one for one in self.bench.history if one.round == term.round]
        waiting = there - {one.proxy for one in in_round}
        self.bench.forward()
        after = self.bench.term
        if there == {term.proxy}:
            assert after.number == term.number, "nobody else is there"
            return
        assert after.number == term.number + 1
        assert after.proxy in there - {term.proxy}
        if waiting:
            assert after.proxy in waiting, "one that has not served goes first"
            assert after.round == term.round
        else:
            assert after.round == term.round + 1

    def _beat(self) -> None:
        self.bench.beat(*self.alive)

    @invariant()
    def terms_are_in_order(self) -> None:
        history = self.bench.history
        assert [term.number for term in history] == list(range(1, len(history) + 1))
        assert all(term.ended_ms is not None for term in history[:-1])
        rounds = [term.round for term in history]
        assert all(0 <= b - a <= 1 for a, b in itertools.pairwise(rounds))
        for number in set(rounds):
            proxies = [term.proxy for term in history if term.round == number]
            assert len(proxies) == len(set(proxies)), "twice in a round"
        self.seen_terms = len(history)

    def teardown(self) -> None:
        self.bench.close()
        shutil.rmtree(self.folder)


def check_life(folder: Path, terms_of_it: int) -> None:
    """So many terms of six relays without a model's help: each that is there serves once a round."""
    chance = random.Random(11)
    bench = Bench(folder, members=range(1, 7))
    bench.beat(*range(1, 7))
    for _ in range(terms_of_it):
        bench.wait(60)
        bench.beat(*range(1, 7))
        for relay_id in range(1, 7):
            bench.beat(relay_id, bars=[(0, chance.randrange(100))], periods=1)
        bench.forward()
    by_round = {}
    for term in bench.history:
        by_round.setdefault(term.round, []).append(term.proxy)
    whole = [sorted(proxies) for number, proxies in by_round.items() if number < max(by_round)]
    assert whole == [[1, 2, 3, 4, 5, 6]] * len(whole)
    assert len(whole) == terms_of_it // 6
    bench.close()
