"""What is decided for a group of datagrams, without socket or disk."""

import random

import pytest
from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho_relay.holding import Holding, Limits
from gridecho_relay.ingest import Ingest, Link
from gridecho_relay.replay import Replay
from hypothesis import given
from hypothesis import strategies as st

ROOT = bytes(range(32))
UP, DOWN = (Cmac(make(ROOT, 5, 0, 7)) for make in (keys.link_key_up, keys.link_key_down))
SIV = Siv(keys.siv_key(ROOT, 5, 0))
ROOMY = Limits(1 << 20, 1, 1 << 20, 1 << 20)


def make_ingest():
    replay = Replay()
    ingest = Ingest(7, replay, busy_retry_s=3)
    ingest.links = {(5, 0): Link(UP, DOWN)}
    return ingest, replay


def data(seq, op=frames.STORE, epoch=1, size=10):
    header = frames.DataHeader(op, 0, 2, 5, epoch, seq, 1_700_000_000)
    return frames.tag(frames.seal(header, bytes(size), SIV), UP)


def replies_of(ingest, decision, committed=True):
    answers = ingest.settle(decision, 1_700_000_000_123, committed=committed)
    return [(frames.read_control(reply, DOWN), sender) for reply, sender in answers]


def test_a_group_is_answered_after_the_commit_only_and_in_order():
    ingest, replay = make_ingest()
    for n, seq in enumerate((3, 4, 3, 9)):
        assert ingest.take(data(seq), f"sender {n}", 1) is None
    decision = ingest.decide(Holding(ROOMY))
    assert [(frame_id, frame) for frame_id, frame in decision.held] == [
        (n + 1, data(seq)[:-8]) for n, seq in enumerate((3, 4, 9))
    ]
    assert (decision.after.store.frames, decision.after.readings) == (3, 6)
    assert data(3)[4:16] not in replay
    answers = replies_of(ingest, decision)
    assert [(reply.kind, reply.seq, sender) for reply, sender in answers] == [
        (frames.ACK, 3, "sender 0"),
        (frames.ACK, 4, "sender 1"),
        (frames.ACK, 3, "sender 2"),
        (frames.ACK, 9, "sender 3"),
    ]
    assert {reply.utc_ms for reply, _ in answers} == {1_700_000_000_123}
    assert data(3)[4:16] in replay
    assert (ingest.waiting, ingest.acked, ingest.duplicates) == (0, 4, 1)


def test_without_the_commit_no_ack_but_for_what_was_committed_before():
    ingest, replay = make_ingest()
    ingest.take(data(1), "a", 1)
    holding = ingest.decide(Holding(ROOMY))
    replies_of(ingest, holding)
    for seq in (1, 2, 2):
        ingest.take(data(seq), "a", 1)
    answers = replies_of(ingest, ingest.decide(holding.after), committed=False)
    assert [(reply.kind, reply.status, reply.retry_after_s) for reply, _ in answers] == [
        (frames.ACK, frames.OK, 0),
        (frames.NACK, frames.BUSY, 3),
        (frames.NACK, frames.BUSY, 3),
    ]
    assert data(2)[4:16] not in replay
    # It comes again, and now there is room.
    ingest.take(data(2), "a", 1)
    decision = ingest.decide(holding.after)
    assert len(decision.held) == 1
    assert [reply.kind for reply, _ in replies_of(ingest, decision)] == [frames.ACK]


def test_one_group_may_hold_frames_with_room_and_without():
    ingest, _ = make_ingest()
    for seq in range(6):
        ingest.take(data(seq, op=frames.SEND, size=64), seq, 1)
    decision = ingest.decide(Holding(Limits(1000, 1, 1000, outbox_bytes=300)))
    assert len(decision.outbox) == 3
    assert [reply.kind for reply, _ in replies_of(ingest, decision)] == [frames.ACK] * 3 + [frames.NACK] * 3


def test_store_and_send_go_to_their_places():
    ingest, _ = make_ingest()
    ingest.take(data(1, frames.SEND), "a", 1)
    ingest.take(data(2, frames.STORE), "a", 1)
    decision = ingest.decide(Holding(ROOMY))
    assert [frame_id for frame_id, _ in decision.outbox] == [1]
    assert [frame_id for frame_id, _ in decision.held] == [2]


@given(st.binary(max_size=1300))
def test_whatever_arrives_unauthenticated_is_refused(datagram):
    ingest, _ = make_ingest()
    assert ingest.take(datagram, "a", 1) is None
    assert ingest.waiting == 0
    assert ingest.refused.total() == 1


@given(st.sampled_from((0x11, 0x14)), st.binary(min_size=24, max_size=60))
def test_whatever_an_enrolled_sensor_tags_breaks_nothing(first, rest):
    ingest, _ = make_ingest()
    frame = bytes((first, rest[0], 0, rest[1])) + (5).to_bytes(4, "big") + rest[2:]
    if first == 0x14:
        frame = frame[:28]
    ingest.take(frames.tag(frame, UP), "a", 1)
    replies_of(ingest, ingest.decide(Holding(ROOMY)))
    assert ingest.refused.total() + ingest.acked + ingest.echoed == 1


def test_a_replayed_order_of_seqs_is_known_exactly():
    replay = Replay()
    chance = random.Random(3)
    seqs = chance.sample(range(400), 300)
    ids = [bytes(7) + b"\x05" + seq.to_bytes(4, "big") for seq in seqs]
    for data_id in ids:
        assert data_id not in replay
        replay.add(data_id)
    again = Replay()
    for key, packed in replay.packed(ids):
        again.load(key, packed)
    for seq in range(400):
        assert ((bytes(7) + b"\x05" + seq.to_bytes(4, "big")) in again) == (seq in seqs)


def test_only_the_highest_epochs_of_a_sensor_are_kept():
    replay = Replay()
    ids = [b"\0\0\0\x05" + epoch.to_bytes(4, "big") + bytes(4) for epoch in range(100)]
    for data_id in ids:
        replay.add(data_id)
    assert [data_id in replay for data_id in ids] == [False] * 36 + [True] * 64
    assert len(replay.packed(ids)) == 64


@pytest.mark.parametrize("op", [frames.STORE, frames.SEND])
def test_an_epoch_that_was_forgotten_again_is_still_taken_in(op):
    ingest, replay = make_ingest()
    for epoch in range(10, 74):
        replay.add(data(0, epoch=epoch)[4:16])
    ingest.take(data(0, op, epoch=1), "a", 1)
    decision = ingest.decide(Holding(ROOMY))
    assert [reply.kind for reply, _ in replies_of(ingest, decision)] == [frames.ACK]
    assert len(decision.held) + len(decision.outbox) == 1
