"""What each party may have of what all use, and how many connections a process may hold."""

import resource

import pytest
from gridecho_common.open_files import connections_possible
from gridecho_common.shares import fair


@pytest.mark.parametrize(
    ("held", "more", "free", "may"),
    [
        (0, 10, 10, True),  # who has nothing takes the last
        (0, 11, 10, False),
        (1, 1, 3, True),
        (1, 1, 2, False),
        (4, 1, 6, True),  # five to it, five to the others
        (4, 1, 5, False),
        (0, 0, 0, True),
    ],
)
def test_who_has_something_leaves_as_much_to_the_others(held: int, more: int, free: int, may: bool) -> None:
    assert fair(held, more, free) is may


def test_however_many_are_greedy_one_more_party_gets_in() -> None:
    held = dict.fromkeys(range(5), 0)
    free = 64
    while takers := [one for one, its in held.items() if fair(its, 1, free)]:
        for one in takers:
            if fair(held[one], 1, free):
                held[one], free = held[one] + 1, free - 1
    assert fair(0, 1, free)
    assert max(held.values()) - min(held.values()) <= 1


@pytest.mark.parametrize(
    ("limits", "possible", "set_to"),
    [
        ((1_024, 4_096), 2_000, (2_128, 4_096)),  # raised as far as need be
        ((1_024, 1_128), 1_000, (1_128, 1_128)),  # as far as the system allows
        ((4_096, 4_096), 2_000, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 2_000, None),
        ((100, resource.RLIM_INFINITY), 2_000, (2_128, resource.RLIM_INFINITY)),
        ((64, 64), 16, None),  # some in any case
    ],
)
def test_connections_that_the_limit_of_open_files_allows(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], possible: int, set_to: tuple[int, int] | None
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _what, wanted: told.append(wanted))
    assert connections_possible(2_000, 128) == possible
    assert told == ([] if set_to is None else [set_to])
