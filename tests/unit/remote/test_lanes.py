"""Threads of the remote's server: each party has its share of them, whatever it asks for."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from gridecho_remote.lanes import Lane

from tests.rigs.waiting import HANG_S, wait_for


class Ask:
    """A request as a lane sees it: it is under way until it is let go."""

    def __init__(self, party: str, log: list[str]) -> None:
        self.party, self.cancelled = party, False
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._log = log

    def service(self) -> None:
        self._log.append(self.party)
        self.begun.set()
        assert self.may_end.wait(HANG_S)

    def cancel(self) -> None:
        self.cancelled = True


class Road:
    """A lane and what was asked in it."""

    def __init__(self, threads: int) -> None:
        self.begun: list[str] = []  # whose requests got a thread, in this order
        self.asked: list[Ask] = []
        self.lane = Lane(lambda one: one.party)
        self.lane.set_thread_count(threads)

    def ask(self, *parties: str) -> list[Ask]:
        new = [Ask(party, self.begun) for party in parties]
        self.asked += new
        for one in new:
            self.lane.add_task(one)
        return new

    def running(self) -> Counter[str]:
        return Counter(one.party for one in self.asked if one.begun.is_set() and not one.may_end.is_set())

    def close(self) -> None:
        for one in self.asked:
            one.may_end.set()
        self.lane.shutdown(timeout=HANG_S)


@pytest.fixture
def road() -> Iterator[Callable[[int], Road]]:
    made: list[Road] = []

    def make(threads: int) -> Road:
        made.append(Road(threads))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_who_asks_for_very_much_leaves_threads_to_the_others(road: Callable[[int], Road]) -> None:
    here = road(4)
    here.ask(*["hostile"] * 50)
    wait_for(lambda: here.running() == {"hostile": 2}, "half of the threads")
    for n in range(20):
        (honest,) = here.ask(f"honest {n % 3}")
        assert honest.begun.wait(HANG_S)
        honest.may_end.set()
    assert here.running() == {"hostile": 2}


def test_however_many_ask_for_much_one_more_is_next(road: Callable[[int], Road]) -> None:
    here = road(4)
    here.ask(*[f"hostile {n}" for n in range(4) for _ in range(10)])
    wait_for(lambda: here.running().total() == 4)
    (honest,) = here.ask("honest")
    first = next(one for one in here.asked if one.begun.is_set())
    first.may_end.set()
    assert honest.begun.wait(HANG_S), "before 36 that came earlier"


def test_those_who_wait_take_turns(road: Callable[[int], Road]) -> None:
    here = road(1)
    (first,) = here.ask("a")
    assert first.begun.wait(HANG_S)
    for one in here.ask(*"aaabbc"):
        one.may_end.set()
    first.may_end.set()
    wait_for(lambda: len(here.begun) == 7)
    assert "".join(here.begun) == "abcabaa"


def test_one_alone_is_served_to_the_end(road: Callable[[int], Road]) -> None:
    for threads in (1, 2, 3, 8):
        here = road(threads)
        for one in here.ask(*["a"] * 40):
            one.may_end.set()
        wait_for(lambda here=here: len(here.begun) == 40)
        wait_for(lambda here=here: not here.lane.queue.running, "nothing is kept of who is gone")


def test_what_waits_at_the_end_is_given_up(road: Callable[[int], Road]) -> None:
    here = road(2)
    asked = here.ask(*["a"] * 3)
    wait_for(lambda: here.running() == {"a": 1})
    threading.Timer(0.05, asked[0].may_end.set).start()
    for one in asked[1:]:
        one.may_end.set()
    here.lane.set_thread_count(0)
    here.lane.shutdown(timeout=HANG_S)
    assert all(one.begun.is_set() or one.cancelled for one in asked)
