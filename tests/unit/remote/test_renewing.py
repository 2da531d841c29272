"""How often it is said that somebody looks still: once a period for each stream; between two nothing is gone through."""

from collections.abc import Iterator
from typing import Any

import pytest
from gridecho_remote.live import hub
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.arrivals import Position
from gridecho_remote.use import streams
from gridecho_remote.use.streams import Viewer

PERIOD_S = hub._RENEWED_S


class Numbers(tuple[int, ...]):
    """Sensors of a stream, and how often anybody went through them or counted them."""

    looks = 0

    def __iter__(self) -> Iterator[int]:
        Numbers.looks += 1
        return super().__iter__()

    def __len__(self) -> int:
        Numbers.looks += 1
        return super().__len__()


class Wire:
    is_open, waiting_bytes = True, 0

    def put(self, data: bytes) -> None:
        pass


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The people of streams, as it is said that they look still."""
    found: list[int] = []
    monkeypatch.setattr(streams, "renew", lambda site, viewer, begun_ms: found.append(viewer.actor.id))
    return found


def stream(user: int, *sensor_ids: int) -> hub.Stream:
    wire: Any = Wire()
    found = hub.Stream(Viewer(person(user), Numbers(sensor_ids), -1), wire, True, None, (0, 0))
    found.position = Position(0, 0)
    return found


def test_a_stream_comes_once_a_period_and_a_look_between_goes_through_none(renewed: list[int]) -> None:
    live: Any = hub.Live(None, None)  # type: ignore[arg-type]  # neither is asked here
    some = [stream(user, user, user + 1) for user in range(1, 21)]
    live._to_renew.extend(some)
    now_s = 1_000.0
    for period in range(5):
        live._renew(now_s)
        assert sorted(renewed) == list(range(1, 21)), period
        renewed.clear()
        before = Numbers.looks
        for n in range(1, 1_000):
            live._renew(now_s + n * PERIOD_S / 1_000)
        assert (renewed, Numbers.looks) == ([], before)
        now_s += PERIOD_S


def test_of_many_some_at_a_look_and_each_in_its_turn(renewed: list[int]) -> None:
    live: Any = hub.Live(None, None)  # type: ignore[arg-type]  # neither is asked here
    live._to_renew.extend(stream(user, 1, 2, 3, 4, 5) for user in range(1, 31))
    for looks in (10, 20, 30, 30):
        live._renew(1_000.0)
        assert renewed == list(range(1, looks + 1))


def test_what_has_ended_is_forgotten(renewed: list[int]) -> None:
    live: Any = hub.Live(None, None)  # type: ignore[arg-type]  # neither is asked here
    some = [stream(user, 7) for user in (1, 2, 3)]
    live._to_renew.extend(some)
    live._streams, live._of = list(some), hub.Counter({1: 1, 2: 1, 3: 1})
    live._forget([some[1]])
    for n in range(3):
        live._renew(1_000.0 + n * PERIOD_S)
    assert renewed == [1, 3] * 3
    assert len(live._to_renew) == 2
