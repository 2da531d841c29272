"""Ten thousand steps of a remote that shares, on both engines; and that the model finds what leaks, when a leak is planted."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from gridecho_remote.rules import requests as rules_of_requests
from gridecho_remote.rules import scopes
from gridecho_remote.rules.actor import Actor
from gridecho_remote.rules.arrivals import Position
from gridecho_remote.rules.periods import END_S, end_of
from gridecho_remote.rules.requests import State
from gridecho_remote.rules.scopes import Opened, Purpose, Scope, Segment
from gridecho_remote.store import grants, timeline, users
from gridecho_remote.store import requests as kept_requests
from gridecho_remote.store import tokens as kept_tokens
from gridecho_remote.use import exports, requests, sensors, shared, streams, sums
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.rigs.fleet import Fleet, make_database
from tests.rigs.postgres import PostgresServer
from tests.rigs.sharing.life import LIVES, AsItComes, AskedFor, Seen, Sharing, Summed, Taken

STEPS, A_LIFE = 10_000, 50


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def live(make: Callable[..., Fleet], lives: int, kind: type = Sharing, **more: Any) -> None:
    """So many lives, each with a remote of its own."""
    machine = type("Lives", (kind,), {"make": staticmethod(make)})
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


@pytest.mark.parametrize("kind", LIVES)
def test_ten_thousand_steps_on_sqlite(kind: type, tmp_path: Path) -> None:
    live(in_folders(tmp_path), STEPS // A_LIFE // len(LIVES), kind)


@pytest.mark.parametrize("kind", LIVES)
def test_ten_thousand_steps_on_postgresql(kind: type, tmp_path: Path, postgres: PostgresServer) -> None:
    def make(**site: Any) -> Fleet:
        return Fleet(tmp_path, database=postgres.filled(make_database), **site)

    live(make, STEPS // A_LIFE // len(LIVES), kind)


def until_unsaid(archive: Any, user: int) -> list[Scope]:
    return [scope._replace(until_s=None) for scope in SCOPES_OF(archive, user)]


def as_a_look(self: Opened, scope: Scope, resolution: Any, purpose: Purpose, from_s: int, to_s: int) -> tuple[int, int]:
    return SPAN(self, scope, resolution, Purpose.LOOK if purpose is Purpose.EXPORT else purpose, from_s, to_s)


def live_as_a_look(
    self: Opened, scope: Scope, resolution: Any, purpose: Purpose, from_s: int, to_s: int
) -> tuple[int, int]:
    return SPAN(self, scope, resolution, Purpose.LOOK if purpose is Purpose.LIVE else purpose, from_s, to_s)


def opened_once(self: Any, viewer: Any, sensor_id: int) -> Any:
    key = viewer.actor.id, sensor_id
    ONCE[key] = OPENED(self, viewer, sensor_id) or ONCE.get(key, ())
    return ONCE[key]


def newest_ever(archive: Any, sensor_id: int, segments: list[Segment], now_s: float, mask: int = -1) -> Any:
    return NEWEST(archive, sensor_id, [Segment(0, END_S, one.mask) for one in segments], now_s, mask)


def summed_anyhow(classes: Any, group: Any, k: int) -> Any:
    return classes if TOLD(classes, group, 1) is None else TOLD(classes, group, 1)


def page_of_a_token(site: Any, one: Any, mask: int, span: Any, limit: int, after: Any) -> Any:
    return (
        PAGE(site, one, mask, span, limit, after)
        if after is None
        else timeline.page(site.archive, one.id, mask, span, limit, after)
    )


def found_by(site: Any, actor: Any, number: int) -> Any:
    return kept_requests.find(site.archive, number)


ONCE: dict[tuple[int, int], Any] = {}
OPENED = streams.Moment.opened
SCOPES_OF, SPAN, NEWEST = grants.scopes_of, Opened._span, shared.newest
TOLD, PAGE = sums.told, sensors._page
TO_ANYBODY = rules_of_requests._STEPS | {State.UNVERIFIED: rules_of_requests._STEPS[State.VERIFIED]}
LEAKS: dict[type, dict[str, tuple[Any, str, Any]]] = {
    Seen: {
        "a grant that has expired": (Scope, "holds", lambda self, now_s: not self.revoked),
        "readings after a span, a subject's among them": (grants, "scopes_of", until_unsaid),
        "route and gaps for who sees days": (Opened, "technical", property(lambda self: True)),
        "the newest reading, whenever it was made": (shared, "newest", newest_ever),
        "a period that is not over": (scopes, "begin_of", end_of),
        "a region that only begins as the granted one": (scopes, "inside", str.startswith),
        "a page that goes beyond what is open": (sensors, "_within", lambda span, segment: span),
        "the step out of a span": (Opened, "reach", lambda *_: END_S),
        "sensors that are in sums only": (
            scopes,
            "held",
            lambda some, now_s: [one for one in some if one.holds(now_s)],
        ),
        "undated readings beside a span": (Scope, "timeless", property(lambda self: not self.resolution)),
    },
    Taken: {
        "files of what may only be looked at": (Opened, "_span", as_a_look),
        "a download that is not asked again": (exports, "covered", lambda *_: True),
        "what a token leads to beyond what is open": (sensors, "_page", page_of_a_token),
        "a token that was ended": (kept_tokens, "end", lambda *_: "its name"),
        "more than a token is for": (
            shared,
            "scopes_of",
            lambda site, actor: (SCOPES_OF(site.archive, actor.id), None),
        ),
    },
    Summed: {
        "sums over any number of homes": (sums, "told", summed_anyhow),
        "sums of which each is looked at by itself": (sums.sums, "classes", lambda *_: {}),
        "sums of a day that has only just ended": (sums, "_OVER_S", -86_400),
        "sums beyond the granted region": (sums.regions, "inside", lambda *_: True),
    },
    AskedFor: {
        "a request of others": (requests, "_visible", found_by),
        "more than was asked for": (requests, "beyond", lambda *_: None),
        "a grant to whom nobody knows": (rules_of_requests, "_STEPS", TO_ANYBODY),
        "a request from a region of others": (Actor, "administers", lambda self, region: bool(self.regions)),
        "a pull for whoever asks": (Actor, "require_terminal", lambda self: None),
    },
    AsItComes: {
        "as it comes, of what may be seen a day later": (Opened, "_span", live_as_a_look),
        "of a sensor that is not shared any more": (streams.Moment, "opened", opened_once),
        "what was there before": (streams, "new_of", lambda runs, known: [(run, [run]) for run in runs]),
        "the same once more after a break": (Position, "runs", lambda *_: []),
    },
}
PLANTED = [(kind, leak) for kind, leaks in LEAKS.items() for leak in leaks]


@pytest.mark.parametrize(("kind", "leak"), PLANTED, ids=[leak for _, leak in PLANTED])
def test_a_leak_is_found(kind: type, leak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*LEAKS[kind][leak])
    with pytest.raises(AssertionError):
        live(
            in_folders(tmp_path),
            STEPS // A_LIFE,
            kind,
            phases=[Phase.generate],
            derandomize=True,
            report_multiple_bugs=False,
        )
