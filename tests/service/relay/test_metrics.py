"""/metrics, as Prometheus reads it: names by its conventions, the figures of the report, nothing shared between two relays."""

import re

import pytest
import urllib3
from gridecho import frames
from gridecho_relay.latency import BOUNDS_S
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.rigs.waiting import wait_for


def scraped(relay, accept=""):
    answer = urllib3.request("GET", f"{relay.status_url}/metrics", headers={"Accept": accept})
    assert answer.status == 200
    return answer


def samples(relay):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(scraped(relay).data.decode())
        for sample in family.samples
    }


def test_the_figures_are_those_of_the_report(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(name="barn")
    for _ in range(3):
        sensor.ask(sensor.data(count=2))
    sensor.ask(sensor.data(frames.SEND))
    sensor.send(b"\x11junk")
    wait_for(lambda: relay.report()["forwarded"] == 1 and relay.report()["refused"]["junk"] == 1)
    wait_for(lambda: relay.report()["outage_hours"] is not None)
    found = samples(relay)
    assert found["gridecho_relay_info", "", "7", "barn"] == 1
    for name, value in {
        ("datagrams_acknowledged_total",): 4,
        ("datagrams_refused_total", "junk"): 1,
        ("frames_forwarded_total",): 1,
        ("receipt_frames_total", "stored"): 1,
        ("held_frames", "store"): 3,
        ("held_bytes", "store"): 3 * 56,
        ("limit_bytes", "buffer"): relay.settings.buffer_bytes,
        ("held_readings",): 6,
        ("remote_reachable",): 1,
        ("sensors",): 1,
    }.items():
        assert found[f"gridecho_relay_{name[0]}", *name[1:]] == value, name
    assert found["gridecho_relay_ack_latency_seconds_count",] == 4
    assert 0 < found["gridecho_relay_ack_latency_seconds_sum",] < 4
    assert found["gridecho_relay_ack_latency_seconds_bucket", "+Inf"] == 4
    assert found["gridecho_relay_remote_rtt_seconds_count",] >= 1
    assert found["gridecho_relay_outage_covered_seconds",] > 0
    assert found["process_resident_memory_bytes",] > 1 << 20
    bounds = [key[1] for key in found if key[0] == "gridecho_relay_ack_latency_seconds_bucket"]
    assert len(bounds) == len(BOUNDS_S) + 1


def test_names_are_as_prometheus_wants_them(workshop):
    families = list(text_string_to_metric_families(scraped(workshop.relay()).data.decode()))
    assert len(families) > 30
    for family in families:
        assert re.fullmatch(r"(gridecho_relay|process)(_[a-z]+)+", family.name), family.name
        assert family.documentation.endswith("."), family.name
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total"), sample
        assert not re.search(r"_(ms|us|kb|hours|minutes)$", family.name), family.name


@pytest.mark.parametrize(
    ("accept", "said"),
    [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_either_format(workshop, accept, said):
    assert scraped(workshop.relay(), accept).headers["Content-Type"].startswith(said)


def test_nothing_is_global(workshop):
    before = set(REGISTRY._names_to_collectors)
    relay = workshop.relay()
    assert samples(relay)
    assert set(REGISTRY._names_to_collectors) == before


def test_no_reading_and_no_key_is_shown(workshop):
    sensor = workshop.sensor(0xABCDEF12)
    relay = workshop.relay()
    datagram = sensor.data()
    sensor.ask(datagram)
    shown = b"".join(urllib3.request("GET", relay.status_url + path).data for path in ("/", "/status.json", "/metrics"))
    for secret in (workshop.remote.secret.hex(), sensor.root.hex(), datagram[36:50].hex(), "abcdef12", str(0xABCDEF12)):
        assert secret.encode() not in shown.lower()
