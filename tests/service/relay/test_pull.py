"""The remote fetches from a relay that it can reach: only what it proves, only what the index names, deleted on receipt only."""

import sqlite3
import time
from contextlib import closing

import pytest
import urllib3
from gridecho import batch, frames, relay_keys
from gridecho.batch import Receipt, read_batch
from gridecho.crypto import Cmac
from gridecho.holdings import ANY, MAX_PULL_BYTES, Pull
from gridecho_relay import pull as pull_module
from gridecho_relay.pull import PullBusyError, Pulls

from tests.rigs.waiting import HANG_S, wait_for
from tests.rigs.workshop import RELAY_ID

ALL = (1, 0, 0, ANY, 0, ANY)


class Puller:
    """The remote's side of a direct pull, from a test's own hands."""

    def __init__(self, remote, relay):
        self.remote, self.url = remote, relay.status_url
        self.ids = iter(range(1000, 2000))
        self.http = urllib3.PoolManager(retries=False, timeout=HANG_S)

    def request(self, *wants, relay_id=RELAY_ID, pull_id=None, late_s=0.0, secret=None):
        mac = Cmac(relay_keys.pull_key(secret or self.remote.secret, RELAY_ID))
        utc_ms = int((time.time() - late_s) * 1000)
        return Pull(relay_id, next(self.ids) if pull_id is None else pull_id, utc_ms, list(wants)).pack(mac)

    def ask(self, body):
        return self.http.request("POST", f"{self.url}/pull", body=body, preload_content=False)

    def status(self, body):
        answer = self.ask(body)
        answer.drain_conn()
        answer.release_conn()
        return answer.status

    def batches(self, body):
        """(frames, receipt) of each batch, as they come."""
        with closing(self.ask(body)) as answer:
            assert answer.status == 200, answer.read()
            while length := int.from_bytes(answer.read(4), "big"):
                packed = answer.read(length)
                yield self.take(packed)

    def take(self, packed):
        batch_id, got = read_batch(packed, Cmac(relay_keys.batch_key(self.remote.secret, RELAY_ID)))
        for frame in got:
            self.remote.arrived[frame[4:16]] += 1
            self.remote.index.pop(frame[4:16], None)
        return got, self.receipt(batch_id, len(got))

    def receipt(self, batch_id, count, relay_id=RELAY_ID, secret=None):
        mac = Cmac(relay_keys.receipt_key(secret or self.remote.secret, RELAY_ID))
        return Receipt(relay_id, batch_id, count, 0, 0).pack(mac)

    def sign(self, receipt):
        return self.http.request("POST", f"{self.url}/pull/receipt", body=receipt).status


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """What is new is told before it is streamed, on a slow machine too."""
    monkeypatch.setattr(pull_module, "_TELL_WITHIN_S", HANG_S)


@pytest.fixture
def sensor(workshop):
    return workshop.sensor()


@pytest.fixture
def relay(workshop, sensor):
    return workshop.relay(pull_url="http://127.0.0.1:9", batch_frames=4, heartbeat_every_s=3600)


@pytest.fixture
def puller(workshop, relay):
    made = Puller(workshop.remote, relay)
    yield made
    made.http.clear()


def test_what_is_pulled_goes_when_it_is_signed_for(workshop, sensor, relay, puller):
    for _ in range(10):
        sensor.ask(sensor.data())
    receipts = []
    for got, receipt in puller.batches(puller.request((1, sensor.epoch, 2, 7, 0, ANY))):
        assert 0 < len(got) <= 4
        receipts.append(receipt)
    assert len(workshop.rows()) == 10
    assert [puller.sign(receipt) for receipt in receipts] == [204, 204]
    assert len(workshop.rows()) == 4
    assert sorted(workshop.rows()) == sorted(workshop.remote.index)
    report = relay.report()
    assert (report["pulls_served"], report["pulls_direct"], report["forwarded"]) == (1, 1, 6)
    assert (report["held_store"], report["receipts"][0]["frames"]) == (4, 2)
    assert [puller.sign(receipt) for receipt in receipts] == [404, 404]


