"""The same as in tests/system/remote, a million times."""

from pathlib import Path

import pytest

from tests.rigs.hostile.bodies import check_forms
from tests.rigs.hostile.mutants import check_mutants


@pytest.mark.parametrize("seed", range(10))
def test_a_million_bodies(tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    check_mutants(tmp_path, 100_000, seed, caplog)


@pytest.mark.parametrize("seed", range(10))
def test_a_million_forms(tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    check_forms(tmp_path, 100_000, seed, caplog)
