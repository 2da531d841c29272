"""The core under hypothesis: round trips, one encoding only, ProtocolErrors only, and SeqRuns against a plain set."""

import hashlib

import pytest
from gridecho import batch, frames, intake, replay
from gridecho.crypto import Cmac, Siv
from gridecho.errors import AuthError, FrameError, ProtocolError
from gridecho.frames import Control, DataHeader
from gridecho.quantities import MAX_CODE
from gridecho.readings import MAX_READINGS, MAX_VALUE, Reading, decode, encode
from hypothesis import example, given, settings
from hypothesis import strategies as st

# Machines that run tests are shared: how long an example takes says nothing.
relaxed = settings(deadline=None, max_examples=200)

U8, U32 = st.integers(0, 255), st.integers(0, (1 << 32) - 1)
VALUES = st.one_of(
    st.integers(-1000, 1000), st.integers(-MAX_VALUE, MAX_VALUE), st.sampled_from((MAX_VALUE, -MAX_VALUE))
)
LINK, OTHER_LINK = Cmac(bytes(16)), Cmac(bytes([1]) * 16)
SIV = Siv(bytes(32))


class NoTag:
    """A MAC that everything passes, to get behind it."""

    def tag(self, data):
        return bytes(16)


@st.composite
def reading_lists(draw):
    codes = draw(st.sets(st.integers(0, MAX_CODE), min_size=1))
    reading = st.builds(Reading, U32, st.fixed_dictionaries(dict.fromkeys(codes, VALUES)))
    return draw(st.lists(reading, min_size=1, max_size=6))


CONTROLS = st.builds(
    Control,
    st.sampled_from((frames.ACK, frames.NACK, frames.PROBE, frames.ECHO)),
    *(U8, U8, U8, U32, U32, U32),
    st.integers(0, (1 << 48) - 1),
    U32,
)
ID32 = st.integers(1, (1 << 32) - 1)
HEADERS = st.builds(DataHeader, st.sampled_from((1, 2)), U8, st.integers(1, 255), ID32, ID32, U32, U32)
PLAIN = st.binary(min_size=1, max_size=1156)
FRAMES = st.lists(st.binary(min_size=37, max_size=200), min_size=1, max_size=8)


def fields(item):
    return {name: getattr(item, name) for name in item.__slots__}


@relaxed
@given(reading_lists())
@example([Reading(i, {0: MAX_VALUE * (-1) ** i}) for i in range(MAX_READINGS)])
def test_readings_there_and_back(readings):
    data = encode(readings)
    assert decode(data, len(readings), readings[0].time_s) == readings


@relaxed
@given(st.binary(max_size=80), st.integers(0, 256), U32)
def test_any_bytes_as_readings(data, count, time_s):
    try:
        readings = decode(data, count, time_s)
    except ProtocolError:
        return
    assert encode(readings) == data


@relaxed
@given(reading_lists(), st.data())
def test_changed_readings(readings, choice):
    data = bytearray(encode(readings))
    at = choice.draw(st.integers(0, len(data) - 1))
    data[at : at + choice.draw(st.integers(0, 2))] = choice.draw(st.binary(max_size=3))
    test_any_bytes_as_readings.hypothesis.inner_test(bytes(data), len(readings), readings[0].time_s)


@relaxed
@given(reading_lists())
def test_every_prefix_of_readings_is_refused(readings):
    data = encode(readings)
    for length in range(len(data)):
        with pytest.raises(ProtocolError):
            decode(data[:length], len(readings), readings[0].time_s)


@relaxed
@given(CONTROLS)
def test_control_there_and_back(control):
    datagram = control.pack(LINK)
    assert len(datagram) == 36
    assert frames.kind_of(datagram) == control.kind
    assert intake.sender_of(datagram) == (control.sensor_id, control.key_id)
    assert fields(frames.read_control(datagram, LINK)) == fields(control)
    with pytest.raises(AuthError):
        frames.read_control(datagram, OTHER_LINK)


@relaxed
@given(HEADERS, PLAIN)
def test_data_there_and_back(header, plain):
    datagram = frames.tag(frames.seal(header, plain, SIV), LINK)
    assert frames.kind_of(datagram) == frames.DATA
    assert len(datagram) == len(plain) + 44 <= frames.MAX_DATAGRAM
    back, opened = intake.unseal(frames.untag(datagram, LINK), SIV)
    assert (fields(back), opened) == (fields(header), plain)
    assert fields(intake.read_header(datagram)) == fields(header)


