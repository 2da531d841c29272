"""Ten thousand steps of a remote that shares, on both engines; and that the model finds what leaks, when a leak is planted."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from gridecho_remote.rules import scopes
from gridecho_remote.rules.periods import END_S, end_of
from gridecho_remote.rules.scopes import Opened, Purpose, Scope, Segment
from gridecho_remote.store import grants, users
from gridecho_remote.use import sensors, shared
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.rigs.fleet import Fleet, make_database
from tests.rigs.postgres import PostgresServer
from tests.rigs.sharing_life import Sharing

STEPS, A_LIFE = 10_000, 50


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def live(make: Callable[..., Fleet], lives: int, **more: Any) -> None:
    """So many lives, each with a remote of its own."""
    machine = type("Lives", (Sharing,), {"make": staticmethod(make)})
    chosen = settings(
        max_examples=lives,
        stateful_step_count=A_LIFE,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        **more,
    )
    run_state_machine_as_test(machine, settings=chosen)


def in_folders(folder: Path) -> Callable[..., Fleet]:
    numbers = itertools.count()

    def make(**site: Any) -> Fleet:
        place = folder / str(next(numbers))
        place.mkdir()
        return Fleet(place, **site)

    return make


def test_ten_thousand_steps_on_sqlite(tmp_path: Path) -> None:
    live(in_folders(tmp_path), STEPS // A_LIFE)


def test_ten_thousand_steps_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    live(lambda **site: Fleet(tmp_path, database=postgres.filled(make_database), **site), STEPS // A_LIFE)


def until_unsaid(archive: Any, user: int) -> list[Scope]:
    return [scope._replace(until_s=None) for scope in SCOPES_OF(archive, user)]


def as_a_look(self: Opened, scope: Scope, resolution: Any, purpose: Purpose, from_s: int, to_s: int) -> tuple[int, int]:
    return SPAN(self, scope, resolution, Purpose.LOOK if purpose is Purpose.EXPORT else purpose, from_s, to_s)


def newest_ever(archive: Any, sensor_id: int, segments: list[Segment], now_s: float, mask: int = -1) -> Any:
    return NEWEST(archive, sensor_id, [Segment(0, END_S, one.mask) for one in segments], now_s, mask)


SCOPES_OF, SPAN, NEWEST = grants.scopes_of, Opened._span, shared.newest
LEAKS: dict[str, list[tuple[Any, str, Any]]] = {
    "a grant that has expired": [(Scope, "holds", lambda self, now_s: not self.revoked)],
    "files of what may only be looked at": [(Opened, "_span", as_a_look)],
    "readings after a span, a subject's among them": [(grants, "scopes_of", until_unsaid)],
    "route and gaps for who sees days": [(Opened, "technical", property(lambda self: True))],
    "the newest reading, whenever it was made": [(shared, "newest", newest_ever)],
    "a period that is not over": [(scopes, "begin_of", end_of)],
    "a region that only begins as the granted one": [(scopes, "inside", str.startswith)],
    "a page that goes beyond what is open": [(sensors, "_within", lambda span, segment: span)],
    "the step out of a span": [(Opened, "reach", lambda *_: END_S)],
    "a download that is not asked again": [(sensors, "covered", lambda *_: True)],
    "sensors that are in sums only": [(scopes, "held", lambda some, now_s: [one for one in some if one.holds(now_s)])],
    "undated readings beside a span": [(Scope, "timeless", property(lambda self: not self.resolution))],
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_found(leak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name, other in LEAKS[leak]:
        monkeypatch.setattr(where, name, other)
    with pytest.raises(AssertionError):
        live(in_folders(tmp_path), STEPS // A_LIFE, phases=[Phase.generate], derandomize=True)
