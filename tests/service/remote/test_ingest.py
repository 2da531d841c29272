"""Batches: stored exactly once, whoever brings them and however often; what is strange is kept apart; a stated answer to all."""

import os
import threading

import pytest
from gridecho import keys, relay_keys
from gridecho.batch import RECEIPT_BYTES, pack_batch, read_receipt
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, STORE
from gridecho.intake import unseal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import blocks, queries, timeline
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor, relay_secret
from gridecho_remote.store.models import Block, Quarantine
from gridecho_remote.use.ingest import CLONE, Ingest
from gridecho_remote.use.opening import UNKNOWN_SENSOR, UNOPENABLE

from tests.rigs import stored
from tests.rigs.fleet import Fleet

W = POWER_IMPORT


def counts(receipt: object) -> tuple[int, int, int]:
    return receipt.stored, receipt.known, receipt.quarantined


def test_a_batch_again_is_known_and_gets_its_receipt_again(fleet: Fleet) -> None:
    frames = [fleet.frame(7, {W: 100 + n}) for n in range(50)]
    assert counts(fleet.send(*frames)) == (50, 0, 0)
    assert counts(fleet.send(*frames)) == (0, 50, 0)
    assert queries.count_readings(fleet.archive, 7) == 50


def test_a_batch_with_some_known_frames(fleet: Fleet) -> None:
    frames = [fleet.frame(7, {W: n}) for n in range(20)]
    fleet.send(*frames[:5], *frames[10:12])
    assert counts(fleet.send(*frames)) == (13, 7, 0)


def test_a_frame_twice_in_one_batch(fleet: Fleet) -> None:
    frame = fleet.frame(7, {W: 1})
    assert counts(fleet.send(frame, frame)) == (1, 1, 0)


def test_a_frame_again_by_another_relay_and_retagged(fleet: Fleet) -> None:
    readings = [Reading(1_800_000_000, {W: 5})]
    fleet.send(fleet.frame(7, readings, seq=3, op=STORE), relay_id=1)
    assert counts(fleet.send(fleet.frame(7, readings, seq=3, op=SEND), relay_id=2)) == (0, 1, 0)
    assert queries.count_data(fleet.archive) == 1


def test_what_is_stored_is_what_was_sent(fleet: Fleet) -> None:
    readings = [Reading(1_800_000_000 + 60 * n, {ENERGY_IMPORT: 10**9 + n, W: -n}) for n in range(30)]
    frame = fleet.frame(7, readings, seq=0)
    fleet.send(frame, relay_id=2)
    row = Block.select().dicts().get(fleet.archive.db)
    [datum] = stored.data(fleet.archive.connection().execute(stored.BLOCKS))
    assert datum.readings() == readings
    assert datum.body == unseal(frame, Siv(keys.siv_key(fleet.roots[7], 7, 1)))[1]
    [section] = blocks.read(row["content"], row["first_seq"])
    assert (section.relay_ids.tolist(), section.ops.tolist()) == ([2], [SEND])
    assert (row["first_s"], row["last_s"]) == (1_800_000_000, 1_800_001_740)
    assert row["stored_ms"] == int(fleet.clock() * 1000)


def test_a_clone_goes_to_quarantine_and_changes_nothing(fleet: Fleet) -> None:
    fleet.send(fleet.frame(7, {W: 100}, seq=0))
    clone = fleet.frame(7, {W: 101}, seq=0)
    assert counts(fleet.send(clone)) == (0, 0, 1)
    assert counts(fleet.send(clone)) == (0, 0, 1)
    assert queries.count_quarantined(fleet.archive) == {CLONE: 1}
    row = Quarantine.select().dicts().get(fleet.archive.db)
    assert (row["frame"], row["sensor_id"], row["epoch"], row["seq"], row["relay_id"]) == (clone, 7, 1, 0, 1)
    assert timeline.latest(fleet.archive, 7, 1 << W, fleet.clock()).values == {W: 100}


