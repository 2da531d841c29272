"""Lives of a remote that shares: grants are given, narrowed, revoked and end, sensors move, subjects change, people look.

A simple model beside it knows every reading and every scope, and says what each answer is to be: nothing more, nothing less.
"""

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT, SPOOLED, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotAllowedError, NotFoundError
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import METERED, Place, Purpose, Resolution, Scope
from gridecho_remote.rules.units import obis
from gridecho_remote.store import timeline
from gridecho_remote.use import granting, places, sensors
from gridecho_remote.use.sensors import Span
from gridecho_remote.use.tidying import tidy
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.rigs.fleet import PLACES, Fleet
from tests.rigs.scope_model import ZONE, goes_on, holds, is_open, period_of

DAY = 86_400
STEP_S = 300  # every moment of a life is a multiple of it
T0 = 1_792_843_200  # 24 October 2026, 12:00 UTC: clocks go back the next night, and a month ends a week later
CODES = (ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1)
CODE_OF = {obis(code): code for code in CODES}
USERS = {1: "ada", 2: "kim"}
SENSORS = st.sampled_from([*PLACES, *PLACES, 99])
REGIONS = ["north", "north/city-a", "north/city-b", "south", "south/city-c", "northern", "north/city-a/old"]
LABELS = ["pilot", "new"]
END = 1 << 32


