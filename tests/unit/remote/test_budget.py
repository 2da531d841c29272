"""A budget of work: a burst, then a share, each party for itself."""

import pytest
from gridecho_remote.rules.budget import Budget


def test_a_burst_then_a_share() -> None:
    budget = Budget(10, 0.2)
    for now_s in range(5):
        assert budget.wait_s(1, now_s) == 0
        budget.spend(1, 2.5, now_s)
    assert budget.wait_s(1, 5) == pytest.approx((12.5 - 0.2 * 5 - 10) / 0.2, abs=1)
    assert budget.wait_s(2, 5) == 0
    assert budget.wait_s(1, 26) == 0


def test_over_a_long_time_nobody_takes_more_than_the_share() -> None:
    budget, taken = Budget(10, 0.2), 0.0
    for now_s in range(10_000):
        if not budget.wait_s(1, now_s):
            budget.spend(1, 0.7, now_s)
            taken += 0.7
    assert 0.19 * 10_000 < taken <= 0.2 * 10_000 + 11
