"""What may be done to a request for access, in which state, and what it may say."""

from itertools import pairwise

import pytest
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.requests import OPEN, State, Step, after, checked
from gridecho_remote.rules.verification import Claim
from hypothesis import given
from hypothesis import strategies as st

ADA = Claim("Ada Wong", "Statistics Office", "analyst", "S-1001")
WAY = [Step.ASK, Step.VERIFY, Step.GRANT]


def walked(steps: list[Step]) -> list[State]:
    states = [State.DRAFT]
    for step in steps:
        try:
            states.append(after(states[-1], step))
        except RemoteError:
            states.append(states[-1])
    return states


def test_the_way_of_a_request() -> None:
    assert walked(WAY) == [State.DRAFT, State.ASKED, State.VERIFIED, State.GRANTED]


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.DRAFT, Step.VERIFY),
        (State.DRAFT, Step.GRANT),
        (State.ASKED, Step.GRANT),
        (State.ASKED, Step.ASK),
        (State.UNVERIFIED, Step.GRANT),
        (State.UNVERIFIED, Step.GRANT_PART),
        (State.REFUSED, Step.GRANT),
        (State.WITHDRAWN, Step.ASK),
        (State.EXPIRED, Step.VERIFY),
        (State.GRANTED, Step.REFUSE),
    ],
)
def test_what_leads_nowhere(state: State, step: Step) -> None:
    with pytest.raises(RemoteError) as said:
        after(state, step)
    assert said.value.code == "request-step"


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_nobody_gets_anything_without_being_verified_just_before_and_an_end_is_an_end(steps: list[Step]) -> None:
    states = walked(steps)
    for before, now in pairwise(states):
        if before not in OPEN:
            assert now == before
        if now != before and now in (State.GRANTED, State.PARTLY):
            assert before == State.VERIFIED


def test_spaces_around_what_is_said_do_not_count() -> None:
    found = checked(Claim(" Ada Wong ", "Statistics Office", "analyst\t", " S-1001"), " energy\r\nof city A ")
    assert found == (ADA, "energy\nof city A")


@pytest.mark.parametrize(
    ("changed", "purpose", "code"),
    [
        ({"name": " "}, "p", "request-text"),
        ({"organisation": "x" * 201}, "p", "request-text"),
        ({"role": "a\nb"}, "p", "request-text"),
        ({"evidence": ""}, "p", "request-text"),
        ({"evidence": ".."}, "p", "request-evidence"),
        ({"evidence": "S?x=1"}, "p", "request-evidence"),
        ({"evidence": "x" * 65}, "p", "request-evidence"),
        ({}, " ", "request-text"),
        ({}, "x" * 2001, "request-text"),
        ({}, "a\x00b", "request-text"),
    ],
)
def test_what_may_not_be_said(changed: dict[str, str], purpose: str, code: str) -> None:
    texts = {"name": "Ada Wong", "organisation": "Statistics Office", "role": "analyst", "evidence": "S-1001"}
    with pytest.raises(RemoteError) as said:
        checked(Claim(**(texts | changed)), purpose)
    assert said.value.code == code
