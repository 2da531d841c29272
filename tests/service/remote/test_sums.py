"""Sums over regions: given only where nothing about fewer than k homes can be worked out, and never twice in two ways."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, Actor, Bearer, person
from gridecho_remote.rules.errors import NotAllowedError, RemoteError
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import users
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import put, revoke_grant
from gridecho_remote.use import places, sums
from gridecho_remote.use.audit import newest
from gridecho_remote.use.sums import Sum

from tests.rigs.fleet import Fleet

K = 5
DAY = date(2026, 3, 2)
CODE = ENERGY_IMPORT
STREETS = {"north/city/old": 8, "north/city/mill": 6, "north/city/hill": 3, "south/city/dock": 7}


@pytest.fixture
def town(fleet: Fleet) -> Fleet:
    """Homes in streets; each draws its number in Wh a day, for a week."""
    fleet.clock.now_s = datetime(2026, 3, 20, tzinfo=ZoneInfo("UTC")).timestamp()
    number = 100
    for street, homes in STREETS.items():
        for _ in range(homes):
            number += 1
            root = number.to_bytes(32, "big")
            enrol_sensor(fleet.archive, number, f"home {number}", street, "residential", root)
            fleet.roots[number] = root
            fleet.send(fleet.frame(number, week(number)))
    users.add_user(fleet.archive, "office")
    return fleet


def week(number: int, first: date = DAY, days: int = 8) -> list[Reading]:
    begin = int(datetime(first.year, first.month, first.day, tzinfo=ZoneInfo("UTC")).timestamp())
    return [Reading(begin + 86_400 * n, {CODE: number * n}) for n in range(days)]


def office(town: Fleet, *scopes: Scope) -> Actor:
    for scope in scopes:
        put(town.archive, "office", scope, town.clock())
    return person(users.user_id(town.archive, "office"))


def day(town: Fleet, actor: Actor, region: str, when: date = DAY, category: str = "") -> Sum:
    (found,) = sums.energy(town.site, actor, region, category, CODE, when, when)
    return found


def wh(street: str) -> int:
    """What a street's homes draw in a day."""
    first = 101
    for name, homes in STREETS.items():
        if name == street:
            return sum(range(first, first + homes))
        first += homes
    raise KeyError(street)


