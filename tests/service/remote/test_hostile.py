"""A hostile sensor and a hostile relay at a remote: what they bring fails alone; honest data beside it are stored and signed."""

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho_remote.store import queries

from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.hostile.relay import HostileRelay, ask
from tests.rigs.hostile.sensor import HostileSensor

NOW_S = 1_800_000_000


@pytest.fixture
def sensor(fleet: Fleet) -> HostileSensor:
    return HostileSensor(9, fleet.roots[9], relay_id=2)


@pytest.fixture
def relay(fleet: Fleet) -> HostileRelay:
    return HostileRelay(2, fleet.relays[2])


def test_each_lie_of_a_sensor_fails_alone(fleet: Fleet, sensor: HostileSensor) -> None:
    for n, (lie, frame) in enumerate(sensor.lies(NOW_S).items()):
        honest = fleet.frame(7, {POWER_IMPORT: n})
        receipt = fleet.send(frame, honest)
        assert receipt.stored >= 1, lie
        assert receipt.stored + receipt.known + receipt.quarantined == 2, lie
        assert queries.count_readings(fleet.archive, 7) == n + 1, lie


def test_each_lie_of_a_relay_fails_alone(fleet: Fleet, relay: HostileRelay) -> None:
    for kind in (relay.lying_pieces(7), relay.lying_beats()):
        for lie, request in kind.items():
            assert ask(fleet.app, request).status_code < 500, lie
            assert beat(fleet).status_code == 200, lie
    fleet.send(fleet.frame(7, {POWER_IMPORT: 1}))
