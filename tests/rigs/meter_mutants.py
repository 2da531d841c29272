"""Spoiled streams: no exception, no value that no meter sent, and the next good frame is read."""

from collections.abc import Callable, Iterator
from typing import Any

from gridecho_node.meters import dlt645, dsmr, han, pzem, sml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rigs import meter_frames as frames
from tests.rigs.meter_dsmr import LINES
from tests.rigs.meter_frames import identified
from tests.rigs.meter_han import AIDON, KAIFA, KAMSTRUP
from tests.rigs.meter_sml import FRAME

SHARES = {"dsmr": 2400, "sml": 2400, "han": 2400, "dlt645": 6800, "pzem": 6000}  # 20,000; long frames take longer
METER = "000000000161"


def _p1(stream: bytes) -> Iterator[bytes]:
    for begin in _all(stream, b"/"):
        for bang in _all(stream[begin:], b"!"):
            body = stream[begin : begin + bang + 1]
            if stream[begin + bang + 1 : begin + bang + 5].upper() == b"%04X" % frames.arc(body):
                yield body


def _sml(stream: bytes) -> Iterator[bytes]:
    for begin in _all(stream, b"\x1b" * 4 + b"\x01" * 4):
        for end in _all(stream[begin:], b"\x1b" * 4 + b"\x1a"):
            body = stream[begin : begin + end + 6]
            if stream[begin + end + 6 : begin + end + 8] == frames.little(frames.x25(body)):
                yield body


def _hdlc(stream: bytes) -> Iterator[bytes]:
    for begin in _all(stream, b"\x7e"):
        for end in _all(stream, b"\x7e"):
            if end > begin + 9 and stream[end - 2 : end] == frames.little(frames.x25(stream[begin + 1 : end - 2])):
                yield stream[begin:end]


def _dlt645(stream: bytes) -> Iterator[bytes]:
    for begin in _all(stream, b"\x68"):
        length = stream[begin + 9] if begin + 9 < len(stream) else 0
        body = stream[begin : begin + 10 + length]
        if stream[begin + 10 + length : begin + 12 + length] == bytes((sum(body) & 255, 0x16)):
            yield body


def _modbus(stream: bytes) -> Iterator[bytes]:
    for begin in range(len(stream) - 24):
        if stream[begin + 23 : begin + 25] == frames.little(frames.modbus(stream[begin : begin + 23])):
            yield stream[begin : begin + 23]


def _all(stream: bytes, mark: bytes) -> list[int]:
    return [at for at in range(len(stream)) if stream.startswith(mark, at)]


# parser, frames of meters, and what in a stream has a right checksum, by a slow way of its own
KINDS: dict[str, tuple[Callable[[], Any], list[bytes], Callable[[bytes], Iterator[bytes]]]] = {
    "dsmr": (
        dsmr.Parser,
        [frames.telegram(LINES), frames.telegram(("1-0:1.8.0(00000001.000*kWh)", "1-0:1.7.0(0001.000*kW)"))],
        _p1,
    ),
    "sml": (
        sml.Parser,
        [
            FRAME,
            frames.sml(frames.entry((1, 0, 1, 8, 0), 30, -1, frames.integer(0x1B1B1B1B1B, 8, False))),
        ],
        _sml,
    ),
    "han": (han.Parser, [AIDON, KAMSTRUP, KAIFA], _hdlc),
    "dlt645": (
        lambda: dlt645.Parser(METER),
        [
            frames.dlt645(identified("00010000", "00123456")),
            frames.dlt645(identified("0201FF00", "2301", "2302", "2303")),
            frames.dlt645(b"\x02", control=0xD1),
        ],
        _dlt645,
    ),
    "pzem": (
        pzem.Parser,
        [frames.pzem(2393, 516, 905, 4649, 499, 73), frames.pzem(2301, 90_000, 206_000, 9_999_999, 500, 100)],
        _modbus,
    ),
}
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "repeat", "insert", "swap", "join"]),
        st.integers(0, 10**4),
        st.integers(1, 40),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def spoil(stream: bytes, whole: bytes, operations: list[tuple[str, int, int, int]]) -> bytes:
    """The stream after these mutations."""
    for kind, place, size, byte in operations:
        at = place % max(1, len(stream))
        before, part, after = stream[:at], stream[at : at + size], stream[at + size :]
        if kind == "flip":
            stream = before + bytes(one ^ (1 << byte % 8 if i == 0 else 0) for i, one in enumerate(part)) + after
        elif kind == "cut":
            stream = before + after
        elif kind == "repeat":
            stream = before + part + part + after
        elif kind == "insert":
            stream = before + bytes((byte,)) * (size % 5) + part + after
        elif kind == "swap":
            stream = before + part[::-1] + after
        else:
            stream = before + whole + part + after
    return stream


def check_mutants(name: str, count: int) -> None:
    """So many spoiled streams of one kind of meter."""
    make, originals, right = KINDS[name]
    sent = [make().feed(frame) for frame in originals]
    known = [values for readings in sent for values in readings]
    whole = b"".join(originals)
    spoilt = 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(OPERATIONS, st.integers(1, 64))
    def spoiled(operations: list[tuple[str, int, int, int]], step: int) -> None:
        nonlocal spoilt
        spoilt += 1
        stream = spoil(whole, originals[0], operations)
        parser = make()
        readings = []
        for at in range(0, len(stream), step * 8):
            readings += parser.feed(stream[at : at + step * 8])
        for values in readings:
            # A checksum of 8 or 16 bits is right by chance now and then: then, and only then, it may be what nobody sent.
            if values not in known:
                assert [body for body in right(stream) if not any(body in frame for frame in originals)], values
        after = []
        for _ in range(200):
            after = parser.feed(whole)
            if after[-len(known) :] == known:
                break
        assert after[-len(known) :] == known

    spoiled()
    assert spoilt >= count
