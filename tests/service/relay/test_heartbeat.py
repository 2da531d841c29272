"""The heartbeat: what a relay says of itself, what it hears, and requests that it picks up with it."""

import pytest
from gridecho import frames, relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import ANY, Pull
from gridecho_common.secrets import write_secret
from gridecho_relay.carrier import Carrier
from gridecho_relay.delivery import Delivery
from gridecho_relay.upstream import Upstream, is_loopback

from tests.rigs.waiting import wait_for
from tests.rigs.workshop import RELAY_ID


def data_id(sensor, seq):
    return sensor.sensor_id.to_bytes(4, "big") + sensor.epoch.to_bytes(4, "big") + seq.to_bytes(4, "big")


def test_it_says_what_the_relay_holds(workshop):
    sensor = workshop.sensor()
    workshop.relay(store_bytes=8192, threshold_bytes=4096, buffer_bytes=4096, pull_url="http://192.0.2.1:4691/")
    for _ in range(3):
        sensor.ask(sensor.data(count=2))
    wait_for(lambda: workshop.remote.beats[-1]["held_frames"] == 3)
    beat = workshop.remote.beats[-1]
    assert beat["pull_url"] == "http://192.0.2.1:4691"
    assert (beat["readings_held"], beat["outbox_frames"], beat["buffer_bytes_used"]) == (6, 0, 0)
    assert (beat["store_bytes"], beat["store_free_bytes"]) == (8192, 8192 - 3 * 56)
    assert beat["uptime_s"] > 0
    assert beat["pulled"] == []


def test_keys_and_orders_are_fetched_only_when_they_changed(workshop):
    workshop.sensor()
    relay = workshop.relay()
    wait_for(lambda: workshop.remote.order_questions)
    asked = workshop.remote.key_questions, workshop.remote.order_questions
    beats = len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) > beats + 3)
    assert (workshop.remote.key_questions, workshop.remote.order_questions) == asked
    workshop.sensor(2)
    wait_for(lambda: relay.report()["sensors"] == 2)
    assert workshop.remote.key_questions == asked[0] + 1


def test_a_new_sensor_that_calls_is_known_soon(workshop):
    relay = workshop.relay(heartbeat_every_s=3600)
    sensor = workshop.sensor()
    sensor.relay = ("127.0.0.1", int(relay.listen.rpartition(":")[2]))
    sensor.send(sensor.probe())
    wait_for(lambda: relay.report()["sensors"] == 1)


def test_however_often_strangers_call_the_remote_is_asked_seldom(workshop):
    relay = workshop.relay(heartbeat_every_s=3600)
    stranger = workshop.sensor(9, enrol=False)
    stranger.relay = ("127.0.0.1", int(relay.listen.rpartition(":")[2]))
    while len(workshop.remote.beats) < 4:
        stranger.send(stranger.data())
        wait_for(lambda: relay.report()["refused"]["unknown_sensor"] == stranger.seq)
    # By the relay's own clock: half a second at least lies between two of them.
    assert relay.report()["uptime_s"] >= 3 * 0.5 - 0.1


def test_what_is_wanted_arrives_and_the_rest_stays(workshop):
    one, other = workshop.sensor(1), workshop.sensor(2)
    relay = workshop.relay(batch_frames=4)
    for _ in range(20):
        for sensor in (one, other):
            assert sensor.ask(sensor.data()).kind == frames.ACK
    wait_for(lambda: len(workshop.remote.index) == 40)
    workshop.remote.want(77, (1, one.epoch, 5, 14, 0, ANY), (2, 0, 0, ANY, 1_700_000_003, 1_700_000_004))
    wait_for(lambda: 77 in workshop.remote.pulled)
    came = sorted([data_id(one, seq) for seq in range(5, 15)] + [data_id(other, seq) for seq in (3, 4)])
    assert sorted(workshop.remote.arrived) == came
    assert set(workshop.remote.arrived.values()) == {1}
    assert workshop.remote.pulled == {77: 12}
    assert len(workshop.rows()) == 28
    assert sorted(workshop.rows()) == sorted(workshop.remote.index)
    assert relay.report()["pulls_served"] == 1
    wait_for(lambda: workshop.remote.beats[-1]["pulled"] == [])


