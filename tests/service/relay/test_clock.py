"""A relay whose machine has the wrong time tells its sensors the remote's, or none."""

import time

import pytest
import urllib3
from gridecho import frames
from gridecho.holdings import ANY
from gridecho_common.clock import Clock

from tests.rigs.waiting import wait_for

WEEKS_MS = 6_048_000_000


@pytest.fixture
def wrong_clock(monkeypatch):
    def wrong(by_ms):
        monkeypatch.setattr(Clock, "utc_ms", lambda _: time.time_ns() // 1_000_000 + by_ms)

    wrong(-WEEKS_MS)
    return wrong


def off_ms(utc_ms):
    return abs(utc_ms - time.time() * 1000)


def test_it_tells_the_remotes_time(workshop, wrong_clock):
    sensor = workshop.sensor()
    relay = workshop.relay()
    assert off_ms(sensor.ask(sensor.probe()).utc_ms) < 60_000
    ack = sensor.ask(sensor.data())
    assert ack.kind == frames.ACK
    assert off_ms(ack.utc_ms) < 60_000
    assert (relay.report()["time_from"], relay.report()["time_known"]) == ("the remote", True)
    wrong_clock(0)  # NTP, between two heartbeats
    assert off_ms(sensor.ask(sensor.probe(2)).utc_ms) < 60_000
    assert relay.report()["time_from"] == "this machine"


def test_after_a_restart_without_the_remote_it_knows_that_it_does_not_know(workshop, wrong_clock):
    sensor = workshop.sensor()
    wrong_clock(0)
    workshop.stop(workshop.relay())
    workshop.remote.go_away()
    wrong_clock(-WEEKS_MS)
    relay = workshop.relay()
    wait_for(lambda: relay.report()["remote_problem"])
    assert sensor.ask(sensor.probe()).utc_ms == 0
    ack = sensor.ask(sensor.data())
    assert (ack.kind, ack.utc_ms) == (frames.ACK, 0)
    assert (relay.report()["time_from"], relay.report()["time_known"]) == ("nobody", False)
    assert "the time is not known" in urllib3.request("GET", f"{relay.status_url}/").data.decode()
    assert "relay_time_known 0.0" in urllib3.request("GET", f"{relay.status_url}/metrics").data.decode()
    workshop.remote.start()
    wait_for(lambda: relay.report()["time_from"] == "the remote")  # which says another thing than this machine
    assert off_ms(sensor.ask(sensor.probe(3)).utc_ms) < 60_000


def test_a_clock_that_is_right_counts_while_the_remote_is_away(workshop, wrong_clock):
    sensor = workshop.sensor()
    wrong_clock(0)
    workshop.stop(workshop.relay())
    workshop.remote.go_away()
    relay = workshop.relay()
    wait_for(lambda: relay.report()["time_from"] == "this machine")
    assert off_ms(sensor.ask(sensor.probe()).utc_ms) < 60_000


def test_requests_of_the_remote_are_judged_by_its_time(workshop, wrong_clock):
    sensor = workshop.sensor()
    relay = workshop.relay(pull_url="http://192.0.2.1:4691")
    assert sensor.ask(sensor.data()).kind == frames.ACK
    body = workshop.remote.want(5, (1, 0, 0, ANY, 0, ANY))
    answer = urllib3.request("POST", f"{relay.status_url}/pull", body=body)
    assert answer.status == 200
