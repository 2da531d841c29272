"""Somebody looks at a sensor on a real board's firmware: it sends at once, and stores again once nobody does."""

import time
from pathlib import Path

import pytest

from tests.rigs.live_board import SENSOR, look_again_and_again, watched
from tests.rigs.waiting import wait_for

ROUNDS = 2


@pytest.mark.usefixtures("vm")
def test_readings_come_while_somebody_looks_and_wait_on_the_relay_before_and_after(scratch: Path) -> None:
    with watched(scratch) as there:
        caller = there.caller
        for _ in range(ROUNDS):
            newest = int(time.time())
            since = caller.readings(SENSOR, wait=0)["as_of"]

            def came(newest: int = newest, since: int = since) -> list[int]:
                """The times of readings that were made after somebody began to look, and came."""
                answer = caller.readings(SENSOR, stored_since=since, live=1)
                assert answer["live"] is True
                return [one["time"] for one in answer["readings"] if one["time"] > newest]

            wait_for(came, "a reading as it is made", every_s=0.5)
            wait_for(lambda: len(came()) >= 3, "readings as they are made", every_s=0.5)
            there.is_stored()


@pytest.mark.usefixtures("vm")
def test_a_killed_reader_remote_or_relay_leaves_no_gap_in_what_is_told_and_nothing_twice(scratch: Path) -> None:
    assert len(look_again_and_again(scratch, ("browser", "remote", "remote stopped", "relay"), stores=False)) == 4
