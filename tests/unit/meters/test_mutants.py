"""Four hundred spoiled streams; tests/long has 20,000."""

import pytest

from tests.rigs.meter_mutants import KINDS, SHARES, check_mutants


@pytest.mark.parametrize("name", KINDS)
def test_mutants(name: str) -> None:
    check_mutants(name, SHARES[name] // 50)
