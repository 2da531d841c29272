"""Readings to bytes and back: one or many readings of the same quantities, as varints and deltas.

Layout (docs/protocol.md, "Readings"): the quantity mask; the first reading's values; then for each further reading its seconds
since the one before and the differences of its values. Signed numbers are zigzag; all are LEB128 in the shortest form.
"""

from .compat import const
from .errors import CodecError, MisuseError
from .quantities import MAX_CODE

MAX_READINGS = 255
MAX_VALUE = (1 << 53) - 1  # what a JSON number and a float of 64 bits still hold exactly
_MAX_VARINT_BYTES = const(8)
_MAX_TIME_S = const((1 << 32) - 1)


class Reading:
    """What a meter showed at `time_s` (Unix seconds, UTC): `values` maps quantity codes to integers in their fixed unit."""

    __slots__ = ("time_s", "values")

    def __init__(self, time_s: int, values: "dict[int, int]") -> None:
        self.time_s = time_s
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and self.time_s == other.time_s and self.values == other.values

    def __repr__(self) -> str:
        return "Reading(%d, %r)" % (self.time_s, self.values)


def mask_of(values: "dict[int, int]") -> int:
    """The set of quantity codes as bits. Raises MisuseError for an empty set or a code out of range."""
    mask = 0
    for code in values:
        if not 0 <= code <= MAX_CODE:
            raise MisuseError("a quantity code out of range")
        mask |= 1 << code
    if not mask:
        raise MisuseError("a reading without values")
    return mask


def encode(readings: "list[Reading]") -> bytes:
    """1 to 255 readings of one quantity set, in any order of time, as bytes; the first one's time goes into the frame's header."""
    if not 0 < len(readings) <= MAX_READINGS:
        raise MisuseError("1 to 255 readings a datagram")
    mask = mask_of(readings[0].values)
    codes = sorted(readings[0].values)
    out = bytearray()
    _put(out, mask)
    before = None
    for reading in readings:
        if mask_of(reading.values) != mask or not 0 <= reading.time_s <= _MAX_TIME_S:
            raise MisuseError("readings of different quantities, or a time out of range")
        if before is not None:
            _put_signed(out, reading.time_s - before.time_s)
        for code in codes:
            value = reading.values[code]
            if not -MAX_VALUE <= value <= MAX_VALUE:
                raise MisuseError("a value beyond 53 bits")
            _put_signed(out, value - (before.values[code] if before is not None else 0))
        before = reading
    return bytes(out)


def decode(data: bytes, count: int, time_s: int) -> "list[Reading]":
    """The `count` readings in `data`, the first of them at `time_s`. Raises CodecError."""
    if not 0 < count <= MAX_READINGS:
        raise CodecError("readings", "a count out of range")
    mask, at = _get(data, 0)
    if not mask or mask >> (MAX_CODE + 1):
        raise CodecError("readings", "an empty or too large quantity mask")
    codes = []
    code = 0
    while mask:
        if mask & 1:
            codes.append(code)
        mask >>= 1
        code += 1
    readings = []
    values = dict.fromkeys(codes, 0)
    for i in range(count):
        if i:
            step, at = _get_signed(data, at)
            time_s += step
            values = dict(values)
        if not 0 <= time_s <= _MAX_TIME_S:
            raise CodecError("readings", "a time out of range")
        for code in codes:
            difference, at = _get_signed(data, at)
            value = values[code] + difference
            if not -MAX_VALUE <= value <= MAX_VALUE:
                raise CodecError("readings", "a value beyond 53 bits")
            values[code] = value
        readings.append(Reading(time_s, values))
    if at != len(data):
        raise CodecError("readings", "a tail after the last reading")
    return readings


def _put(out: bytearray, n: int) -> None:
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


def _put_signed(out: bytearray, n: int) -> None:
    _put(out, n << 1 if n >= 0 else (-n << 1) - 1)


def _get(data: bytes, at: int) -> "tuple[int, int]":
    n = shift = 0
    end = at + _MAX_VARINT_BYTES
    while at < end:
        if at >= len(data):
            raise CodecError("varint", "cut short")
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            if not byte and shift:
                raise CodecError("varint", "not in the shortest form")
            return n, at
        shift += 7
    raise CodecError("varint", "longer than 8 bytes")


def _get_signed(data: bytes, at: int) -> "tuple[int, int]":
    n, at = _get(data, at)
    return (n >> 1 if not n & 1 else -(n >> 1) - 1), at