def moments() -> st.SearchStrategy[int]:
    """From nine days before to nine days after, in steps."""
    return st.integers(-9 * DAY // STEP_S, 9 * DAY // STEP_S).map(lambda n: T0 + STEP_S * n)


SCOPES = st.builds(
    Scope,
    region=st.none() | st.sampled_from(REGIONS),
    category=st.sampled_from([None, None, None, "residential"]),
    labels=st.none() | st.none() | st.frozensets(st.sampled_from(LABELS), min_size=1),
    sensors=st.none() | st.none() | st.frozensets(st.sampled_from([7, 8, 9, 99]), min_size=1),
    quantities=st.sampled_from([METERED, METERED, 1 << POWER_IMPORT, 1 << ENERGY_IMPORT, 5]),
    resolution=st.sampled_from([*Resolution, Resolution.RAW, Resolution.RAW, Resolution.DAY]),
    k=st.sampled_from([1, 1, 1, 1, 1, 3]),
    first_s=st.none() | moments(),
    until_s=st.none() | moments(),
    export=st.booleans(),
    live=st.sampled_from([True, True, False]),
    starts_s=st.none() | st.none() | moments(),
    expires_s=st.none() | st.none() | moments(),
    revoked=st.just(False),
).filter(
    lambda one: (
        (one.region or one.category or one.labels or one.sensors)
        and (one.first_s is None or one.until_s is None or one.first_s < one.until_s)
        and (one.starts_s is None or one.expires_s is None or one.starts_s < one.expires_s)
    )
)


@dataclass
class Kept:
    """A reading."""

    time_s: int
    epoch: int
    seq: int
    item: int
    values: dict[int, int]

    @property
    def key(self) -> tuple[int, int, int, int]:
        return self.time_s, self.epoch, self.seq, self.item


@dataclass
class Meter:
    """A sensor in the model."""

    region: str
    category: str
    labels: set[str] = field(default_factory=set)
    readings: list[Kept] = field(default_factory=list)
    undated: int = 0
    route: int | None = None
    seen: set[int] = field(default_factory=set)
    lost: int = 0


@dataclass
class Download:
    """A download that goes on."""

    user: int
    sensor_id: int
    parts: Iterator[Any]
    wanted: list[Kept]
    given: list[tuple[tuple[int, ...], dict[int, int]]]


class Sharing(RuleBasedStateMachine):
    """The remote and the model of it; `make` gives a fleet."""

    make: Callable[..., Fleet]

    def __init__(self) -> None:
        super().__init__()
        self.fleet = self.make(now_s=float(T0), time_zone=ZONE)
        self.clients: dict[int, FlaskClient] = {number: self.fleet.person(name) for number, name in USERS.items()}
        self.meters = {number: Meter(region, category) for number, (_, region, category) in PLACES.items()}
        self.grants: dict[int, tuple[int, Scope]] = {}  # by number: whose, which
        self.contracts: dict[int, tuple[int, int | None, int, int | None]] = {}  # sensor, user, from, until
        self.downloads: list[Download] = []
        self.chunk, timeline._CHUNK = timeline._CHUNK, 4

    def teardown(self) -> None:
        timeline._CHUNK = self.chunk
        self.fleet.close()

    @property
    def now_s(self) -> int:
        return int(self.fleet.clock.now_s)

    # what changes

    @rule(user=st.sampled_from([*USERS]), scope=SCOPES)
    def grant(self, user: int, scope: Scope) -> None:
        number = granting.grant(self.fleet.site, OPERATOR, USERS[user], scope)
        self.grants[number] = user, scope

    @rule(user=st.sampled_from([*USERS]), scope=SCOPES, region=st.sampled_from(REGIONS))
    def delegate(self, user: int, scope: Scope, region: str) -> None:
        inside = scope.region is not None and (scope.region + "/").startswith(region + "/")
        administrator = person(77, [role("administrator", region)])
        try:
            number = granting.grant(self.fleet.site, administrator, USERS[user], scope)
        except NotAllowedError:
            assert not inside
            return
        assert inside
        self.grants[number] = user, scope

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def narrow(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.grants)))
        user, scope = self.grants[number]
        at_s = data.draw(moments())
        less: dict[str, Any] = {
            "export": False,
            "live": False,
            "resolution": Resolution(min(4, scope.resolution + 1)),
            "until_s": at_s if scope.until_s is None else min(at_s, scope.until_s),
            "first_s": at_s if scope.first_s is None else max(at_s, scope.first_s),
            "expires_s": at_s if scope.expires_s is None else min(at_s, scope.expires_s),
            "quantities": scope.quantities & 5 or scope.quantities,
        }
        name = data.draw(st.sampled_from(sorted(less)))
        narrower = scope._replace(**{name: less[name]})
        if _can_be(narrower):
            granting.narrow(self.fleet.site, OPERATOR, number, **{name: less[name]})
            self.grants[number] = user, narrower

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.grants)))
        granting.revoke(self.fleet.site, OPERATOR, number)
        del self.grants[number]

    @rule(steps=st.sampled_from([1, 3, 12, 100, 288, 600]))
    def time_passes(self, steps: int) -> None:
        self.fleet.clock.now_s += STEP_S * steps

    @rule(sensor_id=st.sampled_from([*PLACES]), region=st.sampled_from(REGIONS))
    def move(self, sensor_id: int, region: str) -> None:
        places.move(self.fleet.site, OPERATOR, sensor_id, region)
        self.meters[sensor_id].region = region

    @rule(sensor_id=st.sampled_from([*PLACES]), label=st.sampled_from(LABELS), on=st.booleans())
    def label(self, sensor_id: int, label: str, on: bool) -> None:
        places.label(self.fleet.site, OPERATOR, sensor_id, [label] if on else [], [] if on else [label])
        (self.meters[sensor_id].labels.add if on else self.meters[sensor_id].labels.discard)(label)

    @rule(sensor_id=st.sampled_from([*PLACES]), user=st.sampled_from([None, *USERS]), back=st.integers(0, 900))
    def subject_changes(self, sensor_id: int, user: int | None, back: int) -> None:
        """Who is there moves out, and another one in; earlier than today, as it is often heard of."""
        mine = {number: one for number, one in self.contracts.items() if one[0] == sensor_id}
        at_s = max([self.now_s - STEP_S * back, *(one[2] + STEP_S for one in mine.values())])
        for number, (_, before, from_s, until_s) in mine.items():
            if until_s is None:
                places.end_contract(self.fleet.site, OPERATOR, number, at_s)
                self.contracts[number] = sensor_id, before, from_s, at_s
        name = None if user is None else USERS[user]
        number = places.begin_contract(self.fleet.site, OPERATOR, sensor_id, name, at_s)
        self.contracts[number] = sensor_id, user, at_s, None

    @rule(
        sensor_id=st.sampled_from([*PLACES]),
        back=st.integers(-30, 2_000),
        count=st.integers(1, 9),
        step=st.sampled_from([1, 3, 12, 50]),
        codes=st.sampled_from([CODES, CODES, CODES[:1], CODES[1:2]]),
        lost=st.sampled_from([0, 0, 0, 2]),
    )
    def send(self, sensor_id: int, back: int, count: int, step: int, codes: tuple[int, ...], lost: int) -> None:
        """No two of a sensor's readings have the same time."""
        meter = self.meters[sensor_id]
        there = {one.time_s for one in meter.readings}
        times = [self.now_s - STEP_S * back + STEP_S * step * n + 7 for n in range(count)]
        times = [time_s for time_s in times if time_s not in there]
        frames = []
        for time_s in times:
            values = dict.fromkeys(codes, time_s // STEP_S * 7919 % 1000)
            for _ in range(lost):
                self.fleet.frame(sensor_id, values)
                meter.lost += 1
            lost = 0
            seq = self.fleet._next_seq.get((sensor_id, 1), 0)
            frames.append(self.fleet.frame(sensor_id, [Reading(time_s, values)]))
            meter.readings.append(Kept(time_s, 1, seq, 0, values))
            meter.seen |= set(codes)
        if frames:
            self.fleet.send(*frames)

    @rule(sensor_id=st.sampled_from([*PLACES]), undated=st.booleans())
    def tell(self, sensor_id: int, undated: bool) -> None:
        """An undated reading, or a word of the sensor's about itself."""
        meter = self.meters[sensor_id]
        if undated:
            self.fleet.send(self.fleet.frame(sensor_id, [Reading(0, {POWER_IMPORT: 5})], epoch=2))
            meter.undated += 1
            meter.seen.add(POWER_IMPORT)
        else:
            rtt_us = 1_000 + self.now_s % 997
            told = {ROUTE_RELAY: 1, ROUTE_RTT: rtt_us, SPOOLED: 3}
            self.fleet.send(self.fleet.frame(sensor_id, [Reading(self.now_s + 8, told)]))
            meter.route = rtt_us

    @rule()
    def tidy(self) -> None:
        tidy(self.fleet.site)

    # what the model knows

    def place(self, sensor_id: int) -> Place:
        meter = self.meters[sensor_id]
        return Place(sensor_id, meter.region, meter.category, frozenset(meter.labels))

    def scopes(self, user: int, sensor_id: int) -> list[Scope]:
        """Those that open anything of the sensor now."""
        if sensor_id not in self.meters:
            return []
        mine = [scope for whose, scope in self.grants.values() if whose == user]
        mine += [
            Scope(sensors=frozenset({one}), first_s=from_s, until_s=until_s)
            for one, whose, from_s, until_s in self.contracts.values()
            if whose == user
        ]
        return [scope for scope in mine if holds(scope, self.place(sensor_id), self.now_s)]

    def opens(
        self,
        user: int,
        sensor_id: int,
        code: int,
        time_s: int,
        resolution: Resolution = Resolution.RAW,
        purpose: Purpose = Purpose.LOOK,
        asked: tuple[int, int] = (0, END),
    ) -> bool:
        place = self.place(sensor_id)
        return any(
            is_open(scope, place, self.now_s, code, time_s, resolution, purpose, asked)
            for scope in self.scopes(user, sensor_id)
        )

    def readings(
        self, user: int, sensor_id: int, purpose: Purpose = Purpose.LOOK, span: tuple[int, int] = (0, END)
    ) -> list[Kept]:
        """What is open of the readings, in order."""
        found = []
        for one in self.meters[sensor_id].readings:
            if span[0] <= one.time_s < span[1]:
                values = {
                    code: value
                    for code, value in one.values.items()
                    if self.opens(user, sensor_id, code, one.time_s, purpose=purpose)
                }
                if values:
                    found.append(Kept(*one.key, values))
        return sorted(found, key=lambda one: one.key)

    def quantities(self, user: int, sensor_id: int) -> set[int]:
        """Those of which anything that was sent is open, at whatever resolution."""
        scopes = self.scopes(user, sensor_id)
        meter, found = self.meters[sensor_id], set()
        for code in CODES:
            ever = any(_timeless(scope) and scope.quantities & 1 << code for scope in scopes)
            if (ever and code in meter.seen) or any(
                code in one.values and self.opens(user, sensor_id, code, one.time_s, resolution)
                for one in meter.readings
                for resolution in {scope.resolution for scope in scopes}
            ):
                found.add(code)
        return found

    def technical(self, user: int, sensor_id: int) -> bool:
        return any(
            scope.resolution is Resolution.RAW
            and scope.live
            and (scope.first_s is None or scope.first_s <= self.now_s)
            and (scope.until_s is None or self.now_s < scope.until_s)
            for scope in self.scopes(user, sensor_id)
        )

    def whole(
        self,
        user: int,
        sensor_id: int,
        code: int,
        begin_s: int,
        end_s: int,
        resolution: Resolution,
        asked: tuple[int, int],
    ) -> bool:
        """Whether all of a period is open."""
        return all(
            self.opens(user, sensor_id, code, time_s, resolution, Purpose.LOOK, asked)
            for time_s in range(begin_s, end_s, STEP_S)
        )

    # what people do

    def get(self, user: int, path: str, sensor_id: int) -> Any:
        """The answer, or None after it was checked that it is the answer for what is not there, and that it has to be."""
        answer = self.clients[user].get(path, buffered=True)
        if answer.status_code != 200:
            nowhere = self.clients[user].get(path.replace(f"/{sensor_id}", "/98", 1), buffered=True)
            assert (answer.status_code, answer.data) == (404, nowhere.data)
            return None
        return answer

    @rule(user=st.sampled_from([*USERS]))
    def look_at_all(self, user: int) -> None:
        found = self.clients[user].get("/api/v1/sensors").json["sensors"]
        wanted = [number for number in self.meters if self.scopes(user, number)]
        assert [one["id"] for one in found] == wanted
        for one in found:
            meter = self.meters[one["id"]]
            assert (one["region"], one["category"]) == (meter.region, meter.category)
            assert {CODE_OF[quantity["obis"]] for quantity in one["quantities"]} == self.quantities(user, one["id"])
        page = self.clients[user].get("/").get_data(as_text=True)
        assert [number for number, (name, *_) in PLACES.items() if name in page] == wanted

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS)
    def look_at_one(self, user: int, sensor_id: int) -> None:
        scopes = self.scopes(user, sensor_id)
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}", sensor_id)
        page = self.get(user, f"/sensors/{sensor_id}", sensor_id) if answer else None
        assert (answer is not None) == bool(scopes)
        if answer is None:
            return
        told, meter = answer.json, self.meters[sensor_id]
        assert {CODE_OF[one["obis"]] for one in told["quantities"]} == self.quantities(user, sensor_id)
        past = [one for one in self.readings(user, sensor_id) if one.time_s <= self.now_s + 60]
        latest = told["latest"]
        assert (latest and _row(latest)) == ((past[-1].key, past[-1].values) if past else None)
        if all(scope.resolution is Resolution.RAW for scope in scopes):
            assert [told["first"], told["last"]] == ([past[0].time_s, past[-1].time_s] if past else [None, None])
        technical = self.technical(user, sensor_id)
        route = meter.route if technical else None
        assert (told["route"] and told["route"]["rtt_us"]) == route
        assert (told["state"] != {}) == (route is not None)
        assert ("/undated.csv" in page.text and "Download" in page.text) or not told["undated"] or not _exports(scopes)
        ahead = [one.time_s for one in meter.readings if one.time_s > self.now_s + 60]
        assert (told["ahead_until"] is not None) == (technical and bool(ahead))
        ever = [scope for scope in scopes if _timeless(scope) and scope.quantities & 1 << POWER_IMPORT]
        assert told["undated"] == (meter.undated if ever else 0)

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS, begin=moments(), end=moments(), limit=st.integers(1, 30))
    def read(self, user: int, sensor_id: int, begin: int, end: int, limit: int) -> None:
        """In pages, with a token that is another's for the first."""
        span = min(begin, end), max(begin, end) + 1
        path = f"/api/v1/sensors/{sensor_id}/readings?from={span[0]}&to={span[1]}&limit={limit}"
        found = []
        while path:
            answer = self.get(user, path, sensor_id)
            assert (answer is not None) == bool(self.scopes(user, sensor_id))
            if answer is None:
                return
            assert len(answer.json["readings"]) <= limit
            found += [_row(one) for one in answer.json["readings"]]
            path = answer.json["next"]
        assert found == [(one.key, one.values) for one in self.readings(user, sensor_id, span=span)]

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]), data=st.data())
    def go_on_from_anywhere(self, user: int, sensor_id: int, data: st.DataObject) -> None:
        """A token is no key: whatever it says, only what is open comes."""
        all_ = self.meters[sensor_id].readings
        if all_ and self.scopes(user, sensor_id):
            key = data.draw(st.sampled_from(all_)).key
            after = ".".join(map(str, key))
            answer = self.clients[user].get(f"/api/v1/sensors/{sensor_id}/readings?after={after}").json
            wanted = [one for one in self.readings(user, sensor_id) if one.key > key]
            assert [_row(one) for one in answer["readings"]] == [(one.key, one.values) for one in wanted]

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS)
    def export(self, user: int, sensor_id: int) -> None:
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}/readings.csv", sensor_id)
        wanted = self.readings(user, sensor_id, Purpose.EXPORT) if sensor_id in self.meters else []
        if answer is None:
            assert not _exports(self.scopes(user, sensor_id)) or not wanted
            return
        assert _exports(self.scopes(user, sensor_id))
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        found = []
        for row in rows:
            key = tuple(int(row[name]) for name in ("time", "epoch", "seq", "item"))
            found.append(
                (key, {code: int(row[name]) for code in CODES for name in row if obis(code) in name and row[name]})
            )
        assert found == [(one.key, one.values) for one in wanted]

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]))
    def begin_download(self, user: int, sensor_id: int) -> None:
        if len(self.downloads) < 4:
            try:
                parts = sensors.export(self.fleet.site, person(user), sensor_id, -1, Span(0, END)).parts
            except NotFoundError:
                assert not self.readings(user, sensor_id, Purpose.EXPORT)
                return
            self.downloads.append(Download(user, sensor_id, parts, self.readings(user, sensor_id, Purpose.EXPORT), []))
            next(parts)  # was read at once

    @precondition(lambda self: self.downloads)
    @rule(data=st.data())
    def download_more(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.downloads))
        try:
            part = next(one.parts)
        except (StopIteration, NotFoundError):
            self.downloads.remove(one)
            return
        for item in part.rows():
            for code in item.values:
                assert self.opens(one.user, one.sensor_id, code, item.time_s, purpose=Purpose.EXPORT)

    @rule(
        user=st.sampled_from([*USERS]),
        sensor_id=st.sampled_from([*PLACES]),
        unit=st.sampled_from([Resolution.HOUR, Resolution.DAY]),
        back=st.integers(0, 9),
        count=st.integers(1, 4),
    )
    def energy(self, user: int, sensor_id: int, unit: Resolution, back: int, count: int) -> None:
        first, _ = period_of(Resolution.DAY, self.now_s - back * DAY)
        _, last = period_of(Resolution.DAY, first + (count - 1) * DAY + DAY // 2)
        days = [
            self.fleet.site.days.date_of(int(n)).isoformat() for n in self.fleet.site.days.number([first, last - 1])
        ]
        path = f"/api/v1/sensors/{sensor_id}/energy?unit={unit.name.lower()}&from={days[0]}&to={days[1]}"
        answer = self.get(user, path, sensor_id)
        assert (answer is not None) == bool(self.scopes(user, sensor_id))
        if answer is None:
            return
        code, asked = ENERGY_IMPORT, (first, last)
        mine = sorted((one for one in self.meters[sensor_id].readings if code in one.values), key=lambda one: one.key)
        scopes = self.scopes(user, sensor_id)
        wanted = []
        begin_s = first
        while begin_s < last:
            _, end_s = period_of(unit, begin_s)
            inner = [one for one in mine if begin_s <= one.time_s < end_s]
            if inner and self.whole(user, sensor_id, code, begin_s, end_s, unit, asked):
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
        single = [_row(one) for one in answer.json["readings"] if one["epoch"]]
        wanted = [one for one in self.readings(user, sensor_id) if code in one.values]
        assert single == [(one.key, {code: one.values[code]}) for one in wanted]
        mine = [one for one in self.meters[sensor_id].readings if code in one.values]
        for one in answer.json["readings"]:
            if not one["epoch"]:
                assert self._is_mean(user, sensor_id, code, one["time"], one["values"][obis(code)], mine)
        for after_s, before_s in answer.json["breaks"]:
            times = [one["time"] for one in answer.json["readings"]]
            assert min(times) <= after_s
            assert before_s <= max(times)

    def _is_mean(self, user: int, sensor_id: int, code: int, time_s: int, value: int, mine: list[Kept]) -> bool:
        for resolution in (Resolution.HOUR, Resolution.DAY, Resolution.MONTH):
            begin_s, end_s = period_of(resolution, time_s)
            inner = [one.values[code] for one in mine if begin_s <= one.time_s < end_s]
            if begin_s == time_s and inner and abs(value - sum(inner) / len(inner)) <= 0.5:
                spans = {one.resolution for one in self.scopes(user, sensor_id) if one.resolution <= resolution}
                if any(self.whole(user, sensor_id, code, begin_s, end_s, one, (0, END)) for one in spans):
                    return True
        return False

    @rule(user=st.sampled_from([*USERS]), sensor_id=SENSORS)
    def what_lies_beside(self, user: int, sensor_id: int) -> None:
        answer = self.get(user, f"/api/v1/sensors/{sensor_id}/gaps", sensor_id)
        undated = self.get(user, f"/api/v1/sensors/{sensor_id}/undated", sensor_id)
        if answer is None:
            assert not self.scopes(user, sensor_id)
            assert undated is None
            return
        scopes = self.scopes(user, sensor_id)
        for gap in answer.json["gaps"]:
            assert self.technical(user, sensor_id)
            if not any(_timeless(scope) for scope in scopes):
                for time_s in (gap["after"], gap["before"]):
                    assert time_s is not None
                    assert any(self.opens(user, sensor_id, code, time_s - time_s % STEP_S) for code in (*CODES, 39))
        ever = any(_timeless(scope) for scope in scopes)
        if ever and self.meters[sensor_id].lost:
            assert answer.json["gaps"]
        open_ = any(_timeless(scope) and scope.quantities & 1 << POWER_IMPORT for scope in scopes)
        assert len(undated.json["readings"]) == (self.meters[sensor_id].undated if open_ else 0)


def _row(one: dict[str, Any]) -> tuple[tuple[int, ...], dict[int, int]]:
    key = one["time"], one["epoch"], one["seq"], one["item"]
    return key, {CODE_OF[name]: value for name, value in one["values"].items()}


def _timeless(scope: Scope) -> bool:
    return scope.first_s is None and scope.until_s is None and scope.live and scope.resolution is Resolution.RAW


def _exports(scopes: list[Scope]) -> bool:
    return any(scope.export and scope.resolution is Resolution.RAW for scope in scopes)


def _can_be(scope: Scope) -> bool:
    return (scope.first_s is None or scope.until_s is None or scope.first_s < scope.until_s) and (
        scope.starts_s is None or scope.expires_s is None or scope.starts_s < scope.expires_s
    )
