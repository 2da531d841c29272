"""What people look at: the list, one sensor, readings in pages, energy, curves, and what lies beside them."""

import itertools

from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho_remote.rules.units import obis
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import Fine, goes_on, period_of
from tests.rigs.sharing.drawn import CODE_OF, CODES, DAY, END, SENSORS, STEP_S, USERS, moments
from tests.rigs.sharing.machine import Machine, row_of
from tests.rigs.sharing.model import Kept, exports, timeless


class Looks(Machine):
    """Rules of what people ask the pages and the API."""

    @rule(user=st.sampled_from([*USERS]))
    def look_at_all(self, user: int) -> None:
        found = self.clients[user].get("/api/v1/sensors").json["sensors"]
        wanted = [number for number in self.model.meters if self.model.scopes(user, number)]
        assert [one["id"] for one in found] == wanted
        for one in found:
            meter = self.model.meters[one["id"]]
            assert (one["region"], one["category"]) == (meter.region, meter.category)
            assert {CODE_OF[quantity["obis"]] for quantity in one["quantities"]} == self.model.quantities(
                user, one["id"]
            )
        for path in ("/", "/sensors?sort=power"):
            page = self.clients[user].get(path).get_data(as_text=True)
            assert [number for number, (name, *_) in PLACES.items() if name in page] == wanted, path

    @rule(user=st.sampled_from([*USERS]))
    def look_at_regions(self, user: int) -> None:
        found = self.clients[user].get("/api/v1/regions").json["regions"]
        steps = [
            meter.region.split("/") for number, meter in self.model.meters.items() if self.model.scopes(user, number)
        ]
        wanted = {"/".join(some[: n + 1]) for some in steps for n in range(len(some))}
        assert [one["region"] for one in found if one["singly"]] == sorted(wanted)
        granted = {scope.region or "" for scope in self.model.held(user)}
        assert {one["region"] for one in found if not one["singly"]} <= granted

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS)
    def look_at_one(self, user: int, sensor_id: int) -> None:
        scopes = self.model.scopes(user, sensor_id)
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}", sensor_id)
        page = self.get(user, f"/sensors/{sensor_id}", sensor_id) if answer else None
        assert (answer is not None) == bool(scopes)
        if answer is None:
            return
        told, meter = answer.json, self.model.meters[sensor_id]
        assert {CODE_OF[one["obis"]] for one in told["quantities"]} == self.model.quantities(user, sensor_id)
        past = [one for one in self.model.readings(user, sensor_id) if one.time_s <= self.now_s + 60]
        latest = told["latest"]
        assert (latest and row_of(latest)) == ((past[-1].key, past[-1].values) if past else None)
        if all(scope.resolution is Fine.RAW for scope in scopes):
            assert [told["first"], told["last"]] == ([past[0].time_s, past[-1].time_s] if past else [None, None])
        technical = self.model.technical(user, sensor_id)
        route = meter.route if technical else None
        assert (told["route"] and told["route"]["rtt_us"]) == route
        assert (told["state"] != {}) == (route is not None)
        assert ("/undated.csv" in page.text and "Download" in page.text) or not told["undated"] or not exports(scopes)
        ahead = [one.time_s for one in meter.readings if one.time_s > self.now_s + 60]
        assert (told["ahead_until"] is not None) == (technical and bool(ahead))
        ever = [scope for scope in scopes if timeless(scope) and scope.quantities & 1 << POWER_IMPORT]
        assert told["undated"] == (meter.undated if ever else 0)

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS, begin=moments(), end=moments(), limit=st.integers(1, 30))
    def read(self, user: int, sensor_id: int, begin: int, end: int, limit: int) -> None:
        """In pages, with a token that is another's for the first."""
        span = min(begin, end), max(begin, end) + 1
        path = f"/api/v1/sensors/{sensor_id}/readings?from={span[0]}&to={span[1]}&limit={limit}"
        found = []
        while path:
            answer = self.get(user, path, sensor_id)
            assert (answer is not None) == bool(self.model.scopes(user, sensor_id))
            if answer is None:
                return
            assert len(answer.json["readings"]) <= limit
            found += [row_of(one) for one in answer.json["readings"]]
            path = answer.json["next"]
        assert found == [(one.key, one.values) for one in self.model.readings(user, sensor_id, span=span)]

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]), data=st.data())
    def go_on_from_anywhere(self, user: int, sensor_id: int, data: st.DataObject) -> None:
        """A token is no key: whatever it says, only what is open comes."""
        all_ = self.model.meters[sensor_id].readings
        if all_ and self.model.scopes(user, sensor_id):
            key = data.draw(st.sampled_from(all_)).key
            after = ".".join(map(str, key))
            answer = self.clients[user].get(f"/api/v1/sensors/{sensor_id}/readings?after={after}&wait=0").json
            wanted = [one for one in self.model.readings(user, sensor_id) if one.key > key]
            assert [row_of(one) for one in answer["readings"]] == [(one.key, one.values) for one in wanted]

    @rule(
        user=st.sampled_from([*USERS]),
        sensor_id=st.sampled_from([*PLACES]),
        unit=st.sampled_from([Fine.HOUR, Fine.DAY]),
        back=st.integers(0, 9),
        count=st.integers(1, 4),
    )
    def energy(self, user: int, sensor_id: int, unit: Fine, back: int, count: int) -> None:
        first, _ = period_of(Fine.DAY, self.now_s - back * DAY)
        _, last = period_of(Fine.DAY, first + (count - 1) * DAY + DAY // 2)
        days = [
            self.fleet.site.days.date_of(int(n)).isoformat() for n in self.fleet.site.days.number([first, last - 1])
        ]
        path = f"/api/v1/sensors/{sensor_id}/energy?unit={unit.name.lower()}&from={days[0]}&to={days[1]}"
        answer = self.get(user, path, sensor_id)
        assert (answer is not None) == bool(self.model.scopes(user, sensor_id))
        if answer is None:
            return
        code, asked = ENERGY_IMPORT, (first, last)
        mine = sorted(
            (one for one in self.model.meters[sensor_id].readings if code in one.values), key=lambda one: one.key
        )
        scopes = self.model.scopes(user, sensor_id)
        wanted = []
        begin_s = first
        while begin_s < last:
            _, end_s = period_of(unit, begin_s)
            inner = [one for one in mine if begin_s <= one.time_s < end_s]
            if inner and self.model.whole(user, sensor_id, code, begin_s, end_s, unit, asked):
                after = next((one for one in mine if one.time_s >= end_s), None)
                if after is not None and all(
                    goes_on(scopes, self.now_s, code, time_s, unit)
                    for time_s in [*range(end_s, after.time_s, STEP_S), after.time_s]
                ):
                    steps = [*inner, after]
                else:
                    steps = inner
                rise = sum(max(0, b.values[code] - a.values[code]) for a, b in itertools.pairwise(steps))
                wanted.append((begin_s, rise, len(inner)))
            begin_s = end_s
        assert [(one["begin"], one["value"], one["count"]) for one in answer.json["energy"]] == wanted

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]), code=st.sampled_from(CODES))
    def curve(self, user: int, sensor_id: int, code: int) -> None:
        path = f"/api/v1/sensors/{sensor_id}/readings?points=5000&quantities={obis(code)}"
        answer = self.get(user, path, sensor_id)
        if answer is None:
            return
        single = [row_of(one) for one in answer.json["readings"] if one["epoch"]]
        wanted = [one for one in self.model.readings(user, sensor_id) if code in one.values]
        assert single == [(one.key, {code: one.values[code]}) for one in wanted]
        mine = [one for one in self.model.meters[sensor_id].readings if code in one.values]
        for one in answer.json["readings"]:
            if not one["epoch"]:
                assert self._is_mean(user, sensor_id, code, one["time"], one["values"][obis(code)], mine)
        for after_s, before_s in answer.json["breaks"]:
            times = [one["time"] for one in answer.json["readings"]]
            assert min(times) <= after_s
            assert before_s <= max(times)

    def _is_mean(self, user: int, sensor_id: int, code: int, time_s: int, value: int, mine: list[Kept]) -> bool:
        for resolution in (Fine.HOUR, Fine.DAY, Fine.MONTH):
            begin_s, end_s = period_of(resolution, time_s)
            inner = [one.values[code] for one in mine if begin_s <= one.time_s < end_s]
            if begin_s == time_s and inner and abs(value - sum(inner) / len(inner)) <= 0.5:
                spans = {one.resolution for one in self.model.scopes(user, sensor_id) if one.resolution <= resolution}
                if any(self.model.whole(user, sensor_id, code, begin_s, end_s, one, (0, END)) for one in spans):
                    return True
        return False

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS)
    def what_lies_beside(self, user: int, sensor_id: int) -> None:
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}/gaps", sensor_id)
        undated = self.get(user, f"/api/v1/sensors/{sensor_id}/undated", sensor_id)
        if answer is None:
            assert not self.model.scopes(user, sensor_id)
            assert undated is None
            return
        scopes = self.model.scopes(user, sensor_id)
        for gap in answer.json["gaps"]:
            assert self.model.technical(user, sensor_id)
            if not any(timeless(scope) for scope in scopes):
                for time_s in (gap["after"], gap["before"]):
                    assert time_s is not None
                    assert any(
                        self.model.opens(user, sensor_id, code, time_s - time_s % STEP_S) for code in (*CODES, 39)
                    )
        ever = any(timeless(scope) for scope in scopes)
        if ever and self.model.meters[sensor_id].lost:
            assert answer.json["gaps"]
        open_ = any(timeless(scope) and scope.quantities & 1 << POWER_IMPORT for scope in scopes)
        assert len(undated.json["readings"]) == (self.model.meters[sensor_id].undated if open_ else 0)
