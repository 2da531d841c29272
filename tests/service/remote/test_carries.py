"""What a proxy brings, over HTTP: each load answered as if its relay had come itself, and nothing for a term that is over."""

import random
import zlib
from contextlib import suppress

import pytest
from gridecho import batch, groups, relay_keys
from gridecho.crypto import Cmac
from gridecho.errors import ProtocolError
from gridecho.groups import BATCH, DEFLATED_BATCH, PIECE, Carry, read_carried, read_turn
from gridecho.holdings import KNOWN_BYTES, Piece, read_known
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import queries, terms
from gridecho_remote.store.groups import add_group, change_group, join
from gridecho_remote.web.connections import DataConnections

from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat

READING = {1: 7}


@pytest.fixture
def group(fleet):
    """Relays 1 and 2 in a group, relay 1 its proxy."""
    made = add_group(fleet.archive, "north", now_ms(fleet), 60, None, 10)
    join(fleet.archive, made, [1, 2], now_ms(fleet))
    call(fleet, 1)
    call(fleet, 2)
    return made


def now_ms(fleet):
    return int(fleet.clock() * 1000)


def call(fleet, relay_id, **said):
    answer = beat(fleet, relay_id, group_url=f"http://192.0.2.{relay_id}:4691", **said)
    assert answer.status_code == 200
    return read_turn(bytes.fromhex(answer.json["turn"]), receipt_mac(fleet, relay_id))


def receipt_mac(fleet, relay_id):
    return Cmac(relay_keys.receipt_key(fleet.relays[relay_id], relay_id))


def batch_load(fleet, relay_id, *frames):
    return BATCH, fleet.batch(relay_id, list(frames) or [fleet.frame(7, READING)])


def piece_load(fleet, relay_id, listing=5):
    mac = Cmac(relay_keys.batch_key(fleet.relays[relay_id], relay_id))
    return PIECE, Piece(relay_id, listing, 0, 9, [(7, 1, 100, 3, 1_700_000_000, 60)]).pack(mac)


def carry(fleet, loads, relay_id=1, group_id=1, term=1, token_of=None):
    return fleet.bring("carry", Carry(relay_id, group_id, term, loads).pack(), token_of or relay_id)


def answers(response):
    assert response.status_code == 200, response.get_data(as_text=True)
    return read_carried(response.data).answers


def read(fleet, relay_id, answer):
    """(receipt, turn) of an answer to a batch, verified."""
    status, _, body = answer
    assert status == 200
    mac = receipt_mac(fleet, relay_id)
    receipt = batch.read_receipt(body[: batch.RECEIPT_BYTES], mac)
    turn = read_turn(body[batch.RECEIPT_BYTES :], mac)
    assert (receipt.relay_id, turn.relay_id) == (relay_id, relay_id)
    return receipt, turn


def count(fleet):
    return queries.count_data(fleet.archive)


def test_each_load_is_answered_for_its_own_relay(fleet: Fleet, group):
    found = answers(carry(fleet, [batch_load(fleet, 1), batch_load(fleet, 2), piece_load(fleet, 2)]))
    one, two = read(fleet, 1, found[0]), read(fleet, 2, found[1])
    assert (one[0].stored, two[0].stored, count(fleet)) == (1, 1, 2)
    assert (one[1].term, one[1].proxy, one[1].url) == (1, 1, "")
    assert (two[1].term, two[1].proxy, two[1].url) == (1, 1, "http://192.0.2.1:4691")
    known = read_known(found[2][2][:KNOWN_BYTES], receipt_mac(fleet, 2))
    assert (known.relay_id, known.listing, known.end) == (2, 5, 9)
    assert read_turn(found[2][2][KNOWN_BYTES:], receipt_mac(fleet, 2)).proxy == 1


def test_the_same_again_and_straight_is_known(fleet: Fleet, group):
    load = batch_load(fleet, 2)
    read(fleet, 2, answers(carry(fleet, [load]))[0])
    again = answers(carry(fleet, [load, load]))
    assert [read(fleet, 2, one)[0].known for one in again] == [1, 1]
    assert fleet.post(load[1]).status_code == 200
    assert count(fleet) == 1


def test_a_deflated_batch(fleet: Fleet, group):
    body = fleet.batch(2, [fleet.frame(7, READING) for _ in range(50)])
    found = answers(carry(fleet, [(DEFLATED_BATCH, zlib.compress(body)), (DEFLATED_BATCH, b"no deflate")]))
    assert read(fleet, 2, found[0])[0].stored == 50
    assert found[1][0] == 400