@relaxed
@given(
    st.one_of(
        HEADERS.map(lambda header: frames.tag(frames.seal(header, b"readings", SIV), LINK)),
        CONTROLS.map(lambda control: control.pack(LINK)),
    ),
    st.data(),
)
def test_changed_datagrams(datagram, choice):
    data = bytearray(datagram)
    at = choice.draw(st.integers(0, len(data) - 1))
    data[at : at + choice.draw(st.integers(0, 3))] = choice.draw(st.binary(max_size=4))
    changed = bytes(data)
    if changed == datagram:
        return
    with pytest.raises((AuthError, FrameError)):
        frames.untag(changed, LINK) if frames.kind_of(changed) == frames.DATA else frames.read_control(changed, LINK)


@relaxed
@given(st.binary(max_size=80))
def test_any_bytes_as_control(datagram):
    padded = (datagram + bytes(36))[:28] + bytes(8)
    for data in (datagram, bytes([0x10 | padded[0] & 7]) + padded[1:]):
        try:
            control = frames.read_control(data, NoTag())
        except ProtocolError:
            continue
        assert control.pack(NoTag()) == data


@relaxed
@given(st.binary(max_size=80))
def test_any_bytes_as_data(frame):
    for data in (frame, b"\x11\x01" + frame):
        try:
            header = intake.read_header(data)
        except ProtocolError:
            continue
        assert header.pack() == data[:20]
        with pytest.raises(ProtocolError):
            intake.unseal(data, SIV)


@relaxed
@given(U32, FRAMES)
def test_batch_there_and_back(relay_id, content):
    batch_id, body = batch.pack_batch(relay_id, content, LINK)
    assert batch.batch_sender(body) == relay_id
    assert batch.read_batch(body, LINK) == (batch_id, content)
    assert batch_id == hashlib.sha256(body[28:-16]).digest()[:16]


@relaxed
@given(U32, FRAMES, st.data())
def test_changed_batches(relay_id, content, choice):
    _, body = batch.pack_batch(relay_id, content, NoTag())
    data = bytearray(body[:-16])
    at = choice.draw(st.integers(0, len(data) - 1))
    data[at : at + choice.draw(st.integers(0, 3))] = choice.draw(st.binary(max_size=4))
    changed = bytes(data) + bytes(16)
    try:
        batch_id, frames_back = batch.read_batch(changed, NoTag())
    except ProtocolError:
        return
    assert batch.pack_batch(batch.batch_sender(changed), frames_back, NoTag()) == (batch_id, changed)


@relaxed
@given(st.binary(max_size=80), U32, U32, U32, U32, st.binary(min_size=16, max_size=16))
def test_receipts(junk, relay_id, stored, known, quarantined, batch_id):
    receipt = batch.Receipt(relay_id, batch_id, stored, known, quarantined)
    assert fields(batch.read_receipt(receipt.pack(LINK), LINK)) == fields(receipt)
    for data in (junk, b"GER\x01" + junk, (b"GER\x01" + junk + bytes(52))[:52]):
        with pytest.raises(ProtocolError):
            batch.read_receipt(data, LINK)


@relaxed
@given(st.lists(st.integers(0, 40), max_size=120))
def test_seq_runs_are_a_set(seqs):
    runs, seen = replay.SeqRuns(), set()
    for seq in seqs:
        assert runs.add(seq) == (seq not in seen)
        seen.add(seq)
    assert [seq in runs for seq in range(42)] == [seq in seen for seq in range(42)]
    missing = {seq for first, last in runs.gaps() for seq in range(first, last + 1)}
    assert missing == set(range(max(seen, default=0))) - seen
    # In order, apart from each other, and as few as can be.
    assert all(before[1] + 1 < after[0] for before, after in zip(runs.runs, runs.runs[1:], strict=False))


@relaxed
@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 6))
def test_seq_runs_forget_in_the_safe_direction_only(seqs, most):
    runs, kept = replay.SeqRuns(max_runs=most), set()
    for seq in seqs:
        assert runs.add(seq) == (seq not in kept)
        kept.add(seq)
        firsts = sorted(seq for seq in kept if seq - 1 not in kept)
        if len(firsts) > most:
            kept = {seq for seq in kept if seq >= firsts[1]}
        assert {seq for first, last in runs.runs for seq in range(first, last + 1)} == kept
        assert len(runs.runs) <= most
