"""What is decided for a group of datagrams, without socket or disk."""

import json
import random

import pytest
from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho_relay.holding import Holding, Limits
from gridecho_relay.ingest import Group, Ingest, Link
from gridecho_relay.replay import Replay
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.places import REPOSITORY

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


def replies_of(ingest, group, committed=True):
    answers = ingest.settle(group, 1_700_000_000_123, committed=committed)
    return [(frames.read_control(reply, DOWN), place) for place, reply in answers]


def take(ingest, *datagrams, holding=None):
    group = Group((holding or Holding(ROOMY)).copy())
    # In two parts, as when more arrives meanwhile.
    ingest.take(datagrams[:2], 1, group)
    ingest.take(datagrams[2:], 1, group)
    return group


def test_a_group_is_answered_after_the_commit_only_and_in_order():
    ingest, replay = make_ingest()
    group = take(ingest, *[data(seq) for seq in (3, 4, 3, 9)])
    assert group.held == [(n + 1, data(seq)[:-8]) for n, seq in enumerate((3, 4, 9))]
    assert (group.after.store.frames, group.after.readings, group.after.next_id) == (3, 6, 4)
    assert (group.at_once, group.waiting, ingest.acked) == ([], 4, 0)
    answers = replies_of(ingest, group)
    assert [(reply.kind, reply.status, reply.seq, place) for reply, place in answers] == [
        (frames.ACK, frames.OK, seq, n) for n, seq in enumerate((3, 4, 3, 9))
    ]
    assert {(reply.utc_ms, reply.relay_id, reply.epoch) for reply, _ in answers} == {(1_700_000_000_123, 7, 1)}
    assert data(3)[4:16] in replay
    assert (ingest.acked, ingest.duplicates) == (4, 1)


def test_without_the_commit_no_ack_in_the_whole_group_but_for_what_was_committed_before():
    ingest, replay = make_ingest()
    group = take(ingest, data(1))
    replies_of(ingest, group)
    again = take(ingest, *[data(seq) for seq in (1, 2, 2)], holding=group.after)
    answers = replies_of(ingest, again, committed=False)
    assert [(reply.kind, reply.status, reply.retry_after_s) for reply, _ in answers] == [
        (frames.NACK, frames.BUSY, 3)
    ] * 3
    assert data(1)[4:16] in replay
    assert data(2)[4:16] not in replay
    # They come again, and now there is room.
    group = take(ingest, data(1), data(2), holding=group.after)
    assert [frame_id for frame_id, _ in group.held] == [2]
    assert [reply.kind for reply, _ in replies_of(ingest, group)] == [frames.ACK] * 2


def test_what_comes_of_a_sensor_at_which_somebody_looks_goes_at_once_whatever_its_tag():
    ingest, _ = make_ingest()
    ingest.looked_at = frozenset((4, 6, -1, 1 << 40))
    group = take(ingest, data(1))
    assert [len(group.held), len(group.outbox)] == [1, 0]
    assert [reply.status for reply, _ in replies_of(ingest, group)] == [frames.OK]
    ingest.looked_at = frozenset((5, 6))
    group = take(ingest, data(2), data(3, frames.SEND), data(1), holding=group.after)
    assert [frame for _, frame in group.outbox] == [data(2)[:-8], data(3, frames.SEND)[:-8]]
    assert group.held == []
    # What waits here from before and comes again goes, too.
    assert group.wanted == {data(1)[4:16]}
    assert {reply.status for reply, _ in replies_of(ingest, group)} == {frames.OK | frames.LIVE_WANTED}


def test_one_group_may_hold_frames_with_room_and_without():
    for op, limits in (
        (frames.SEND, Limits(1000, 1, 1000, outbox_bytes=300)),
        (frames.STORE, Limits(250, 1, 250, outbox_bytes=300)),
    ):
        ingest, replay = make_ingest()
        datagrams = [data(seq, op=op, size=64) for seq in range(6)]
        group = take(ingest, *datagrams, holding=Holding(limits))
        kinds = [reply.kind for reply, _ in replies_of(ingest, group)]
        taken = len(group.held + group.outbox)
        assert 0 < taken < 6
        assert kinds == [frames.ACK] * taken + [frames.NACK] * (6 - taken)
        assert [datagram[4:16] in replay for datagram in datagrams] == [True] * taken + [False] * (6 - taken)