def test_a_region_with_enough_homes(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    assert day(town, actor, "north/city/old") == Sum(DAY, 8, wh("north/city/old"))
    assert day(town, actor, "north/city/old", category="residential") == Sum(DAY, 8, wh("north/city/old"))
    assert day(town, actor, "north/city/hill") == Sum(DAY, None, None)


def test_the_last_part_of_a_whole_is_not_given(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    assert day(town, actor, "north/city").sensors == 17
    assert day(town, actor, "north/city/old").sensors == 8
    assert day(town, actor, "north/city/mill").wh is None, "else hill's three homes are what is left"
    assert day(town, actor, "north/city/old").sensors == 8
    other = office(town)
    assert day(town, other, "north/city").wh == sum(map(wh, list(STREETS)[:3]))


def test_in_another_order_other_sums_are_given_and_the_same_is_kept(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    assert day(town, actor, "north/city/old").sensors == 8
    assert day(town, actor, "north/city/mill").sensors == 6
    assert day(town, actor, "north/city").wh is None


def test_what_moves_or_comes_late_changes_no_answer_and_opens_nothing(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    before = day(town, actor, "north/city/old")
    places.move(town.site, OPERATOR, 101, "north/city/mill")
    late = [Reading(int(town.clock()) - 86_400 * 17, {CODE: 999_999})]
    town.send(town.frame(102, late, epoch=2))
    assert day(town, actor, "north/city/old") == before
    assert day(town, actor, "north/city/mill").wh is None, "one home of old is in it now"


def test_nothing_singly_and_nothing_of_what_is_not_granted(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    for region in ("south/city/dock", "south", "", "nowhere", "north/city/hill"):
        assert day(town, actor, region) == Sum(DAY, None, None)
    assert day(town, actor, "north/city/old", category="public") == Sum(DAY, None, None)
    assert sums.energy(town.site, actor, "north", "", CODE + 1, DAY, DAY) == [Sum(DAY, None, None)]


@pytest.mark.parametrize(
    "scope",
    [
        Scope(region="north", k=K, resolution=Resolution.MONTH),
        Scope(region="north", category="public", k=K),
        Scope(region="north", k=K, labels=frozenset({"x"})),
        Scope(region="north", k=K, quantities=1 << POWER_IMPORT),
        Scope(region="north", k=K, first_s=int(datetime(2026, 3, 3, tzinfo=ZoneInfo("UTC")).timestamp())),
        Scope(region="north", k=K, until_s=int(datetime(2026, 3, 2, 23, tzinfo=ZoneInfo("UTC")).timestamp())),
        Scope(region="north", k=K, expires_s=1),
    ],
)
def test_a_scope_that_does_not_reach(town: Fleet, scope: Scope) -> None:
    assert day(town, office(town, scope), "north/city/old") == Sum(DAY, None, None)


def test_a_day_is_given_when_it_has_been_over_for_a_day(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K))
    when = DAY + timedelta(6)
    town.clock.now_s = datetime(2026, 3, 9, 23, tzinfo=ZoneInfo("UTC")).timestamp()
    assert day(town, actor, "north/city/old", when).wh is None
    town.clock.now_s += 3_600
    assert day(town, actor, "north/city/old", when).wh == wh("north/city/old")


def test_a_revoked_grant_gives_nothing_more_not_even_what_it_gave(town: Fleet) -> None:
    actor = office(town)
    number = put(town.archive, "office", Scope(region="north", k=K), town.clock())
    assert day(town, actor, "north/city/old").sensors == 8
    revoke_grant(town.archive, number)
    assert day(town, actor, "north/city/old") == Sum(DAY, None, None)


def test_homes_that_are_seen_singly_protect_nobody(town: Fleet) -> None:
    own = Scope(sensors=frozenset({101, 102, 103, 104}))
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY), own)
    assert day(town, actor, "north/city/old").wh is None, "four of the eight are known, so it is a sum of four"
    assert day(town, actor, "north/city/mill").sensors == 6
    everything = office(town, Scope(region="north/city/hill"))
    assert day(town, everything, "north/city/hill").wh == wh("north/city/hill"), "each of the three is known"


def test_who_knows_a_homes_month_or_half_its_day_has_it_count_for_nobody(town: Fleet) -> None:
    noon = int(datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("UTC")).timestamp())
    town.clock.now_s += 30 * 86_400
    actor = office(
        town,
        Scope(region="north", k=K, resolution=Resolution.DAY),
        Scope(sensors=frozenset({101, 102}), resolution=Resolution.MONTH),
        Scope(sensors=frozenset({103, 104}), first_s=noon),
    )
    assert day(town, actor, "north/city/old").wh is None
    assert day(town, actor, "north/city/mill").sensors == 6
    assert day(town, actor, "north/city/old", DAY + timedelta(1)).wh is None


def test_who_sees_half_a_day_of_each_home_does_not_see_the_day_of_all(town: Fleet) -> None:
    noon = int(datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("UTC")).timestamp())
    actor = office(town, Scope(region="north", k=K), Scope(region="north/city/old", first_s=noon))
    assert day(town, actor, "north/city/old").wh is None
    assert day(town, actor, "north/city/old", DAY + timedelta(1)).wh == wh("north/city/old")


def test_of_several_groups_the_largest_counts(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K), Scope(region="south", k=7))
    assert day(town, actor, "south/city/dock").sensors == 7
    assert day(town, actor, "north/city/mill").wh is None
    assert day(town, actor, "north/city/old").sensors == 8


def test_a_month_is_the_sum_of_its_days_or_nothing(town: Fleet) -> None:
    for number in range(101, 109):
        town.send(town.frame(number, week(number, date(2026, 1, 31), 30), epoch=3))
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.MONTH))
    found = sums.energy(town.site, actor, "north/city/old", "", CODE, date(2026, 2, 1), date(2026, 2, 28), "month")
    assert found == [Sum(date(2026, 2, 1), 8, 28 * wh("north/city/old"))]
    part = sums.energy(town.site, actor, "north/city/old", "", CODE, date(2026, 2, 2), date(2026, 2, 28), "month")
    assert part == [Sum(date(2026, 2, 1), None, None)]