def test_a_bad_load_does_not_hurt_the_others(fleet: Fleet, group):
    forged = BATCH, fleet.batch(2, [fleet.frame(7, READING)], secret=bytes(32))
    loads = [(BATCH, b"junk"), batch_load(fleet, 2), forged, (PIECE, b"junk"), batch_load(fleet, 1)]
    assert [status for status, _, _ in answers(carry(fleet, loads))] == [400, 200, 401, 400, 200]
    assert count(fleet) == 2


def test_another_term_proxy_or_group_stores_nothing(fleet: Fleet, group):
    load = batch_load(fleet, 2)
    for wrong in ({"term": 2}, {"term": 0}, {"relay_id": 2}, {"group_id": 2}):
        refused = carry(fleet, [load], **wrong)
        assert refused.status_code == 409
        said = read_carried(refused.data)
        assert said.answers == []
        assert (said.term, said.proxy) == ((0, 0) if "group_id" in wrong else (1, 1))
    assert count(fleet) == 0


def test_who_is_not_proven_and_what_is_no_carry(fleet: Fleet, group):
    assert carry(fleet, [batch_load(fleet, 2)], token_of=2).status_code == 404
    client = fleet.app.test_client()
    for body in (b"", b"junk", Carry(1, 1, 1, [(BATCH, b"x")]).pack()[:-1]):
        assert fleet.bring("carry", body).status_code == 400
    assert client.post("/relay/v1/carry", data=Carry(1, 1, 1, [(BATCH, b"x")]).pack()).status_code == 401
    assert fleet.bring("carry", bytes(batch.MAX_BATCH_BYTES + 10_000)).status_code == 413
    assert count(fleet) == 0


def test_limits_of_the_remote_are_told_load_by_load(make_fleet):
    fleet = make_fleet(max_batch_bytes=4096, max_quarantined=1, min_free_mb=0)
    made = add_group(fleet.archive, "north", now_ms(fleet), 60, None, 10)
    join(fleet.archive, made, [1], now_ms(fleet))
    call(fleet, 1)
    large = batch_load(fleet, 1, *[fleet.frame(7, READING) for _ in range(103)])
    strange = batch_load(fleet, 1, *[fleet.frame(7, READING, root=bytes(32)) for _ in range(2)])
    junk = groups.BATCH, b"junk"
    good = batch_load(fleet, 1)
    assert 4096 < len(large[1]) < 4096 + 300
    found = answers(carry(fleet, [large])), answers(carry(fleet, [junk, strange, good]))
    assert found[0][0][0] == 413
    assert [one[0] for one in found[1]] == [400, 200, 200], "what cannot be used keeps nothing back"


def test_the_turn_after_the_carry_is_told(fleet: Fleet, group):
    fleet.clock.now_s += 60
    call(fleet, 1)
    call(fleet, 2)
    response = carry(fleet, [batch_load(fleet, 2), batch_load(fleet, 1)])
    said = read_carried(response.data)
    assert (said.term, said.proxy) == (2, 2)
    _, turn = read(fleet, 2, said.answers[0])
    assert (turn.term, turn.proxy) == (2, 2)
    assert turn.appointment == groups.appointment_of(2, group.id, 2, receipt_mac(fleet, 2))
    assert carry(fleet, [batch_load(fleet, 2)]).status_code == 409, "its term is over"
    assert carry(fleet, [batch_load(fleet, 2)], relay_id=2, term=2).status_code == 200


def test_nobody_on_the_way_can_change_an_answer(fleet: Fleet, group):
    _, _, body = answers(carry(fleet, [batch_load(fleet, 2)]))[0]
    own = receipt_mac(fleet, 1)  # the proxy's
    with pytest.raises(ProtocolError):
        batch.read_receipt(body[: batch.RECEIPT_BYTES], own)
    with pytest.raises(ProtocolError):
        read_turn(body[batch.RECEIPT_BYTES :], own)
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1 :]
        with pytest.raises(ProtocolError):
            mac = receipt_mac(fleet, 2)
            batch.read_receipt(changed[: batch.RECEIPT_BYTES], mac)
            read_turn(changed[batch.RECEIPT_BYTES :], mac)


