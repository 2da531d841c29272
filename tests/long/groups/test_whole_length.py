"""Groups of real processes for as long as they were first tried: two minutes of turns, 50 kills and 50 stops of the proxy."""

from pathlib import Path

from tests.rigs.group_runs import Failures, take_turns

GROUPS = {"north": [1, 2, 3, 4], "south": [5, 6, 7, 8], "west": [9, 10, 11, 12]}


def test_two_minutes_of_turns(scratch: Path) -> None:
    print(take_turns(scratch, GROUPS, terms=60, whole_rounds=True))


def test_fifty_kills(scratch: Path) -> None:
    print(Failures(scratch, [1, 2, 3, 4]).run(kills=50, stops=0))


def test_fifty_stops(scratch: Path) -> None:
    print(Failures(scratch, [1, 2, 3, 4]).run(kills=0, stops=50))