def test_no_two_answers_of_a_week_differ_by_fewer_homes(town: Fleet) -> None:
    actor = office(town, Scope(k=K, region="north", resolution=Resolution.DAY))
    members = {
        region: {number for number in range(101, 125) if street_of(number).startswith(region)}
        for region in ("north", "north/city", *STREETS)
    }
    given = [
        members[region]
        for region in ("north/city/mill", "north", "north/city/hill", "north/city", "north/city/old")
        if day(town, actor, region).wh is not None
    ]
    assert len(given) >= 3
    for one, other in combinations(given, 2):
        assert len(one ^ other) == 0 or len(one ^ other) >= K


def street_of(number: int) -> str:
    first = 101
    for name, homes in STREETS.items():
        if first <= number < first + homes:
            return name
        first += homes
    return "?"


def test_each_look_is_in_the_audit(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K))
    day(town, actor, "north/city/old")
    (entry,) = newest(town.site, OPERATOR, 1, "region north/city/old")
    assert (entry.what, entry.fields["count"], entry.fields["by"]) == ("sums.energy", 1, "day")


def test_what_cannot_be_asked(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K))
    with pytest.raises(NotAllowedError):
        day(town, OPERATOR, "north")
    for code, first, last in (
        (POWER_IMPORT, DAY, DAY),
        (CODE, DAY, DAY - timedelta(1)),
        (CODE, DAY, DAY + timedelta(sums.MOST_DAYS)),
    ):
        with pytest.raises(RemoteError):
            sums.energy(town.site, actor, "north", "", code, first, last)


def test_by_the_api(town: Fleet) -> None:
    client = town.person("ada")
    put(town.archive, "ada", Scope(region="north", k=K, resolution=Resolution.DAY), town.clock())
    asked = "/api/v1/regions/energy?region=north/city/old&from=2026-03-02&to=2026-03-03"
    answer = client.get(asked).json
    assert answer is not None
    assert answer["energy"] == [
        {"date": "2026-03-02", "sensors": 8, "value": wh("north/city/old")},
        {"date": "2026-03-03", "sensors": 8, "value": wh("north/city/old")},
    ]
    assert client.get("/api/v1/sensors").json == {"sensors": [], "next": None}
    assert client.get(asked + "&unit=hour").status_code == 400
    assert client.get(asked + "&quantities=1-0:1.7.0").status_code == 400
    assert client.get(asked + "&category=x").status_code == 400


def test_a_token_opens_its_part_of_what_its_owner_is_given(town: Fleet) -> None:
    actor = office(town, Scope(region="north", k=K, resolution=Resolution.DAY))
    given = day(town, actor, "north/city/old")

    def by(part: Scope, consent: int | None = None) -> Actor:
        return replace(actor, by=Bearer(1, part, consent, "Solar" if consent else None))

    assert day(town, by(Scope()), "north/city/old") == given
    assert day(town, by(Scope(region="north/city/old")), "north/city/old") == given
    for part in (
        Scope(region="north/city/mill"),
        Scope(sensors=frozenset(range(1, 999))),
        Scope(quantities=1 << POWER_IMPORT),
        Scope(resolution=Resolution.MONTH),
        Scope(category="residential"),
    ):
        assert day(town, by(part), "north/city/old") == Sum(DAY, None, None), part
    assert day(town, by(Scope(), 5), "north/city/old") == Sum(DAY, None, None), (
        "it was granted, and is not theirs to hand on"
    )
    assert day(town, by(Scope()), "south/city/dock") == Sum(DAY, None, None)
    # A program's questions are its owner's: the last part of a whole is not given to the two of them either.
    assert day(town, by(Scope()), "north/city").sensors == 17
    assert day(town, actor, "north/city/mill") == Sum(DAY, None, None)
