"""Bodies changed at random, most of them proven: none breaks the remote."""

from pathlib import Path

import pytest

from tests.rigs.hostile.bodies import check_forms
from tests.rigs.hostile.mutants import check_mutants


def test_ten_thousand_bodies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_mutants(tmp_path, 10_000, 1, caplog)


def test_ten_thousand_forms(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_forms(tmp_path, 10_000, 1, caplog)
