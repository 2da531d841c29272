"""What changes: grants are given, narrowed, revoked and end, sensors move, subjects change, readings come."""

from gridecho.quantities import POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT, SPOOLED
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, Actor, person
from gridecho_remote.rules.errors import NotAllowedError, RemoteError
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.use import granting, places
from gridecho_remote.use.tidying import tidy
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import Allowed, holds
from tests.rigs.sharing.drawn import CODES, DAY, LABELS, REGIONS, SCOPES, STEP_S, USERS, can_be, less, lies_in, moments
from tests.rigs.sharing.machine import Machine, product
from tests.rigs.sharing.model import Kept

WHO = st.none() | st.none() | st.sampled_from(REGIONS)  # who decides: the operator, or the administrator of a region


def decider(region: str | None) -> Actor:
    """Who decides on what lies there."""
    return OPERATOR if region is None else person(77, [role("administrator", region)])


class Changes(Machine):
    """Rules of what is done to the remote."""

    @rule(user=st.sampled_from([*USERS]), scope=SCOPES, region=WHO)
    def grant(self, user: int, scope: Allowed, region: str | None) -> None:
        inside = region is None or lies_in(scope.region, region)
        try:
            would = granting.preview(self.fleet.site, decider(region), USERS[user], product(scope))
            number = granting.grant(self.fleet.site, decider(region), USERS[user], product(scope))
        except NotAllowedError:
            assert not inside
            return
        assert inside
        always = scope._replace(starts_s=None, expires_s=None, k=1)
        there = {one for one in self.model.meters if holds(always, self.model.place(one), self.now_s)}
        seen = {one for one in there if self.model.scopes(user, one)}
        assert (would.sensors, would.new) == (len(there), len(there - seen) if scope.k == 1 else 0)
        self.model.grants[number] = user, scope

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data(), region=WHO)
    def narrow(self, data: st.DataObject, region: str | None) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.grants)))
        user, scope = self.model.grants[number]
        fields = less(scope, data.draw(moments()))
        name = data.draw(st.sampled_from(sorted(fields)))
        narrower = scope._replace(**{name: fields[name]})
        if not can_be(narrower):
            return
        value = Resolution(fields[name]) if name == "resolution" else fields[name]
        try:
            granting.narrow(self.fleet.site, decider(region), number, **{name: value})
        except RemoteError as error:
            assert error.code == "grant-unknown"
            assert region is not None and not lies_in(scope.region, region)
            return
        assert region is None or lies_in(scope.region, region)
        self.model.grants[number] = user, narrower

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data(), name=st.sampled_from(["region", "export", "resolution", "k", "until_s", "sensors"]))
    def widen(self, data: st.DataObject, name: str) -> None:
        """Nobody has a grant open more."""
        number = data.draw(st.sampled_from(sorted(self.model.grants)))
        scope = self.model.grants[number][1]
        now = getattr(scope, name)
        wider = {
            "region": None,
            "export": True,
            "resolution": Resolution.RAW,
            "k": 1,
            "until_s": None,
            "sensors": None,
        }[name]
        if now != wider and can_be(scope._replace(**{name: wider})):
            try:
                granting.narrow(self.fleet.site, OPERATOR, number, **{name: wider})
            except RemoteError as error:
                assert error.code == "grant-not-less"
            else:
                raise AssertionError(f"a grant was widened: {name}")

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data(), region=WHO)
    def revoke(self, data: st.DataObject, region: str | None) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.grants)))
        mine = region is None or lies_in(self.model.grants[number][1].region, region)
        shown = [one.id for one in granting.all_grants(self.fleet.site, decider(region))]
        assert (number in shown) == mine
        try:
            granting.revoke(self.fleet.site, decider(region), number)
        except RemoteError as error:
            assert error.code == "grant-unknown"
            assert not mine
            return
        assert mine
        del self.model.grants[number]

    @rule(steps=st.sampled_from([1, 3, 12, 100, 288, 600]))
    def time_passes(self, steps: int) -> None:
        self.fleet.clock.now_s += STEP_S * steps
        self.model.now_s = self.now_s

    @rule(sensor_id=st.sampled_from([*PLACES]), region=st.sampled_from(REGIONS))
    def move(self, sensor_id: int, region: str) -> None:
        places.move(self.fleet.site, OPERATOR, sensor_id, region)
        self.model.meters[sensor_id].region = region

    @rule(sensor_id=st.sampled_from([*PLACES]), label=st.sampled_from(LABELS), on=st.booleans())
    def label(self, sensor_id: int, label: str, on: bool) -> None:
        places.label(self.fleet.site, OPERATOR, sensor_id, [label] if on else [], [] if on else [label])
        (self.model.meters[sensor_id].labels.add if on else self.model.meters[sensor_id].labels.discard)(label)

    @rule(sensor_id=st.sampled_from([*PLACES]), user=st.sampled_from([None, *USERS]), back=st.integers(0, 900))
    def subject_changes(self, sensor_id: int, user: int | None, back: int) -> None:
        """Who is there moves out, and another one in; earlier than today, as it is often heard of."""
        mine = {number: one for number, one in self.model.contracts.items() if one[0] == sensor_id}
        at_s = max([self.now_s - STEP_S * back, *(one[2] + STEP_S for one in mine.values())])
        for number, (_, before, from_s, until_s) in mine.items():
            if until_s is None:
                places.end_contract(self.fleet.site, OPERATOR, number, at_s)
                self.model.contracts[number] = sensor_id, before, from_s, at_s
        name = None if user is None else USERS[user]
        number = places.begin_contract(self.fleet.site, OPERATOR, sensor_id, name, at_s)
        self.model.contracts[number] = sensor_id, user, at_s, None

    @rule(
        sensor_id=st.sampled_from([*PLACES]),
        back=st.integers(-30, 2_000),
        count=st.integers(1, 9),
        step=st.sampled_from([1, 3, 12, 50]),
        codes=st.sampled_from([CODES, CODES, CODES[:1], CODES[1:2]]),
        lost=st.sampled_from([0, 0, 0, 2]),
    )
    def send(self, sensor_id: int, back: int, count: int, step: int, codes: tuple[int, ...], lost: int) -> None:
        self._send(sensor_id, back, count, step, codes, lost)

    def _send(self, sensor_id: int, back: int, count: int, step: int, codes: tuple[int, ...], lost: int) -> None:
        """No two of a sensor's readings have the same time."""
        meter = self.model.meters[sensor_id]
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

    @rule(back=st.integers(0, 6), count=st.integers(2, 6))
    def send_days(self, back: int, count: int) -> None:
        """Every sensor's register, some times a day, for some days."""
        for sensor_id in PLACES:
            step = DAY // STEP_S // 4
            self._send(sensor_id, DAY // STEP_S * (back + count) + sensor_id, 4 * count, step, CODES[:1], 0)

    def send_two_days(self) -> None:
        """Every quantity of every sensor, six times a day, up to now."""
        for sensor_id in PLACES:
            self._send(sensor_id, 2 * DAY // STEP_S, 12, DAY // STEP_S // 6, CODES, 0)

    @rule(sensor_id=st.sampled_from([*PLACES]), undated=st.booleans())
    def tell(self, sensor_id: int, undated: bool) -> None:
        """An undated reading, or a word of the sensor's about itself."""
        meter = self.model.meters[sensor_id]
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