def test_a_clone_in_time_only(fleet: Fleet) -> None:
    fleet.send(fleet.frame(7, [Reading(1_800_000_000, {W: 1})], seq=0))
    assert counts(fleet.send(fleet.frame(7, [Reading(1_800_000_001, {W: 1})], seq=0))) == (0, 0, 1)


def test_original_and_clone_in_one_batch(fleet: Fleet) -> None:
    route = {W: 1, ROUTE_RELAY: 1, ROUTE_RTT: 900}
    clone = {W: 1, ROUTE_RELAY: 2, ROUTE_RTT: 100}
    receipt = fleet.send(fleet.frame(7, route, seq=0), fleet.frame(7, clone, seq=0), fleet.frame(7, {W: 2}, seq=1))
    assert counts(receipt) == (2, 0, 1)
    assert len(queries.route_history(fleet.archive, 7)) == 1


@pytest.mark.parametrize("bit", [0, 17, 8 * 12, 8 * 20 + 3, -1])
def test_a_flipped_bit(fleet: Fleet, bit: int) -> None:
    frame = bytearray(fleet.frame(7, {W: 100}))
    frame[bit // 8] ^= 1 << bit % 8
    assert counts(fleet.send(bytes(frame))) == (0, 0, 1)
    assert queries.count_data(fleet.archive) == 0
    assert set(queries.count_quarantined(fleet.archive)) <= {UNOPENABLE, UNKNOWN_SENSOR}


def test_an_unknown_sensor_and_a_wrong_key_are_quarantined_beside_good_frames(fleet: Fleet) -> None:
    strange = fleet.frame(77, {W: 1}, root=os.urandom(32))
    forged = fleet.frame(8, {W: 1}, root=os.urandom(32))
    old_key = fleet.frame(9, {W: 1}, key_id=2)
    assert counts(fleet.send(strange, forged, old_key, fleet.frame(7, {W: 1}))) == (1, 0, 3)
    assert queries.count_quarantined(fleet.archive) == {UNKNOWN_SENSOR: 2, UNOPENABLE: 1}


def test_readings_that_do_not_decode_are_quarantined(fleet: Fleet) -> None:
    bad = fleet.frame(7, {W: 1}, body=b"\x04\x02\x00tail")
    assert counts(fleet.send(bad)) == (0, 0, 1)
    assert queries.count_quarantined(fleet.archive) == {UNOPENABLE: 1}


def test_a_sensor_that_is_enrolled_while_the_remote_runs(fleet: Fleet) -> None:
    root = os.urandom(32)
    assert counts(fleet.send(fleet.frame(30, {W: 1}, root=root, seq=0))) == (0, 0, 1)
    enrol_sensor(fleet.archive, 30, "New", "south", "residential", root)
    assert counts(fleet.send(fleet.frame(30, {W: 1}, root=root, seq=1))) == (1, 0, 0)


def test_what_waited_in_quarantine_is_taken_in_after_the_enrolment_and_once(fleet: Fleet) -> None:
    root = os.urandom(32)
    early = [fleet.frame(30, {W: n}, root=root) for n in range(5)]
    forged = fleet.frame(8, {W: 1}, root=os.urandom(32))
    assert counts(fleet.send(*early, forged, relay_id=2)) == (0, 0, 6)
    ingest = Ingest(fleet.archive, days_of("UTC"))
    assert ingest.take_again(1) == 0
    enrol_sensor(fleet.archive, 30, "New", "south", "residential", root)
    fleet.send(early[0])  # it came again by another relay
    clone = fleet.frame(30, {W: 77}, root=root, seq=1)
    fleet.send(fleet.frame(30, {W: 1}, root=root, seq=9), clone)
    assert ingest.take_again(1_800_000_000_000) == 4
    assert ingest.take_again(1_800_000_000_000) == 0
    assert queries.count_quarantined(fleet.archive) == {UNOPENABLE: 1, CLONE: 1}
    assert queries.count_data(fleet.archive, 30) == 6


@pytest.mark.parametrize("number", [0, -1, 1 << 32])
def test_ids_that_no_relay_or_firmware_takes_are_not_enrolled(fleet: Fleet, number: int) -> None:
    for enrol in (
        lambda: enrol_sensor(fleet.archive, number, "x", "x", "x", bytes(32)),
        lambda: enrol_relay(fleet.archive, number, "x", bytes(32)),
    ):
        with pytest.raises(RemoteError, match="id-range"):
            enrol()


def test_routes_are_kept_as_history(fleet: Fleet) -> None:
    for n, (relay_id, rtt_us) in enumerate([(1, 1500), (2, 800)]):
        frame = fleet.frame(7, [Reading(1_800_000_000 + n, {W: 1, ROUTE_RELAY: relay_id, ROUTE_RTT: rtt_us})])
        fleet.send(frame)
        fleet.send(frame)
    routes = [(route.relay_id, route.rtt_us) for route in queries.route_history(fleet.archive, 7)]
    assert routes == [(2, 800), (1, 1500)]
    assert queries.route(fleet.archive, 8) is None


def test_gaps(fleet: Fleet) -> None:
    for seq in (2, 3, 7):
        fleet.send(fleet.frame(7, [Reading(1_800_000_000 + seq, {W: 1})], seq=seq))
    fleet.send(fleet.frame(7, [Reading(1_800_000_100, {W: 1})], seq=0, epoch=2))
    gaps = [(g.epoch, g.first_seq, g.last_seq, g.after_s, g.before_s) for g in queries.gaps(fleet.archive, 7)]
    assert gaps == [(1, 0, 1, None, 1_800_000_002), (1, 4, 6, 1_800_000_003, 1_800_000_007)]
    fleet.send(*(fleet.frame(7, {W: 1}, seq=seq) for seq in (0, 1, 4, 5, 6)))
    assert queries.gaps(fleet.archive, 7) == []


def test_an_unknown_relay_and_a_wrong_mac(fleet: Fleet) -> None:
    frame = fleet.frame(7, {W: 1})
    assert fleet.post(fleet.batch(5, [frame], os.urandom(32))).status_code == 401
    assert fleet.post(fleet.batch(1, [frame], fleet.relays[2])).status_code == 401
    body = bytearray(fleet.batch(1, [frame]))
    body[40] ^= 1
    answer = fleet.post(bytes(body))
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert queries.count_data(fleet.archive) == 0


@pytest.mark.parametrize("body", [b"", b"GEB", b"{}", os.urandom(200)])
def test_what_is_no_batch(fleet: Fleet, body: bytes) -> None:
    answer = fleet.post(body)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_a_batch_that_its_relay_sealed_wrongly(fleet: Fleet) -> None:
    mac = Cmac(relay_keys.batch_key(fleet.relays[1], 1))
    _, body = pack_batch(1, [fleet.frame(7, {W: 1})], mac)
    longer = body[:-16] + b"\x00"
    assert fleet.post(longer + mac.tag(longer)).status_code == 400


def test_a_body_that_is_too_large(make_fleet) -> None:
    fleet = make_fleet(max_batch_bytes=4096)
    body = fleet.batch(1, [fleet.frame(7, {W: n}) for n in range(200)])
    assert len(body) > 4096
    answer = fleet.post(body)
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
    assert queries.count_data(fleet.archive) == 0


def test_a_full_disk_is_507_and_nothing_is_stored(fleet: Fleet, only_sqlite: None) -> None:
    connection = fleet.archive.connection()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    fleet.archive.db.close()  # back to the pool, where the request finds it
    many = [fleet.frame(7, [Reading(1_800_000_000 + n, {W: k}) for k in range(200)]) for n in range(200)]
    answer = fleet.post(fleet.batch(1, many))
    assert (answer.status_code, answer.content_type) == (507, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert queries.count_data(fleet.archive) == 0
    fleet.archive.connection().execute("PRAGMA max_page_count = 1000000")
    assert counts(fleet.send(*many)) == (200, 0, 0)


def test_little_room_on_the_disk_is_507(make_fleet, only_sqlite: None) -> None:
    fleet = make_fleet(min_free_mb=10**9)
    assert fleet.post(fleet.batch(1, [fleet.frame(7, {W: 1})])).status_code == 507


def test_a_full_quarantine_keeps_no_honest_data_back(make_fleet) -> None:
    fleet = make_fleet(max_quarantined=4)
    strange = [fleet.frame(77, {W: n}, root=bytes(32)) for n in range(9)]
    assert counts(fleet.send(*strange, fleet.frame(7, {W: 1}))) == (1, 0, 9)
    assert queries.count_data(fleet.archive) == 1
    assert queries.count_quarantined(fleet.archive) == {UNKNOWN_SENSOR: 1}, "half of a relay's half"
    assert counts(fleet.send(*strange, relay_id=2)) == (0, 0, 9)
    assert queries.count_quarantined(fleet.archive) == {UNKNOWN_SENSOR: 2}, "the other relay has its own share"


def test_batches_side_by_side_store_each_frame_once(fleet: Fleet) -> None:
    frames = [fleet.frame(7, {W: n}) for n in range(400)]
    bodies = [fleet.batch(relay_id, frames[at : at + 200]) for relay_id in (1, 2) for at in (0, 100, 200)]
    totals = []

    def post(body: bytes, relay_id: int) -> None:
        receipt = read_receipt(
            fleet.post(body).data[:RECEIPT_BYTES], Cmac(relay_keys.receipt_key(fleet.relays[relay_id], relay_id))
        )
        totals.append(receipt.stored)

    threads = [threading.Thread(target=post, args=(body, 1 + n // 3)) for n, body in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(totals), sum(totals)) == (6, 400)
    assert queries.count_readings(fleet.archive, 7) == 400


def test_keys_for_a_relay(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    bearer = {"Authorization": "Bearer " + relay_keys.relay_token(fleet.relays[2], 2).hex()}
    answer = client.get("/relay/v1/keys?relay=2&have=0", headers=bearer)
    assert answer.status_code == 200
    assert [sensor["sensor_id"] for sensor in answer.json["sensors"]] == [7, 8, 9]
    assert answer.json["sensors"][0] == {
        "sensor_id": 7,
        "key_id": 1,
        "up": keys.link_key_up(fleet.roots[7], 7, 1, 2).hex(),
        "down": keys.link_key_down(fleet.roots[7], 7, 1, 2).hex(),
    }
    version = answer.json["version"]
    assert client.get(f"/relay/v1/keys?relay=2&have={version}", headers=bearer).status_code == 304
    enrol_sensor(fleet.archive, 31, "New", "south", "residential", os.urandom(32))
    newer = client.get(f"/relay/v1/keys?relay=2&have={version}", headers=bearer)
    assert newer.json["version"] > version
    assert len(newer.json["sensors"]) == 4


@pytest.mark.parametrize("query", ["relay=2", "relay=1", "relay=99", "relay=-1", "relay=x", "relay=99999999999", ""])
@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer 00", "Bearer of 1", "é"])
def test_keys_are_for_enrolled_relays_only(fleet: Fleet, query: str, token: str) -> None:
    if token == "Bearer of 1":
        token = "Bearer " + relay_keys.relay_token(fleet.relays[1], 1).hex()
        if query == "relay=1":
            return
    answer = fleet.app.test_client().get(f"/relay/v1/keys?{query}", headers={"Authorization": token} if token else {})
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert b"up" not in answer.data


def test_a_secret_that_was_moved_to_another_row_does_not_unwrap(fleet: Fleet) -> None:
    enrol_relay(fleet.archive, 3, "Third", os.urandom(32))
    fleet.archive.connection().execute(
        "UPDATE relay SET wrapped_secret = (SELECT wrapped_secret FROM relay WHERE id = 1) WHERE id = 3"
    )
    with pytest.raises(Exception, match="does not verify"):
        relay_secret(fleet.archive, 3)