def test_batches_signed_one_by_one_while_the_stream_goes_on(workshop, sensor, relay, puller):
    for _ in range(21):
        sensor.ask(sensor.data())
    for _, receipt in puller.batches(puller.request(ALL)):
        assert puller.sign(receipt) == 204
    assert workshop.rows() == []
    assert set(workshop.remote.arrived.values()) == {1}
    assert len(workshop.remote.arrived) == 21
    assert workshop.remote.index == {}


def test_what_is_new_is_told_first_then_streamed(workshop, sensor):
    relay = workshop.relay(pull_url="http://127.0.0.1:9", index_every_s=3600, heartbeat_every_s=3600)
    wait_for(lambda: workshop.remote.told)
    puller = Puller(workshop.remote, relay)
    sensor.ask(sensor.data())
    assert workshop.remote.index == {}
    found = [got for got, _ in puller.batches(puller.request(ALL))]
    assert [len(got) for got in found] == [1]
    assert workshop.remote.told[-1][3] == 1
    puller.http.clear()


def test_what_could_not_be_told_is_not_streamed(workshop, sensor, relay, puller, monkeypatch):
    monkeypatch.setattr(pull_module, "_TELL_WITHIN_S", 0.2)
    sensor.ask(sensor.data())
    wait_for(lambda: relay._works.teller.told[1])  # the remote's answer is there, too
    workshop.remote.go_away()
    sensor.ask(sensor.data())
    found = [got for got, _ in puller.batches(puller.request(ALL))]
    assert [len(got) for got in found] == [1]


def flipped(body: bytes) -> bytes:
    """With another last bit: a fixed byte in its place is the right one once in 256 runs."""
    return body[:-1] + bytes([body[-1] ^ 1])


def test_only_the_remote_only_now_only_once(workshop, sensor, relay, puller):
    sensor.ask(sensor.data())
    good = puller.request(ALL, pull_id=5)
    assert puller.status(good) == 200
    for body, status in (
        (good, 401),
        (puller.request(ALL, late_s=310), 401),
        (puller.request(ALL, late_s=-310), 401),
        (puller.request(ALL, secret=bytes(32)), 401),
        (puller.request(ALL, relay_id=RELAY_ID + 1), 401),
        (flipped(puller.request(ALL)), 401),
        (b"", 400),
        (b"junk", 400),
        (bytes(MAX_PULL_BYTES + 1), 413),
    ):
        assert puller.status(body) == status
    assert puller.status(puller.request(ALL, late_s=290)) == 200
    assert len(workshop.rows()) == 1


def test_only_the_remotes_receipt_for_this_relay_deletes(workshop, sensor, relay, puller):
    sensor.ask(sensor.data())
    ((_, receipt),) = puller.batches(puller.request(ALL))
    batch_id = batch.read_receipt(receipt, Cmac(relay_keys.receipt_key(workshop.remote.secret, RELAY_ID))).batch_id
    for body, status in (
        (puller.receipt(batch_id, 1, secret=bytes(32)), 401),
        (puller.receipt(batch_id, 1, relay_id=RELAY_ID + 1), 401),
        (puller.receipt(bytes(16), 1), 404),
        (b"thank you", 400),
        (bytes(1000), 413),
    ):
        assert puller.sign(body) == status
    assert len(workshop.rows()) == 1
    assert puller.sign(receipt) == 204
    assert workshop.rows() == []


def test_a_listing_that_began_meanwhile_voids_what_was_streamed(workshop, sensor, relay, puller):
    sensor.ask(sensor.data())
    ((_, receipt),) = puller.batches(puller.request(ALL))
    first = workshop.remote.listing
    workshop.remote.index.clear()
    workshop.remote.known_to = 0  # an old backup
    sensor.ask(sensor.data())
    wait_for(lambda: workshop.remote.listing > first and len(workshop.remote.index) == 2)
    assert puller.sign(receipt) == 404
    assert sorted(workshop.rows()) == sorted(workshop.remote.index)


