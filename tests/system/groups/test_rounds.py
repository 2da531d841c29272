"""Relays in two groups, as processes: each has its turn as proxy, nothing is lost, every choice is the right one."""

from pathlib import Path

from tests.rigs.group_runs import take_turns


def test_each_relay_has_its_turn_and_the_least_loaded_is_next(scratch: Path) -> None:
    print(take_turns(scratch, {"north": [1, 2, 3], "south": [4, 5]}, terms=3, whole_rounds=False))
