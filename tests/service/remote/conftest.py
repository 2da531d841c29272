"""A fresh remote for each test, which hashes passwords cheaply."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from gridecho_remote.store import users

from tests.rigs.fleet import Fleet

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_DECOY = CHEAP.hash("of nobody")


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", CHEAP)
    monkeypatch.setattr(users, "_DECOY", CHEAP_DECOY)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()
