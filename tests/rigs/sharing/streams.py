"""Who is told of readings as they come: of each that is new and open to them, once, also over a break; and of nothing else."""

from dataclasses import dataclass, field

from gridecho_remote.live.telling import said, text_of
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.arrivals import OVERLAP_MS
from gridecho_remote.rules.errors import NotFoundError, RemoteError
from gridecho_remote.use import streams
from gridecho_remote.use.streams import Arrivals, Position, Viewer
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.rigs.scope_model import LIVE, Fine
from tests.rigs.sharing.drawn import CODES, DAY, SENSORS, USERS
from tests.rigs.sharing.machine import Machine

Key = tuple[int, ...]
Rows = dict[int, dict[Key, dict[int, int]]]  # by sensor, of each reading the values


@dataclass(eq=False)
class Told:
    """Somebody who is told; `passed`: what was there already when they looked last."""

    viewer: Viewer
    position: Position | None = None
    since_s: int | None = None  # the moment from which on they are to be told when they join; None: from now on
    joined: bool = False
    passed: dict[int, set[Key]] = field(default_factory=dict)


class Streams(Machine):
    """Rules of streams: the look of the thread that tells all is taken as a step."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals = Arrivals(self.fleet.site)
        self.streams: list[Told] = []
        self.left: list[tuple[Told, str, int]] = []  # who went, with their position, and when they were told last
        self.back_s = 0

    def teardown(self) -> None:
        self.fleet.archive.give_back()
        super().teardown()

    @rule(user=st.sampled_from([*USERS]), sensor_ids=st.lists(SENSORS, min_size=1, max_size=2, unique=True))
    def begin_stream(self, user: int, sensor_ids: list[int]) -> None:
        if len(self.streams) < 4:
            self._begin(Told(Viewer(person(user), tuple(sorted(sensor_ids)), -1)))

    def _begin(self, one: Told) -> None:
        user, why = one.viewer.actor.id, None
        for sensor_id in one.viewer.sensor_ids:
            now_open = sensor_id in self.model.meters and any(
                self.model.opens(user, sensor_id, code, self.now_s, purpose=LIVE) for code in (*CODES, 39)
            )
            if not now_open:
                why = "live-not-open" if self.model.scopes(user, sensor_id) else "sensor-not-shared"
                break
        try:
            streams.begin(self.fleet.site, one.viewer)
        except RemoteError as error:
            assert error.code == why
            assert isinstance(error, NotFoundError) == (why == "sensor-not-shared")
            return
        assert why is None
        self.streams.append(one)

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), at_once=st.booleans())
    def leave(self, data: st.DataObject, at_once: bool) -> None:
        """Somebody's connection breaks; what they were told last says where they are."""
        one = data.draw(st.sampled_from(self.streams))
        self.streams.remove(one)
        if one.position is not None:
            where = one, str(one.position), one.position.since_ms // 1000
            if at_once:
                self._go_on(*where)
            elif len(self.left) < 4:
                self.left.append(where)

    @precondition(lambda self: self.left and len(self.streams) < 4)
    @rule(data=st.data())
    def come_again(self, data: st.DataObject) -> None:
        self._go_on(*data.draw(st.sampled_from(self.left)))

    def _go_on(self, before: Told, text: str, since_s: int) -> None:
        position = Position.read(text, self.fleet.site.now_ms())
        passed = {sensor_id: set(keys) for sensor_id, keys in before.passed.items()}
        self._begin(Told(before.viewer, position, since_s, passed=passed))

    @precondition(lambda self: self.streams)
    @rule()
    def tell_all(self) -> None:
        now_ms = self.fleet.site.now_ms()
        self.back_s = max(self.back_s, self.now_s - DAY)
        ids = {sensor_id for one in self.streams for sensor_id in one.viewer.sensor_ids}
        with self.arrivals.look(ids) as moment:
            for one in list(self.streams):
                joins = not one.joined
                wanted = [each for each in one.viewer.sensor_ids if joins or each in moment.sensor_ids]
                made = said(moment, one.viewer, wanted, one.position, joins=joins)
                user = one.viewer.actor.id
                closed = [each for each in one.viewer.sensor_ids if not self._may_be_told(user, each)]
                assert (made.why is not None) == bool(closed)
                if made.why is not None:
                    self.streams.remove(one)
                    continue
                found: Rows = {}
                for sensor_id, readings in made.told:
                    rows = [((item.time_s, *item[1:4]), item.values) for item in readings.rows()]
                    found[sensor_id] = dict(rows)
                    assert len(found[sensor_id]) == len(rows)
                late = joins and one.since_s is not None and one.since_s < self.back_s
                assert sorted(made.cut) == (sorted(wanted) if late else [])
                if joins and (one.since_s is None or late):
                    assert found == {}
                else:
                    assert found == self._new_to(one)
                one.position = one.position or Position(now_ms - OVERLAP_MS, now_ms)
                text_of(made, one.position, now_ms, False, lambda *_: b"{}")
                one.joined = True
                for sensor_id in one.viewer.sensor_ids:
                    one.passed[sensor_id] = {each.key for each in self.model.meters[sensor_id].readings}

    def _may_be_told(self, user: int, sensor_id: int) -> bool:
        return any(scope.live and scope.resolution is Fine.RAW for scope in self.model.scopes(user, sensor_id))

    def _new_to(self, one: Told) -> Rows:
        found: Rows = {}
        for sensor_id in one.viewer.sensor_ids:
            open_ = self.model.readings(one.viewer.actor.id, sensor_id, LIVE, (self.back_s, 1 << 32))
            new = {each.key: each.values for each in open_ if each.key not in one.passed[sensor_id]}
            if new:
                found[sensor_id] = new
        return found
