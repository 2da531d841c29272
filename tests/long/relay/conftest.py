"""Relays of a test's own, in this process or in another, against a remote that can misbehave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()
