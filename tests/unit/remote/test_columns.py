"""Thousands of data read at once: for each the verdict and the readings that `gridecho.readings.decode` gives."""

import numpy as np
from gridecho.errors import CodecError, FrameError
from gridecho.intake import read_header
from gridecho.readings import MAX_VALUE, Reading, decode, encode
from gridecho_remote.store.columns import codes_in, read_many
from gridecho_remote.use.opening import HEAD, well_formed
from hypothesis import example, given
from hypothesis import strategies as st

T0 = 1_800_000_000
values = st.one_of(st.integers(-300, 300), st.integers(-MAX_VALUE, MAX_VALUE), st.sampled_from([MAX_VALUE, -MAX_VALUE]))
times = st.one_of(st.just(0), st.integers(T0, T0 + 1000), st.integers(0, (1 << 32) - 1))


@st.composite
def sound(draw: st.DrawFn) -> tuple[bytes, int, int]:
    codes = draw(st.lists(st.integers(0, 55), min_size=1, max_size=4, unique=True))
    readings = [
        Reading(draw(times), {code: draw(values) for code in codes})
        for _ in range(draw(st.sampled_from([1, 1, 2, 10])))
    ]
    return encode(readings), len(readings), readings[0].time_s


@st.composite
def broken(draw: st.DrawFn) -> tuple[bytes, int, int]:
    body, count, time_s = draw(sound())
    change = draw(st.sampled_from(["byte", "cut", "tail", "count", "time", "junk"]))
    if change == "byte":
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]
    elif change == "cut":
        body = body[: draw(st.integers(1, len(body)))]
    elif change == "tail":
        body += draw(st.binary(min_size=1, max_size=3))
    elif change == "count":
        count = draw(st.integers(0, 255))
    elif change == "time":
        time_s = draw(st.integers(0, (1 << 32) - 1))
    else:
        body = draw(st.binary(min_size=1, max_size=40))
    return body, count, time_s


@given(st.lists(st.one_of(sound(), broken()), max_size=30))
@example([(b"\x01" + b"\xff" * 7 + b"\x7f", 1, T0)])
@example([(b"\x01" + b"\xff" * 8 + b"\x01", 1, T0), (b"\x01\x02", 1, T0)])
@example([(b"\x81", 1, T0), (b"\x01\x02", 1, T0)])
@example([(b"", 1, T0), (b"\x01\x02", 1, T0)])
@example([(b"\x01\x80\x00", 1, T0)])
def test_the_verdict_and_the_readings_are_those_of_one_at_a_time(data: list[tuple[bytes, int, int]]) -> None:
    expected, wrong = {}, []
    for place, (body, count, time_s) in enumerate(data):
        try:
            expected[place] = decode(body, count, time_s)
        except CodecError:
            wrong.append(place)
    counts, times_s = (np.array([one[n] for one in data], np.int64) for n in (1, 2))
    groups, bad = read_many([one[0] for one in data], counts, times_s)
    found = {}
    for alike in groups:
        for n, place in enumerate(alike.places.tolist()):
            rows = alike.values[:, n].T.tolist()
            found[place] = [
                Reading(time_s, dict(zip(codes_in(alike.mask), row, strict=True)))
                for time_s, row in zip(alike.times_s[n].tolist(), rows, strict=True)
            ]
    assert bad == wrong
    assert found == expected


def test_ten_thousand_at_once() -> None:
    data = [[Reading(T0 + 60 * n + i, {0: n * 10 + i, 2: -n}) for i in range(1 + n % 3)] for n in range(10_000)]
    bodies = [encode(readings) for readings in data]
    counts = np.array([len(readings) for readings in data])
    groups, bad = read_many(bodies, counts, np.array([readings[0].time_s for readings in data]))
    assert (len(groups), bad) == (3, [])
    assert sorted(place for alike in groups for place in alike.places.tolist()) == list(range(10_000))


@given(st.binary(min_size=20, max_size=20), st.booleans())
@example(bytes([0x11, 1, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1]) + bytes(8), False)
@example(bytes([0x11, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]) + bytes(8), False)
@example(bytes([0x11, 2, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0]) + bytes(8), False)
@example(bytes([0x11, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1]) + bytes(8), False)
@example(bytes([0x11, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1]) + bytes(8), False)
@example(bytes([0x12, 1, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1]) + bytes(8), False)
def test_a_header_is_well_formed_if_the_core_takes_it(head: bytes, likely: bool) -> None:
    if likely:
        head = bytes([0x11, 1 + head[1] % 2, *head[2:]])
    try:
        read_header(head)
        taken = True
    except FrameError:
        taken = False
    assert well_formed(np.frombuffer(head, HEAD)).tolist() == [taken]
