"""Who looks at a sensor: the remote says so with each heartbeat, and the sensor hears of it with what answers it."""

import pytest
from gridecho import frames
from gridecho_relay import heartbeat

from tests.rigs.waiting import wait_for

LOOKED_AT = frames.OK | frames.LIVE_WANTED


def both(sensor):
    """What an echo and an acknowledgement say now."""
    return {sensor.ask(sensor.probe()).status, sensor.ask(sensor.data()).status}


@pytest.fixture
def sensors(workshop):
    sensors = workshop.sensor(), workshop.sensor(2)
    relay = workshop.relay(heartbeat_every_s=0.05)
    sensors[1].relay = sensors[0].relay
    wait_for(lambda: relay.report()["sensors"] == 2)
    return sensors


def test_the_sensor_hears_of_it_and_no_other_for_as_long_as_it_lasts(workshop, sensors):
    one, other = sensors
    assert (both(one), both(other)) == ({frames.OK}, {frames.OK})
    workshop.remote.live = [one.sensor_id]
    wait_for(lambda: both(one) == {LOOKED_AT})
    assert both(other) == {frames.OK}
    workshop.remote.live = []
    wait_for(lambda: both(one) == {frames.OK})


def test_what_is_no_sensor_spoils_no_other(workshop, sensors):
    workshop.remote.live = ["x", None, {}, True, 1.5, -1, 1 << 40, sensors[0].sensor_id]
    wait_for(lambda: both(sensors[0]) == {LOOKED_AT})
    assert both(sensors[1]) == {frames.OK}
    beats = len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) > beats + 2)


def test_a_remote_that_is_away_looks_at_nothing_any_more(workshop, sensors, monkeypatch):
    monkeypatch.setattr(heartbeat, "_LIVE_S", 0.2)
    workshop.remote.live = [sensors[0].sensor_id]
    wait_for(lambda: both(sensors[0]) == {LOOKED_AT})
    workshop.remote.instead = (503, {}, b"")
    wait_for(lambda: both(sensors[0]) == {frames.OK})
    workshop.remote.instead = None
    wait_for(lambda: both(sensors[0]) == {LOOKED_AT})
