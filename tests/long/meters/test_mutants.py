"""20,000 spoiled streams of meters: tests/unit/meters has some of them."""

import pytest

from tests.rigs.meter_mutants import KINDS, SHARES, check_mutants


def test_they_are_20_000() -> None:
    assert sum(SHARES.values()) == 20_000
    assert SHARES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_mutants(name: str) -> None:
    check_mutants(name, SHARES[name])
