"""Opening a relay's frames: thousands at once, each with its own sensor's keys. What does not open is set apart, with why."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from gridecho.crypto import Siv
from gridecho.errors import AuthError
from gridecho.frames import DATA, HEADER, SEND, STORE, VERSION
from gridecho.quantities import FIRST_STATE_CODE, ROUTE_RELAY, ROUTE_RTT
from gridecho.states import can_be
from numpy.typing import NDArray

from ..store.columns import Alike, Ints, codes_in, read_many
from ..store.data import Arrived
from ..store.quarantine import UNKNOWN_SENSOR, UNOPENABLE

HEAD = np.dtype(
    [
        ("kind", "u1"),
        ("op", "u1"),
        ("key_id", "u1"),
        ("count", "u1"),
        ("sensor_id", ">u4"),
        ("epoch", ">u4"),
        ("seq", ">u4"),
        ("time_s", ">u4"),
    ]
)

# A sensor's own state: sensor id, code, value, epoch, seq, item, time in s; a route: sensor id, epoch, seq, item, time in s, relay
# id, RTT in us.
Told = tuple[int, int, int, int, int, int, int]
Routed = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """Frames, sorted out: the data of those that opened (`places` says which frames these are), and the others with the reason.

    `told` and `routed` are with the place, among the data, of the datum they are from; `untrue` are the places of data that tell
    a state that cannot be, which is in neither.
    """

    heads: NDArray[np.void]
    data: Arrived
    places: list[int]
    strange: list[tuple[str, int]]
    told: list[tuple[int, Told]]
    routed: list[tuple[int, Routed]]
    untrue: list[int]


def open_frames(frames: list[bytes], keys_of: Callable[[tuple[int, int]], list[Siv]]) -> Opened:
    """DATA frames without link tags; `keys_of` gives the keys of a (sensor id, key id), newest first, none of an unknown sensor."""
    heads = np.frombuffer(b"".join([frame[:HEADER] for frame in frames]), HEAD)
    strange: list[tuple[str, int]] = []
    places: list[int] = []
    bodies: list[bytes] = []
    keys: dict[tuple[int, int], list[Siv]] = {}
    senders = zip(heads["sensor_id"].tolist(), heads["key_id"].tolist(), strict=True)
    for place, (sender, well, frame) in enumerate(zip(senders, well_formed(heads).tolist(), frames, strict=True)):
        sivs = keys.get(sender)
        if sivs is None:
            sivs = keys[sender] = keys_of(sender)
        if not sivs:
            strange.append((UNKNOWN_SENSOR, place))
            continue
        try:
            if not well:
                raise AuthError("header", "of no DATA frame")
            # Of nearly all sensors there is one key, and this is where a batch's time goes.
            bodies.append(
                sivs[0].open(frame[HEADER:], frame[:HEADER]) if len(sivs) == 1 else _opened_by_one(frame, sivs)
            )
            places.append(place)
        except AuthError:
            strange.append((UNOPENABLE, place))
    numbers = np.array(places, np.int64)
    groups, bad = read_many(bodies, heads["count"][numbers].astype(np.int64), heads["time_s"][numbers].astype(np.int64))
    if bad:
        strange += [(UNOPENABLE, places[at]) for at in bad]
        left = np.ones(len(places), bool)
        left[bad] = False
        moved = np.cumsum(left) - 1
        groups = [Alike(one.mask, moved[one.places], one.times_s, one.values) for one in groups]
        numbers = numbers[left]
        places = numbers.tolist()
        bodies = [body for body, one in zip(bodies, left.tolist(), strict=True) if one]
    data = _arrived(heads[numbers], groups, bodies)
    return Opened(heads, data, places, strange, *_states(data, groups))


def well_formed(heads: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which headers `gridecho.intake.read_header` takes."""
    well: NDArray[np.bool_] = (heads["kind"] == VERSION << 4 | DATA) & np.isin(heads["op"], (STORE, SEND))
    return well & (heads["count"] > 0) & (heads["sensor_id"] > 0) & (heads["epoch"] > 0)


def _opened_by_one(frame: bytes, sivs: list[Siv]) -> bytes:
    head, sealed = frame[:HEADER], frame[HEADER:]
    for siv in sivs[:-1]:
        with suppress(AuthError):
            return siv.open(sealed, head)
    return sivs[-1].open(sealed, head)


def _arrived(heads: NDArray[np.void], groups: list[Alike], bodies: list[bytes]) -> Arrived:
    sensor_ids, epochs, seqs, ops, counts, times_s = (
        heads[name].astype(np.int64) for name in ("sensor_id", "epoch", "seq", "op", "count", "time_s")
    )
    return Arrived.of(sensor_ids, epochs, seqs, ops, counts, times_s, groups, bodies)


def _states(data: Arrived, groups: list[Alike]) -> tuple[list[tuple[int, Told]], list[tuple[int, Routed]], list[int]]:
    told: list[tuple[int, Told]] = []
    routed: list[tuple[int, Routed]] = []
    untrue: set[int] = set()
    for alike in groups:
        if not alike.mask >> FIRST_STATE_CODE:
            continue
        codes = codes_in(alike.mask)
        for n, place in enumerate(alike.places.tolist()):
            sensor_id, epoch, seq = (int(column[place]) for column in (data.sensor_ids, data.epochs, data.seqs))
            for item, (time_s, row) in enumerate(
                zip(alike.times_s[n].tolist(), alike.values[:, n].T.tolist(), strict=True)
            ):
                values = {
                    code: value
                    for code, value in zip(codes, row, strict=True)
                    if code < FIRST_STATE_CODE or can_be(code, value)
                }
                if len(values) < len(codes):
                    untrue.add(place)
                if ROUTE_RELAY in values and ROUTE_RTT in values:
                    routed.append(
                        (place, (sensor_id, epoch, seq, item, time_s, values[ROUTE_RELAY], values[ROUTE_RTT]))
                    )
                told += [
                    (place, (sensor_id, code, value, epoch, seq, item, time_s))
                    for code, value in values.items()
                    if code >= FIRST_STATE_CODE
                ]
    return told, routed, sorted(untrue)


def runs_of(heads: NDArray[np.void]) -> list[tuple[int, int, int, int]]:
    """(sensor id, epoch, first seq, last seq) of the frames' data ids, in order, those that follow each other as one."""
    order = np.lexsort((heads["seq"], heads["epoch"], heads["sensor_id"]))
    columns: list[Ints] = [heads[name][order].astype(np.int64) for name in ("sensor_id", "epoch", "seq")]
    sensor_ids, epochs, seqs = columns
    begins = np.ones(len(order), bool)
    begins[1:] = (np.diff(sensor_ids) != 0) | (np.diff(epochs) != 0) | (np.diff(seqs) > 1)
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(order)) - 1
    parts = (sensor_ids[starts], epochs[starts], seqs[starts], seqs[ends])
    return list(zip(*(part.tolist() for part in parts), strict=True))
