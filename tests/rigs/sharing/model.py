"""What the model knows: every reading, every grant, every contract, and from these what is open to whom."""

from dataclasses import dataclass, field

from tests.rigs.scope_model import LOOK, Allowed, Fine, Where, holds, is_open
from tests.rigs.sharing.drawn import CODES, END, STEP_S


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


class Model:
    """The model of a remote; whose it is beside says what time it is."""

    def __init__(self, places: dict[int, tuple[str, str, str]]) -> None:
        self.now_s = 0
        self.meters = {number: Meter(region, category) for number, (_, region, category) in places.items()}
        self.grants: dict[int, tuple[int, Allowed]] = {}  # by number: whose, which
        self.contracts: dict[int, tuple[int, int | None, int, int | None]] = {}  # sensor, user, from, until

    def place(self, sensor_id: int) -> Where:
        meter = self.meters[sensor_id]
        return Where(sensor_id, meter.region, meter.category, frozenset(meter.labels))

    def scopes(self, user: int, sensor_id: int) -> list[Allowed]:
        """Those that open anything of the sensor now."""
        if sensor_id not in self.meters:
            return []
        mine = [scope for whose, scope in self.grants.values() if whose == user]
        mine += [
            Allowed(sensors=frozenset({one}), first_s=from_s, until_s=until_s)
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
        resolution: Fine = Fine.RAW,
        purpose: str = LOOK,
        asked: tuple[int, int] = (0, END),
    ) -> bool:
        place = self.place(sensor_id)
        return any(
            is_open(scope, place, self.now_s, code, time_s, resolution, purpose, asked)
            for scope in self.scopes(user, sensor_id)
        )

    def readings(self, user: int, sensor_id: int, purpose: str = LOOK, span: tuple[int, int] = (0, END)) -> list[Kept]:
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
            ever = any(timeless(scope) and scope.quantities & 1 << code for scope in scopes)
            if (ever and code in meter.seen) or any(
                code in one.values and self.opens(user, sensor_id, code, one.time_s, resolution)
                for one in meter.readings
                for resolution in {scope.resolution for scope in scopes}
            ):
                found.add(code)
        return found

    def technical(self, user: int, sensor_id: int) -> bool:
        return any(
            scope.resolution is Fine.RAW
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
        resolution: Fine,
        asked: tuple[int, int],
    ) -> bool:
        """Whether all of a period is open."""
        return all(
            self.opens(user, sensor_id, code, time_s, resolution, LOOK, asked)
            for time_s in range(begin_s, end_s, STEP_S)
        )

    def held(self, user: int) -> list[Allowed]:
        """All that they have now, for whatever sensors."""
        mine = [scope for whose, scope in self.grants.values() if whose == user]
        return [
            scope
            for scope in mine
            if (scope.starts_s is None or scope.starts_s <= self.now_s)
            and (scope.expires_s is None or scope.expires_s > self.now_s)
        ]


def timeless(scope: Allowed) -> bool:
    """Whether it opens readings whenever they were made."""
    return scope.first_s is None and scope.until_s is None and scope.live and scope.resolution is Fine.RAW


def exports(scopes: list[Allowed]) -> bool:
    """Whether any of them opens a file."""
    return any(scope.export and scope.resolution is Fine.RAW for scope in scopes)