def test_two_proxies_never_both_get_a_receipt_for_one_term(fleet: Fleet, group):
    """Both bring under any term number at any time, between rotations by time, by hand and by loss."""
    chance = random.Random(7)
    change_group(fleet.archive, group, None, 3, 1)
    receipts = {}
    for step in range(300):
        fleet.clock.now_s += chance.choice([0.0, 0.5, 2.0])
        number = terms.open_term(fleet.archive, group.id).number
        what = chance.randrange(10)
        if what == 0:
            with suppress(RemoteError):  # the other one is late
                terms.rotate(fleet.archive, group, now_ms(fleet))
        elif what == 1:
            loser = chance.choice([1, 2])
            call(fleet, loser, word={"group": group.id, "term": number, "lost": "it does not answer"})
        elif what < 5:
            call(fleet, 1 + step % 2)
        else:
            relay_id, term = chance.choice([1, 2]), max(0, number - chance.choice([0, 0, 0, 1, 2, -1]))
            response = carry(fleet, [batch_load(fleet, 1), batch_load(fleet, 2)], relay_id=relay_id, term=term)
            if response.status_code == 200:
                assert [status for status, _, _ in read_carried(response.data).answers] == [200, 200]
                receipts.setdefault(term, set()).add(relay_id)
            else:
                assert response.status_code == 409
    assert all(len(proxies) == 1 for proxies in receipts.values()), receipts
    assert len(receipts) > 15
    assert {proxy for proxies in receipts.values() for proxy in proxies} == {1, 2}


def test_a_heartbeat_says_the_group_and_its_proxy(fleet: Fleet, group):
    answer = beat(fleet, 2, group_url="http://192.0.2.2:4691").json
    assert (answer["group"], answer["proxy"]) == ("north", "Relay 1")
    assert call(fleet, 2, word={"group": group.id, "term": 1, "bars": [[0, groups.MAX_BAR]]}).proxy == 1
    longest = "http://" + "x" * (groups.MAX_URL_BYTES - 7)
    assert beat(fleet, 1, group_url=longest).status_code == 200
    assert read_turn(bytes.fromhex(beat(fleet, 2).json["turn"]), receipt_mac(fleet, 2)).url == longest
    for wrong in (
        {"group_url": "http://" + "é" * 240},
        {"pull_url": "http://bär.example"},
        {"group_url": longest + "x"},
        {"word": {"group": 1, "term": 1, "bars": [[0, groups.MAX_BAR + 1]]}},
    ):
        assert beat(fleet, 2, **wrong).status_code == 400, wrong
    for wrong in ({"group_url": "ftp://x"}, {"every_s": 0}, {"word": {"group": 1}}, {"word": {"group": 1, "term": -1}}):
        assert beat(fleet, 2, **wrong).status_code == 400, wrong
    long = {"group": 1, "term": 1, "bars": [[n, 1] for n in range(10_001)]}
    assert beat(fleet, 2, word=long).status_code == 400


def test_what_is_said_of_the_group_counts(fleet: Fleet, group):
    word = {"group": group.id, "term": 1, "run": 9, "periods": 3, "bars": [[0, 4], [1, 0], [2, 6]]}
    call(fleet, 2, word=word)
    call(fleet, 1, word=word | {"bars": []})
    term = terms.open_term(fleet.archive, group.id)
    assert terms.bars_of(fleet.archive, term, [1, 2], 3) == {1: [0, 0, 0], 2: [4, 0, 6]}


def test_an_election_that_fails_fails_no_carry_and_no_heartbeat(fleet: Fleet, group, monkeypatch, caplog):
    """What was brought is stored and signed for; the term goes on, and ends as soon as that can be."""
    with monkeypatch.context() as broken:
        broken.setattr(terms, "choose", lambda *_: 1 // 0)
        fleet.clock.now_s += 60
        assert call(fleet, 2).term == 1
        found = answers(carry(fleet, [batch_load(fleet, 2), batch_load(fleet, 1)]))
        receipt, turn = read(fleet, 2, found[0])
        assert (receipt.stored, turn.term, count(fleet)) == (1, 1, 2)
        fleet.clock.now_s += 5
        assert call(fleet, 2).term == 1
    assert caplog.text.count("election-error") == 1
    assert "ZeroDivisionError" in caplog.text
    call(fleet, 1)
    assert read_carried(carry(fleet, [batch_load(fleet, 2)]).data).term == 2


def test_connections_are_counted_while_they_are_open():
    connections = DataConnections()
    here = {("10.0.0.1", 1), ("10.0.0.1", 2), ("10.0.0.2", 1)}
    connections.open_now = lambda: here

    def used(host, port):
        connections.used({"REMOTE_ADDR": host, "REMOTE_PORT": str(port)})

    used("10.0.0.1", 1)
    used("10.0.0.1", 1)
    used("10.0.0.2", 1)
    assert (connections.count, connections.most, connections.requests) == (2, 2, 3)
    here.remove(("10.0.0.1", 1))
    assert (connections.count, connections.most) == (1, 2)
    used("10.0.0.1", 2)
    assert (connections.count, connections.most) == (2, 2)
