"""Somebody looks at a board's sensor 20 times; what is killed meanwhile leaves no gap, and it is soon enough."""

from pathlib import Path

from tests.rigs.live_board import look_again_and_again
from tests.rigs.vm import skip_without_vm

ROUNDS = 20
PERIOD_S = 1.0
HEARD_S = 1.0  # until the relay has heard of it
STORED_S = 60.0


def test_twenty_looks(scratch: Path) -> None:
    skip_without_vm()
    rounds = look_again_and_again(scratch, ROUNDS)
    assert len(rounds) == ROUNDS
    # Times of readings are whole seconds: the first that counts may be a period later than it could be.
    assert max(one.told_s for one in rounds) <= HEARD_S + 3 * PERIOD_S, rounds
    assert max(one.stored_s for one in rounds) <= STORED_S, rounds
