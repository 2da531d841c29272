"""A fresh remote for each test, which hashes passwords cheaply."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from gridecho_remote.store import users

from tests.rigs.fleet import Fleet, make_database

# What runs on both engines: what relays bring and ask for, and what is read of it. Pages and commands stand on the same use cases.
_BOTH = {
    "test_asking",
    "test_audit",
    "test_audit_chain",
    "test_carries",
    "test_claims",
    "test_compare",
    "test_damaged",
    "test_deciding_pages",
    "test_exports",
    "test_holes",
    "test_finding",
    "test_first",
    "test_fleet_pages",
    "test_granting",
    "test_green_button",
    "test_heartbeats",
    "test_holdings",
    "test_hostile",
    "test_import_api",
    "test_imports",
    "test_ingest",
    "test_kept",
    "test_limits",
    "test_live",
    "test_odd_forms",
    "test_oauth",
    "test_lookers",
    "test_one_for_all",
    "test_openid",
    "test_orders",
    "test_overview",
    "test_places",
    "test_privacy",
    "test_pulls",
    "test_regions",
    "test_rekey",
    "test_replace_relay",
    "test_retention",
    "test_roles",
    "test_second",
    "test_sessions",
    "test_setting_up",
    "test_sharing",
    "test_sharing_life",
    "test_signed_in",
    "test_streams",
    "test_sums",
    "test_tidying",
    "test_tokens",
    "test_timeline",
    "test_upkeep",
}
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_DECOY = CHEAP.hash("of nobody")


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", CHEAP)
    monkeypatch.setattr(users, "_DECOY", CHEAP_DECOY)


@pytest.fixture
def only_sqlite() -> None:
    """For a test of what only an SQLite file has."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition(".")[2]
        both = name in _BOTH and "only_sqlite" not in metafunc.fixturenames
        engines = ["postgresql"] if name == "test_postgresql" else ["sqlite", "postgresql"] if both else ["sqlite"]
        metafunc.parametrize("engine", engines)


@pytest.fixture
def make_fleet(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """Makes the remote of a test, with settings, on this engine."""
    fleets = []

    def make(**settings: object) -> Fleet:
        url = request.getfixturevalue("postgres").filled(make_database) if engine == "postgresql" else ""
        fleets.append(Fleet(tmp_path, database=url, **settings))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.close()


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    """A remote with the defaults."""
    return make_fleet()