def test_the_store_may_be_flushed_meanwhile(workshop, sensor, relay, puller):
    for _ in range(6):
        sensor.ask(sensor.data())
    receipts = [receipt for _, receipt in puller.batches(puller.request(ALL))]
    relay.flush()
    wait_for(lambda: relay.report()["flushes"] == 1)
    assert [puller.sign(receipt) for receipt in receipts] == [204, 204]
    report = relay.report()
    assert (report["held_store"], report["bytes_store"], report["readings_held"], report["errors"]) == (0, 0, 0, 0)


def test_a_stream_without_receipts_ends_early(workshop, sensor, relay, puller, monkeypatch):
    monkeypatch.setattr(pull_module, "_MOST_UNSIGNED_BYTES", 5_000)
    monkeypatch.setattr(pull_module, "_SIGN_WITHIN_S", 2.0)
    for _ in range(12):
        sensor.ask(sensor.data(size=900))
    answer = puller.ask(puller.request(ALL))
    body = answer.read()
    answer.release_conn()
    # One batch of four; there was no room for a second one. The remote sees that the end is missing.
    assert int.from_bytes(body[:4], "big") + 4 == len(body) > 3600
    assert len(workshop.rows()) == 12
    # What was not signed for in time is forgotten.
    assert puller.sign(puller.take(body[4:])[1]) == 404


def test_a_recorded_request_is_served_once_also_after_a_restart(workshop, sensor, relay, puller, monkeypatch):
    sensor.ask(sensor.data())
    recorded, other = puller.request(ALL), puller.request(ALL)
    assert puller.status(recorded) == 200
    workshop.stop(relay)
    relay = workshop.relay(pull_url="http://127.0.0.1:9", heartbeat_every_s=3600)
    puller.url = relay.status_url
    wait_for(lambda: relay.report()["time_known"])
    assert puller.status(recorded) == 401
    assert puller.status(other) == 200, "made before the restart, and new to it"
    # On a full disk nothing is served that could not be remembered.
    with monkeypatch.context() as full:
        full.setattr(relay._ledger, "note_asked", failing)
        last = puller.request(ALL)
        assert puller.status(last) == 503
    assert puller.status(last) == 200


def failing(*_):
    raise sqlite3.OperationalError("database or disk is full")


def test_only_so_many_requests_at_once_and_in_memory(workshop, relay, puller, monkeypatch):
    monkeypatch.setattr(pull_module, "_MOST_IDS", 5)
    now = time.time()
    pulls = Pulls(
        RELAY_ID, workshop.remote.secret, relay._works.ledger, None, None, None, 4, lambda: False, lambda: now
    )
    for _ in range(2):
        pulls.open(puller.request(ALL))
    with pytest.raises(PullBusyError):
        pulls.open(puller.request(ALL))
    for _ in range(3):
        pulls.ended()
        pulls.open(puller.request(ALL))
    pulls.ended()
    with pytest.raises(PullBusyError):
        pulls.open(puller.request(ALL))
    now += 601  # by now the old ones are refused for their time
    pulls.open(puller.request(ALL, late_s=-600))
    assert len(relay._works.ledger.asked()) == 1
    relay._works.ledger.close()


def test_a_stream_that_is_broken_off_leaves_no_trace(workshop, sensor, relay, puller):
    for _ in range(30):
        sensor.ask(sensor.data(size=900))
    for _ in range(4):
        answer = puller.ask(puller.request(ALL))
        answer.read(10)
        answer.close()
    wait_for(lambda: puller.status(puller.request(ALL)) == 200)
    assert len(workshop.rows()) == 30
    assert relay.report()["errors"] == 0


def test_without_pull_url_there_is_no_such_endpoint(workshop, sensor):
    relay = workshop.relay()
    puller = Puller(workshop.remote, relay)
    assert puller.status(puller.request(ALL)) == 404
    puller.http.clear()


def test_send_frames_are_not_pulled_for_they_are_on_their_way(workshop, sensor, relay, puller, monkeypatch):
    monkeypatch.setattr(pull_module, "_TELL_WITHIN_S", 0.2)  # the index waits for them
    workshop.remote.behave = "fails"
    sensor.ask(sensor.data(frames.SEND))
    assert list(puller.batches(puller.request(ALL))) == []
