"""What relays hold: it is pulled when the operator asks for it, or somebody looks at a span of it that is open to them."""

from gridecho.holdings import Piece
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import NotAllowedError
from gridecho_remote.rules.roles import role
from gridecho_remote.store import holdings
from gridecho_remote.use import relays
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.rigs.fleet import PLACES
from tests.rigs.heartbeats import beat
from tests.rigs.scope_model import Fine
from tests.rigs.sharing.drawn import STEP_S, USERS, moments
from tests.rigs.sharing.machine import Machine, row_of
from tests.rigs.sharing.model import Kept
from tests.rigs.sharing.outside import HOLDER

_EPOCH = 3
_CODES = 8


class Pulls(Machine):
    """Rules of what a relay holds back."""

    def __init__(self) -> None:
        super().__init__()
        self.told_to = 0  # up to which row its index was told
        self.back: list[tuple[int, Kept]] = []
        self.pulled = 0

    @rule(sensor_id=st.sampled_from([*PLACES]), back=st.integers(0, 2_000))
    def hold_back(self, sensor_id: int, back: int) -> None:
        """The relay says that it has a reading."""
        meter, time_s = self.model.meters[sensor_id], self.now_s - STEP_S * back + 11
        if time_s in {one.time_s for one in meter.readings} | {one.time_s for _, one in self.back}:
            return
        if not self.told_to:
            assert beat(self.fleet, HOLDER, pull_url="http://127.0.0.1:9").status_code == 200
        seq = self.fleet._next_seq.get((sensor_id, _EPOCH), 0)
        values = {POWER_IMPORT: time_s % 997}
        self.relays.held.append((sensor_id, seq, self.fleet.frame(sensor_id, [Reading(time_s, values)], epoch=_EPOCH)))
        run = (sensor_id, _EPOCH, seq, 1, time_s, 0)
        holdings.take_piece(self.fleet.archive, Piece(HOLDER, 1, self.told_to, self.told_to + 1, [run]))
        self.told_to += 1
        self.back.append((sensor_id, Kept(time_s, _EPOCH, seq, 0, values)))

    @precondition(lambda self: self.back)
    @rule(data=st.data())
    def pull(self, data: st.DataObject) -> None:
        sensor_id = data.draw(st.sampled_from(sorted({number for number, _ in self.back})))
        (outcome,) = relays.pull_span(self.fleet.site, OPERATOR, sensor_id, 0, None, 60)
        assert outcome.missing == ""
        assert self.relays.asked_for.pop() == {sensor_id}
        self._came(sensor_id)

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]), begin=moments(), end=moments())
    def look_and_pull(self, user: int, sensor_id: int, begin: int, end: int) -> None:
        """What is open comes with the answer; for what is not no relay is asked."""
        span = min(begin, end), max(begin, end) + 1
        path = f"/api/v1/sensors/{sensor_id}/readings?from={span[0]}&to={span[1]}&wait=30&limit=10000"
        answer = self.get(user, path, sensor_id)
        assert (answer is not None) == bool(self.model.scopes(user, sensor_id))

        def is_open(time_s: int) -> bool:
            return any(self.model.opens(user, sensor_id, code, time_s) for code in range(_CODES))

        # When a datum ends the index does not say: one may be asked for that ends before what is open begins.
        reach_s = holdings.reach_of(self.fleet.archive, sensor_id)
        raw = [scope for scope in self.model.scopes(user, sensor_id) if scope.resolution is Fine.RAW]
        held = [one.time_s for number, one in self.back if number == sensor_id]
        surely = any(span[0] <= time_s < span[1] and is_open(time_s) for time_s in held)
        perhaps = any(
            (scope.first_s or 0) <= time_s + reach_s and (scope.until_s is None or time_s < scope.until_s)
            for time_s in held
            for scope in raw
        )
        asked, self.relays.asked_for = self.relays.asked_for, []
        assert asked in ([], [{sensor_id}])
        assert perhaps or not asked
        assert asked or not surely
        if asked:
            self._came(sensor_id)
        if answer is not None:
            found = [row_of(one) for one in answer.json["readings"]]
            assert found == [(one.key, one.values) for one in self.model.readings(user, sensor_id, span=span)]
            assert answer.json["holes"] == []

    def _came(self, sensor_id: int) -> None:
        meter = self.model.meters[sensor_id]
        meter.readings += [one for number, one in self.back if number == sensor_id]
        meter.seen.add(POWER_IMPORT)
        self.back = [one for one in self.back if one[0] != sensor_id]
        self.relays.held = [one for one in self.relays.held if one[0] != sensor_id]

    @rule(user=st.sampled_from([*USERS]), sensor_id=st.sampled_from([*PLACES]))
    def nobody_else_pulls(self, user: int, sensor_id: int) -> None:
        for actor in (person(user), person(user, [role("administrator", ""), role("operator", "")])):
            try:
                relays.pull_span(self.fleet.site, actor, sensor_id, 0, None, 60)
            except NotAllowedError:
                continue
            raise AssertionError("somebody pulled")

    @invariant()
    def nothing_is_pulled_by_itself(self) -> None:
        assert self.relays.asked_for == []
