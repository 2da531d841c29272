"""The access rule against a model that says the same in sets, and the database's narrowing against the rule."""

from gridecho_remote.rules.access import METERED, Place, Terms, opened
from hypothesis import given
from hypothesis import strategies as st

REGIONS = ["a", "a/b", "a/b/c", "ab", "a/bc", "b", "a%", "A"]
CATEGORIES = ["residential", "commercial"]
places = st.builds(Place, st.integers(0, 3), st.sampled_from(REGIONS), st.sampled_from(CATEGORIES))
terms = st.builds(
    Terms,
    st.none() | st.sampled_from(REGIONS),
    st.none() | st.sampled_from(CATEGORIES),
    st.none() | st.integers(0, 3),
    st.integers(1, (1 << 44) - 1),
    st.none() | st.integers(0, 10),
    st.booleans(),
)


def model(grants: list[Terms], place: Place, now_s: int) -> set[int]:
    """The same rule in other words: regions as lists of steps, quantities as sets."""
    codes: set[int] = set()
    for grant in grants:
        steps = place.region.split("/")
        regions = {"/".join(steps[: n + 1]) for n in range(len(steps))}
        matches = [
            grant.region in (regions | {None}),
            grant.category in (place.category, None),
            grant.sensor_id in (place.sensor_id, None),
            not grant.revoked,
            grant.expires_s is None or grant.expires_s > now_s,
        ]
        if all(matches):
            codes |= {code for code in range(40) if grant.quantities & 1 << code}
    return codes


@given(st.lists(terms, max_size=5), places, st.integers(0, 11))
def test_the_rule_and_the_model_agree(grants: list[Terms], place: Place, now_s: int) -> None:
    mask = opened(grants, place, now_s)
    assert {code for code in range(64) if mask >> code & 1} == model(grants, place, now_s)


def test_no_grant_no_sensor() -> None:
    assert opened([], Place(1, "a", "residential"), 0) == 0


def test_a_grant_ends_at_its_second() -> None:
    place = Place(1, "a", "residential")
    assert opened([Terms(region="a", expires_s=10)], place, 9.99) == METERED
    assert opened([Terms(region="a", expires_s=10)], place, 10) == 0
