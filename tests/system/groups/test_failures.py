"""The proxy of the day is killed, or stopped and let go on: others resume, nothing is lost, nothing is twice."""

from pathlib import Path

from tests.rigs.group_runs import Failures


def test_a_proxy_is_killed_and_another_one_stopped(scratch: Path) -> None:
    print(Failures(scratch, [1, 2, 3]).run(kills=1, stops=1))
