"""A claim held against what was found: verified only where all of it is there, has the right form and agrees."""

from datetime import date
from typing import Any

import pytest
from gridecho_remote.rules.verification import Claim, judged
from hypothesis import given
from hypothesis import strategies as st

CLAIM = Claim("Ada Wong", "Statistics Office", "analyst", "S-1001")
PATHS = {
    "name": "person.name",
    "organisation": "post.department",
    "role": "post.title",
    "active": "active",
    "valid_until": "post.until",
}
TODAY = date(2026, 11, 28)


def record(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "person": {"name": "Ada Wong"},
        "post": {"department": "Statistics Office", "title": "analyst", "until": "2026-12-31"},
        "active": True,
    }
    for path, value in changed.items():
        place = found
        *way, last = path.split("__")
        for name in way:
            place = place[name]
        place[last] = value
    return found


def test_all_agrees() -> None:
    found = judged(CLAIM, record(), PATHS, TODAY)
    assert (found.verified, found.reason.code) == (True, "")
    assert found.told == {
        "name": "Ada Wong",
        "organisation": "Statistics Office",
        "role": "analyst",
        "active": True,
        "valid_until": "2026-12-31",
    }


def test_case_and_spaces_are_no_difference_and_one_of_several_posts_is_enough() -> None:
    found = judged(CLAIM, record(person__name=" ADA wong ", post__title=["clerk", "Analyst"]), PATHS, TODAY)
    assert found.verified


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"person__name": "Ada Wang"}, "verify-differs", "name"),
        ({"post__department": "Statistics"}, "verify-differs", "organisation"),
        ({"post__title": ["clerk"]}, "verify-differs", "role"),
        ({"active": False}, "verify-differs", "active"),
        ({"post__until": "2026-11-27"}, "verify-over", None),
        ({"person__name": ""}, "verify-form", "person.name"),
        ({"person__name": None}, "verify-form", "person.name"),
        ({"person": "Ada Wong"}, "verify-form", "person.name"),
        ({"post__title": []}, "verify-form", "post.title"),
        ({"post__title": ["analyst", 7]}, "verify-form", "post.title"),
        ({"active": "true"}, "verify-form", "active"),
        ({"active": 1}, "verify-form", "active"),
        ({"post__until": "soon"}, "verify-form", "post.until"),
        ({"post__until": 20261231}, "verify-form", "post.until"),
    ],
)
def test_what_does_not_agree_is_not_verified(changed: dict[str, Any], code: str, field: str | None) -> None:
    found = judged(CLAIM, record(**changed), PATHS, TODAY)
    assert (found.verified, found.reason.code, found.reason.fields.get("field")) == (False, code, field)


def test_the_last_day_counts() -> None:
    assert judged(CLAIM, record(post__until=TODAY.isoformat()), PATHS, TODAY).verified


def test_nobody_is_found() -> None:
    found = judged(CLAIM, None, PATHS, TODAY)
    assert (found.verified, found.reason.code) == (False, "verify-nobody")


def test_who_claims_nothing_agrees_with_nothing() -> None:
    assert not judged(Claim("", "Statistics Office", "analyst", "S-1001"), record(), PATHS, TODAY).verified


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "title", "until"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["person", "post", "active"]), JSON, max_size=3))
def test_no_record_of_another_form_is_verified_or_breaks(found: dict[str, Any]) -> None:
    assert not judged(CLAIM, found, PATHS, TODAY).verified
