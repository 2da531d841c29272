"""Sums over regions: the model keeps the sets that were summed, and looks at what could be made of them."""

import itertools
from typing import NamedTuple

from gridecho.quantities import ENERGY_IMPORT
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.use import granting
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.rigs.scope_model import Allowed, Fine, period_of
from tests.rigs.sharing.drawn import DAY, REGIONS, STEP_S, USERS, lies_in
from tests.rigs.sharing.machine import Machine, product


class Day(NamedTuple):
    """A day of the site's: its date, and where it begins and ends."""

    date: str
    begin_s: int
    end_s: int


class Sums(Machine):
    """Rules of sums with a smallest group."""

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[tuple[int, str, str, str], tuple[int, int]] = {}  # user, region, category, day: sensors, value
        self.summed: dict[tuple[int, str], list[frozenset[int]]] = {}  # of a user and a day

    @rule(
        user=st.sampled_from([*USERS]),
        region=st.sampled_from([None, "north", "north", "north/city-a"]),
        k=st.sampled_from([1, 2, 2, 2, 3]),
        fine=st.sampled_from([Fine.RAW, Fine.DAY, Fine.DAY, Fine.MONTH]),
    )
    def grant_sums(self, user: int, region: str | None, k: int, fine: Fine) -> None:
        category = None if region else "residential"
        scope = Allowed(region=region, category=category, k=k, resolution=fine)
        number = granting.grant(self.fleet.site, OPERATOR, USERS[user], product(scope))
        self.model.grants[number] = user, scope

    @rule(
        data=st.data(), guessed=st.sampled_from([True, False, False]), back=st.integers(2, 9), count=st.integers(1, 5)
    )
    def sum_up(self, data: st.DataObject, guessed: bool, back: int, count: int) -> None:
        users, regions, categories = [*USERS], ["", "north", *REGIONS], ["", "residential"]
        wide = [one for one in self.model.grants.values() if one[1].k > 1]
        if wide and not guessed:
            user, scope = data.draw(st.sampled_from(wide))
            users, categories = [user], [scope.category or ""]
            regions = [
                scope.region or "",
                scope.region or "",
                *(one for one in REGIONS if lies_in(one, scope.region or "")),
            ]
        user, region = data.draw(st.sampled_from(users)), data.draw(st.sampled_from(regions))
        category = data.draw(st.sampled_from(categories))
        days = self.days(back, count)
        path = f"/api/v1/regions/energy?region={region}&category={category}&from={days[0].date}&to={days[-1].date}"
        answer = self.clients[user].get(path)
        assert answer.status_code == 200
        found = [(one["date"], one["sensors"], one["value"]) for one in answer.json["energy"]]
        assert found == [(day.date, *self.sum_of(user, region, category, day)) for day in days]

    def days(self, back: int, count: int) -> list[Day]:
        found = []
        begin_s, _ = period_of(Fine.DAY, self.now_s - back * DAY)
        for _ in range(count):
            begin_s, end_s = period_of(Fine.DAY, begin_s)
            number = int(self.fleet.site.days.number([begin_s])[0])
            found.append(Day(self.fleet.site.days.date_of(number).isoformat(), begin_s, end_s))
            begin_s = end_s
        return found

    def sum_of(self, user: int, region: str, category: str, day: Day) -> tuple[int | None, int | None]:
        """(how many sensors, what they drew) if it is to be given; it is given then."""
        if not any(self.allows(scope, region, category, day) for scope in self.all_of(user)):
            return None, None
        key = user, region, category, day.date
        if key in self.given:
            return self.given[key]
        there = {one: rise for one in self.model.meters if (rise := self.rise(one, day)) is not None}
        there = {one: rise for one, rise in there.items() if self.is_in(one, region, category)}
        if not there:
            return None, None
        if not all(self.sees_whole(user, one, day) for one in there):
            hidden = frozenset(one for one in there if not self.sees_part(user, one, day))
            before = self.summed.setdefault((user, day.date), [])
            if not hidden or not self.leaves_enough(before, hidden, max(scope.k for scope in self.all_of(user))):
                return None, None
            before.append(hidden)
        self.given[key] = len(there), sum(there.values())
        return self.given[key]

    def leaves_enough(self, before: list[frozenset[int]], new: frozenset[int], k: int) -> bool:
        """Whether each group that the sums tell apart now, and did not before, has enough."""
        everybody = [*self.model.meters]
        old = _groups(everybody, before)
        return all(len(group) >= k for group in _groups(everybody, [*before, new]) if group not in old)

    def all_of(self, user: int) -> list[Allowed]:
        """What they have by grants and by contracts."""
        mine = [
            Allowed(sensors=frozenset({one}), first_s=from_s, until_s=until_s)
            for one, whose, from_s, until_s in self.model.contracts.values()
            if whose == user
        ]
        return [*self.model.held(user), *mine]

    def allows(self, scope: Allowed, region: str, category: str, day: Day) -> bool:
        return (
            scope.labels is None
            and scope.sensors is None
            and (scope.region is None or lies_in(region, scope.region))
            and scope.category in (None, category)
            and bool(scope.quantities >> ENERGY_IMPORT & 1)
            and scope.resolution <= Fine.DAY
            and (scope.first_s is None or scope.first_s <= day.begin_s)
            and (scope.until_s is None or day.end_s <= scope.until_s)
            and day.end_s + DAY <= self.now_s
        )

    def is_in(self, sensor_id: int, region: str, category: str) -> bool:
        meter = self.model.meters[sensor_id]
        return (not region or lies_in(meter.region, region)) and category in ("", meter.category)

    def rise(self, sensor_id: int, day: Day) -> int | None:
        """What the register rose by, up to the next reading; None: there is no reading of the day."""
        readings = [one for one in self.model.meters[sensor_id].readings if ENERGY_IMPORT in one.values]
        mine = sorted((one.key, one.values[ENERGY_IMPORT]) for one in readings)
        inner = [value for key, value in mine if day.begin_s <= key[0] < day.end_s]
        if not inner:
            return None
        steps = inner + [value for key, value in mine if key[0] >= day.end_s][:1]
        return sum(max(0, after - before) for before, after in itertools.pairwise(steps))

    def sees_whole(self, user: int, sensor_id: int, day: Day) -> bool:
        return self.model.whole(user, sensor_id, ENERGY_IMPORT, day.begin_s, day.end_s, Fine.DAY, (0, 1 << 32))

    def sees_part(self, user: int, sensor_id: int, day: Day) -> bool:
        return any(
            self.model.opens(user, sensor_id, ENERGY_IMPORT, time_s, Fine.MONTH)
            for time_s in range(day.begin_s, day.end_s, STEP_S)
        )


def _groups(everybody: list[int], sums: list[frozenset[int]]) -> list[set[int]]:
    """Those who are in the same sums, of all who are in any."""
    found: dict[tuple[bool, ...], set[int]] = {}
    for one in everybody:
        found.setdefault(tuple(one in some for some in sums), set()).add(one)
    return [group for said, group in found.items() if any(said)]
