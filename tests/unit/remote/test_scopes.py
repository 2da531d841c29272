"""What scopes open, against a model that says the same in sets and plain loops, second by second."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.periods import END_S, begin_of, end_of
from gridecho_remote.rules.scopes import (
    METERED,
    Place,
    Purpose,
    Resolution,
    Scope,
    Segment,
    beyond,
    checked,
    checked_part,
    covered,
    opened,
    touching,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.scope_model import ZONE, is_open, period_of

REGIONS = ["a", "a/b", "a/b/c", "ab", "a/bc", "b", "a%", "A"]
CATEGORIES = ["residential", "commercial"]
LABELS = ["x", "y", "z"]
DAYS = days_of(ZONE)
T0 = int(datetime(2026, 10, 24, 22, 30, tzinfo=UTC).timestamp())  # the night after, clocks go back; then a month ends
NOWS = st.integers(T0, T0 + 12 * 86_400)


def moments() -> st.SearchStrategy[int]:
    """Any moment of eleven days, and more often one at which something begins or ends."""
    quarters = st.integers(0, 11 * 96).map(lambda n: T0 + 900 * n)
    midnights = st.integers(0, 10).map(lambda n: begin_of(DAYS, Resolution.DAY, T0 + 86_400 * n))
    return st.integers(T0, T0 + 11 * 86_400) | quarters | midnights


places = st.builds(
    Place,
    st.integers(0, 3),
    st.sampled_from(REGIONS),
    st.sampled_from(CATEGORIES),
    st.frozensets(st.sampled_from(LABELS)),
)
scopes = st.builds(
    Scope,
    region=st.none() | st.sampled_from(REGIONS),
    category=st.none() | st.sampled_from(CATEGORIES),
    labels=st.none() | st.frozensets(st.sampled_from(LABELS), min_size=1),
    sensors=st.none() | st.frozensets(st.integers(0, 3), min_size=1),
    quantities=st.sampled_from([1, 2, 3, METERED, (1 << 44) - 1]),
    resolution=st.sampled_from(Resolution),
    k=st.sampled_from([1, 1, 1, 5]),
    first_s=st.none() | moments(),
    until_s=st.none() | moments(),
    export=st.booleans(),
    live=st.booleans(),
    starts_s=st.none() | NOWS,
    expires_s=st.none() | NOWS,
    revoked=st.sampled_from([False, False, False, True]),
)
wide = scopes.map(lambda scope: scope._replace(region=None, category=None, labels=None, sensors=None))


@given(
    st.lists(scopes, max_size=3) | st.lists(wide, max_size=5),
    places,
    NOWS,
    st.sampled_from(Resolution),
    st.sampled_from(Purpose),
    moments(),
    moments(),
    st.lists(moments(), max_size=20),
)
def test_segments_and_the_model_agree(
    some: list[Scope],
    place: Place,
    now_s: int,
    resolution: Resolution,
    purpose: Purpose,
    from_s: int,
    to_s: int,
    others: list[int],
) -> None:
    asked = (from_s, max(from_s, to_s))
    segments = opened(some, place, now_s, DAYS).segments(-1, resolution, purpose, *asked)
    edges = [edge + n for one in segments for edge in one[:2] for n in (-1, 0)]
    edges += [edge + n for one in some for edge in (one.first_s, one.until_s) if edge is not None for n in (-1, 0)]
    for time_s in [*edges, *others, now_s, asked[0], asked[1] - 1]:
        if time_s < T0 - 3 * 86_400:
            continue
        mask = 0
        for one in segments:
            if one.from_s <= time_s < one.to_s:
                mask |= one.mask
        wanted = {
            code
            for code in (0, 1, 2, 39, 40, 43)
            if any(is_open(one, place, now_s, code, time_s, resolution, purpose.value, asked) for one in some)
        }
        assert {code for code in (0, 1, 2, 39, 40, 43) if mask >> code & 1} == wanted, time_s


@given(st.lists(wide, max_size=5), NOWS, st.sampled_from(Resolution), moments(), moments(), st.integers(0, 7))
def test_segments_are_in_order_disjoint_and_joined(
    some: list[Scope], now_s: int, resolution: Resolution, from_s: int, to_s: int, mask: int
) -> None:
    open_ = opened(some, Place(1, "a", "residential"), now_s, DAYS)
    segments = open_.segments(mask, resolution, Purpose.LOOK, from_s, to_s)
    for one in segments:
        assert from_s <= one.from_s < one.to_s <= to_s
        assert one.mask
        assert not one.mask & ~mask
    for before, after in pairwise(segments):
        assert before.to_s <= after.from_s
        assert before.to_s < after.from_s or before.mask != after.mask
    assert covered(segments, segments)
    finer = open_.segments(mask, Resolution(max(0, resolution - 1)), Purpose.LOOK, from_s, to_s)
    assert covered(finer, segments), "who sees finely sees coarsely"


@given(st.lists(wide, max_size=4), NOWS)
def test_what_lies_beside_readings_is_for_who_sees_them_as_they_come(some: list[Scope], now_s: int) -> None:
    open_ = opened(some, Place(1, "a", "residential"), now_s, DAYS)
    at_now = open_.segments(-1, Resolution.RAW, Purpose.LIVE, now_s, now_s + 1)
    assert open_.technical == bool(at_now)
    for purpose, timeless in ((Purpose.LOOK, open_.timeless), (Purpose.EXPORT, open_.timeless_export)):
        if timeless:
            assert covered([Segment(0, END_S, timeless)], open_.segments(-1, Resolution.RAW, purpose))
    assert bool(open_) == bool(open_.scopes)


def _wholly(segments: list[Segment], code: int, begin_s: int, end_s: int) -> bool:
    return any(first_s <= begin_s and end_s <= last_s for first_s, last_s in touching(segments, 1 << code))


parts = (wide | wide | scopes).map(lambda scope: scope._replace(k=1, starts_s=None, expires_s=None, revoked=False))


@given(
    st.lists(scopes, max_size=3) | st.lists(wide, max_size=5),
    parts,
    places,
    NOWS,
    st.sampled_from(Resolution),
    st.sampled_from(Purpose),
    st.lists(moments(), max_size=20),
)
def test_by_a_token_is_open_what_its_owner_sees_and_it_is_for_and_nothing_else(
    some: list[Scope],
    part: Scope,
    place: Place,
    now_s: int,
    resolution: Resolution,
    purpose: Purpose,
    others: list[int],
) -> None:
    asked = (T0 - 40 * 86_400, T0 + 40 * 86_400)
    owners, alone = opened(some, place, now_s, DAYS), opened([part], place, now_s, DAYS)
    by_token = opened(some, place, now_s, DAYS, part)
    found = by_token.segments(-1, resolution, purpose, *asked)
    assert covered(found, owners.segments(-1, resolution, purpose, *asked))
    assert covered(found, alone.segments(-1, resolution, purpose, *asked))
    edges = [edge + n for one in found for edge in one[:2] for n in (-1, 0)]
    edges += [edge + n for one in [*some, part] for edge in (one.first_s, one.until_s) if edge for n in (-1, 0)]
    for time_s in [*edges, *others, now_s]:
        period = period_of(resolution, time_s)
        for code in (0, 1, 2, 39):
            # By the model: each second of it by some scope of the owner's, and by the part.
            both = all(
                any(is_open(one, place, now_s, code, second, resolution, purpose.value, asked) for one in these)
                for these in (some, [part])
                for second in seconds_of(period, [*some, part])
            )
            assert _wholly(found, code, *period) == both, (time_s, code)


def seconds_of(period: tuple[int, int], those: list[Scope]) -> set[int]:
    """Seconds of a period of which one, at least, is open otherwise than the others, if any is."""
    begin_s, end_s = period
    named = {edge + n for one in those for edge in (one.first_s, one.until_s) if edge for n in (-1, 0)}
    inner = {
        end
        for second in [*named, begin_s, end_s - 1]
        for resolution in Resolution
        for edge in period_of(resolution, second)
        for end in (edge - 1, edge)
    }
    return {second for second in {*named, *inner, begin_s, end_s - 1} if begin_s <= second < end_s}


@given(st.lists(wide, max_size=4), parts, NOWS, st.integers(0, 2), st.sampled_from(Resolution), moments())
def test_of_what_lies_beside_readings_no_more_is_open_by_a_token(
    some: list[Scope], part: Scope, now_s: int, code: int, resolution: Resolution, at_s: int
) -> None:
    place = Place(1, "a", "residential", frozenset("x"))
    owners, alone = opened(some, place, now_s, DAYS), opened([part], place, now_s, DAYS)
    by_token = opened(some, place, now_s, DAYS, part)
    assert bool(by_token) == (bool(owners) and bool(alone))
    assert by_token.technical == (owners.technical and alone.technical)
    for name in ("mask", "timeless", "timeless_export"):
        both = getattr(owners, name) & getattr(alone, name)
        assert getattr(by_token, name) == both, name
    assert by_token.reach(code, resolution, at_s) == min(
        owners.reach(code, resolution, at_s), alone.reach(code, resolution, at_s)
    )
    assert set(by_token.resolutions) == {max(one, two) for one in owners.resolutions for two in alone.resolutions}


@given(scopes, scopes, places, NOWS, st.sampled_from(Resolution), st.sampled_from(Purpose))
def test_what_is_not_beyond_a_scope_opens_no_more(
    narrow: Scope, other: Scope, place: Place, now_s: int, resolution: Resolution, purpose: Purpose
) -> None:
    if beyond(narrow, other) is None and not other.revoked and narrow.k == other.k:
        given_ = opened([other], place, now_s, DAYS).segments(-1, resolution, purpose)
        assert covered(opened([narrow], place, now_s, DAYS).segments(-1, resolution, purpose), given_)


@given(scopes, st.data())
def test_a_scope_made_less_in_one_field_is_not_beyond_and_more_is(scope: Scope, data: st.DataObject) -> None:
    assert beyond(scope, scope) is None
    more: dict[str, object] = {
        "region": None,
        "category": None,
        "labels": None,
        "sensors": None,
        "quantities": -1,
        "resolution": Resolution(max(0, scope.resolution - 1)),
        "k": scope.k - 1,
        "first_s": None,
        "until_s": None,
        "export": True,
        "live": True,
        "starts_s": None,
        "expires_s": None,
    }
    name = data.draw(st.sampled_from(sorted(more)))
    other = scope._replace(**{name: more[name]})
    assert beyond(scope, other) is None
    if getattr(scope, name) != more[name]:
        assert beyond(other, scope) == name


def test_every_field_is_compared() -> None:
    """A field that is added to a scope is added to `beyond`, or narrowing would let it through."""
    names = {*Scope._fields} - {"revoked"}
    one = Scope("a/b", "c", frozenset("x"), frozenset({1}), 1, Resolution.DAY, 3, 5, 6, False, False, 7, 8)
    widest = Scope()
    found = {name for name in names if beyond(one._replace(**{name: getattr(widest, name)}), one) == name}
    assert found == names


def test_covered_and_touching() -> None:
    a, b, gap = Segment(0, 10, 1), Segment(10, 20, 3), Segment(21, 30, 1)
    assert covered([Segment(5, 15, 1)], [a, b])
    assert not covered([Segment(5, 15, 2)], [a, b])
    assert not covered([Segment(5, 25, 1)], [a, b, gap])
    assert covered([], [])
    assert not covered([a], [])
    assert touching([a, b, gap], 1) == [(0, 20), (21, 30)]
    assert touching([a, b, gap], 2) == [(10, 20)]


def test_no_grant_no_sensor() -> None:
    assert not opened([], Place(1, "a", "residential"), 0, DAYS)


def test_a_scope_for_sums_shows_no_sensor() -> None:
    assert not opened([Scope(region="a", k=2)], Place(1, "a", "residential"), 0, DAYS)


def test_a_grant_holds_from_its_second_to_its_second() -> None:
    place = Place(1, "a", "residential")
    grant = Scope(region="a", starts_s=5, expires_s=10)
    assert [opened([grant], place, now_s, DAYS).mask for now_s in (4.99, 5, 9.99, 10)] == [0, METERED, METERED, 0]


def test_a_daily_scope_opens_days_that_are_over() -> None:
    noon = int(datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp())
    midnight = noon - 43_200
    daily = Scope(region="a", resolution=Resolution.DAY, first_s=midnight - 10 * 86_400 + 1)
    open_ = opened([daily], Place(1, "a", "residential"), noon, DAYS)
    assert open_.segments(1, Resolution.DAY) == [Segment(midnight - 9 * 86_400, midnight, 1)]
    assert open_.segments(1, Resolution.HOUR) == []
    assert not open_.technical


def test_an_unfinished_day_is_not_open_without_live() -> None:
    noon = int(datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp())
    open_ = opened([Scope(region="a", live=False)], Place(1, "a", "residential"), noon, DAYS)
    assert open_.segments(1) == [Segment(0, noon - 43_200, 1)]
    assert (open_.technical, open_.timeless) == (False, 0)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe", ZONE])
@given(st.integers(0, END_S - 1), st.sampled_from(Resolution))
def test_periods_follow_each_other(zone: str, time_s: int, resolution: Resolution) -> None:
    days = days_of(zone)
    begin_s = begin_of(days, resolution, time_s)
    assert begin_s <= time_s
    assert begin_of(days, resolution, begin_s) == begin_s == end_of(days, resolution, begin_s)
    after_s = end_of(days, resolution, begin_s + 1)
    assert time_s < after_s or resolution is Resolution.RAW
    if after_s < END_S:
        assert begin_of(days, resolution, after_s) == after_s
        assert begin_of(days, resolution, after_s - 1) == begin_s or resolution is Resolution.RAW


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (Scope(), "grant-empty"),
        (Scope(region=""), "grant-empty"),
        (Scope(quantities=1), "grant-empty"),
        (Scope(sensors=frozenset()), "grant-empty"),
        (Scope(region="a", sensors=frozenset()), "grant-nothing"),
        (Scope(region="a", quantities=0), "grant-nothing"),
        (Scope(region="a", quantities=1 << 41), "grant-nothing"),
        (Scope(sensors=frozenset(range(1001))), "grant-many"),
        (Scope(region="a", k=0), "grant-k"),
        (Scope(region="a", first_s=5, until_s=5), "grant-span"),
        (Scope(region="a", starts_s=6, expires_s=5), "grant-span"),
    ],
)
def test_scopes_that_cannot_be(scope: Scope, code: str) -> None:
    with pytest.raises(RemoteError) as refused:
        checked(scope)
    assert refused.value.code == code


def test_a_part_need_not_name_anything_and_has_no_time_of_its_own() -> None:
    assert checked_part(Scope()) == Scope()
    for wrong in (Scope(k=2), Scope(expires_s=5), Scope(starts_s=5), Scope(quantities=0), Scope(first_s=5, until_s=5)):
        with pytest.raises(RemoteError):
            checked_part(wrong)


def test_technical_state_is_for_a_token_that_sees_each_reading_as_it_comes() -> None:
    place = Place(1, "a", "residential")
    for part, seen in (
        (Scope(), True),
        (Scope(live=False), False),
        (Scope(resolution=Resolution.DAY), False),
        (Scope(until_s=T0), False),
        (Scope(first_s=T0 - 5), True),
    ):
        assert opened([Scope(region="a")], place, T0, DAYS, part).technical is seen, part