@given(
    st.lists(
        st.tuples(st.sampled_from((frames.STORE, frames.SEND)), st.integers(1, 200), st.integers(0, 30)), max_size=60
    )
)
def test_the_short_way_decides_as_the_long_one(asked):
    limits = Limits(store_bytes=6000, threshold_bytes=1500, buffer_bytes=3000, outbox_bytes=2000)
    ingest, _ = make_ingest()
    group = take(ingest, *[data(seq, op, size=size) for op, size, seq in asked], holding=Holding(limits))
    plain, seen, rows = Holding(limits), set(), []
    for op, size, seq in asked:
        frame = data(seq, op, size=size)[:-8]
        if seq not in seen:
            frame_id = plain.admit(op, len(frame), 2)
            if frame_id:
                seen.add(seq)
                rows.append((frame_id, frame))
    assert sorted(group.held + group.outbox) == sorted(rows)
    for name in ("store", "buffer", "outbox", "next_id", "flush_to"):
        assert getattr(group.after, name) == getattr(plain, name)


def test_store_and_send_go_to_their_places():
    ingest, _ = make_ingest()
    group = take(ingest, data(1, frames.SEND), data(2, frames.STORE))
    assert [frame_id for frame_id, _ in group.outbox] == [1]
    assert [frame_id for frame_id, _ in group.held] == [2]
    assert group.wanted == set()


def test_what_comes_again_as_send_is_wanted():
    ingest, _ = make_ingest()
    group = take(ingest, data(1), data(1, frames.SEND), data(2, frames.SEND), data(2))
    assert group.wanted == {data(1)[4:16]}


def test_a_probe_is_answered_at_once_and_keys_of_two_ids_are_kept_apart():
    ingest, _ = make_ingest()
    other = Cmac(bytes(16))
    ingest.links = {(5, 0): Link(UP, DOWN), (5, 1): Link(other, other)}
    probe = frames.Control(frames.PROBE, 0, 1, 0, 5, 1, 9, 0, 0).pack(other)
    group = take(ingest, data(1), probe)
    ((place, reply),) = group.at_once
    assert (place, frames.read_control(reply, other).kind, group.waiting) == (1, frames.ECHO, 1)
    # Under the other key's id the tag does not fit.
    changed = bytearray(data(2))
    changed[2] = 1
    assert take(ingest, bytes(changed)).waiting == 0
    assert ingest.refused["bad_tag"] == 1


@given(st.binary(max_size=1300))
def test_whatever_arrives_unauthenticated_is_refused(datagram):
    ingest, _ = make_ingest()
    group = take(ingest, datagram)
    assert (group.at_once, group.waiting, bool(group)) == ([], 0, False)
    assert ingest.refused.total() == 1


@given(st.sampled_from((0x11, 0x14)), st.binary(min_size=24, max_size=60))
def test_whatever_an_enrolled_sensor_tags_breaks_nothing(first, rest):
    ingest, _ = make_ingest()
    frame = bytes((first, rest[0], 0, rest[1])) + (5).to_bytes(4, "big") + rest[2:]
    if first == 0x14:
        frame = frame[:28]
    replies_of(ingest, take(ingest, frames.tag(frame, UP)))
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
    group = take(ingest, data(0, op, epoch=1))
    assert [reply.kind for reply, _ in replies_of(ingest, group)] == [frames.ACK]
    assert len(group.held) + len(group.outbox) == 1


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=30))
def test_runs_and_single_seqs_make_the_same_set(spans):
    by_runs, one_by_one = Replay(), Replay()
    key = bytes(7) + b"\x05"
    for first, more in spans:
        by_runs.add_run(key, first, first + more)
        for seq in range(first, first + more + 1):
            one_by_one.add(key + seq.to_bytes(4, "big"))
    assert by_runs.packed([key + bytes(4)]) == one_by_one.packed([key + bytes(4)])


def of_vectors(name):
    return json.loads((REPOSITORY / "tests/vectors" / name).read_text())


def test_what_a_relay_is_to_refuse_gets_no_answer_and_leaves_nothing():
    known = of_vectors("keys.json")
    link = known["link"][str(known["relay_id"])]
    replay = Replay()
    ingest = Ingest(known["relay_id"], replay, busy_retry_s=3)
    macs = (Cmac(bytes.fromhex(link[way])) for way in ("up", "down"))
    # Sensor 0 as well, though no remote names it.
    ingest.links = dict.fromkeys(((known["sensor_id"], known["key_id"]), (0, known["key_id"])), Link(*macs))
    rows = [row for row in of_vectors("negative.json") if row["what"].endswith("to relay 200")]
    assert len(rows) > 15
    for row in rows:
        group = take(ingest, bytes.fromhex(row["bytes"]))
        assert (group.at_once, group.waiting, bool(group)) == ([], 0, False), row["name"]
    assert ingest.refused.total() == len(rows)
    assert bytes.fromhex(rows[0]["bytes"])[4:16] not in replay
