"""A fresh remote for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.fleet import Fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()