def test_a_request_for_nothing_is_finished_too(workshop):
    workshop.sensor()
    workshop.relay()
    workshop.remote.want(1 << 62, (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: workshop.remote.pulled == {1 << 62: 0})


def test_a_request_outlives_a_remote_that_goes_away_in_the_middle(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(batch_frames=2)
    for _ in range(9):
        sensor.ask(sensor.data())
    workshop.remote.behave = "fails"
    workshop.remote.want(5, (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: relay.report()["pulls_waiting"] == 1)
    workshop.remote.go_away()
    wait_for(lambda: not relay.report()["remote_reachable"])
    assert len(workshop.rows()) == 9
    workshop.remote.behave = "well"
    workshop.remote.start()
    wait_for(lambda: workshop.remote.pulled == {5: 9})
    assert workshop.rows() == []
    assert set(workshop.remote.arrived.values()) == {1}
    assert workshop.remote.index == {}


def forged():
    return Pull(RELAY_ID, 1, 0, [(1, 0, 0, ANY, 0, ANY)]).pack(Cmac(bytes(32)))


def for_another(secret):
    return Pull(RELAY_ID + 1, 1, 0, [(1, 0, 0, ANY, 0, ANY)]).pack(Cmac(relay_keys.pull_key(secret, RELAY_ID)))


@pytest.mark.parametrize("made", [lambda _: forged(), for_another, lambda _: b"junk"])
def test_what_is_no_request_of_the_remote_is_not_followed(workshop, caplog, made):
    sensor = workshop.sensor()
    workshop.relay()
    sensor.ask(sensor.data())
    workshop.remote.pulls[1] = made(workshop.remote.secret)
    wait_for(lambda: "pull-refused" in caplog.text)
    beats = len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) > beats + 2)
    assert len(workshop.rows()) == 1
    assert workshop.remote.arrived == {}
    assert caplog.text.count("pull-refused") == 1


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:80", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("https://far.example", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_which_remotes_are_on_this_machine(url, here):
    assert is_loopback(url) is here


def delivery_to(remote, compress):
    upstream = Upstream(remote.url, RELAY_ID, remote.secret)
    made = Delivery(RELAY_ID, remote.secret, upstream, Carrier(RELAY_ID, upstream), compress=compress)
    made.hear(None)
    return made, upstream


def test_a_batch_is_deflated_where_that_pays_only(workshop):
    remote, sensor = workshop.remote, workshop.sensor()
    made, upstream = delivery_to(remote, compress=True)
    try:
        many = [sensor.data()[:-8] for _ in range(500)]
        assert made.send(many).stored == 500
        assert (remote.deflated, len(remote.arrived)) == (1, 500)
        assert made.sent_bytes < 0.9 * made.batch_bytes
        made.send(many[:10])  # one packet either way
        long = [sensor.data(size=1000)[:-8] for _ in range(10)]
        made.send(long)
        assert remote.deflated == 1
        made.send(many)  # after one that did not get shorter some are not tried
        assert remote.deflated == 1
    finally:
        upstream.close()
    plain, upstream = delivery_to(remote, compress=False)
    plain.send(many)
    upstream.close()
    assert remote.deflated == 1


def test_compression_is_never_for_a_remote_on_this_machine(workshop):
    remote, sensor = workshop.remote, workshop.sensor()
    relay = workshop.relay(compress=True)
    for _ in range(200):
        assert sensor.ask(sensor.data()).kind == frames.ACK
    relay.flush()
    wait_for(lambda: len(remote.arrived) == 200)
    assert relay.report()["batch_bytes"] > 10_000
    assert remote.deflated == 0


def test_the_secret_of_another_relay_gets_no_heartbeat(workshop, tmp_path_factory, caplog):
    (workshop.folder / "relay.secret").unlink()
    write_secret(workshop.folder / "relay.secret")
    workshop.relay()
    wait_for(lambda: "enrol the relay there" in caplog.text)
    assert workshop.remote.beats == []
