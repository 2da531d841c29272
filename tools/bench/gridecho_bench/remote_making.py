"""The readings of `bench remote`, made before any clock runs: seeded minutes of meters, sealed into frames and signed batches."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import DATA, STORE, VERSION
from numpy.typing import NDArray
from scipy.signal import lfilter

from .remote_data import (
    BATCH_FRAMES,
    CODES,
    COLUMNS,
    DAY_S,
    EPOCH,
    FIRST_REGION_ID,
    FIRST_S,
    KEY_ID,
    METER_ID,
    MINUTE_S,
    PER_FRAME,
    RELAY_ID,
    RELAY_SECRET,
    YEAR_MINUTES,
    Data,
    root_of,
)

_SEED = 20_250_101
_MOST_MIXED_SINGLES = YEAR_MINUTES
_AT_ONCE = 100  # sensors whose minutes are made together
_SHAPE_W = (
    90, 80, 75, 75, 80, 110, 240, 330, 280, 230, 220, 260, 330, 260, 230, 230, 260, 380, 520, 560, 500, 400, 260, 140,
)  # fmt: skip
_HEADER = np.dtype(
    [("first", "u1"), ("op", "u1"), ("key_id", "u1"), ("count", "u1")]
    + [(name, ">u4") for name in ("sensor_id", "epoch", "seq", "time_s")]
)

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
Say = Callable[[str], None]


def make_data(folder: Path, readings: int, sensors: int, say: Say) -> Data:
    """Makes and seals about `readings` readings in `folder`: the meter's year first, three fifths if they are too few for that."""
    most = max(PER_FRAME)
    meter = min(YEAR_MINUTES, readings * 3 // 5) // most * most
    minutes = max(most, (readings - meter) // sensors // most * most)
    data = Data(str(folder), meter, sensors, minutes, min(_MOST_MIXED_SINGLES // sensors, minutes) * sensors)
    say(f"making {data.readings:,} readings")
    one = _minutes_of([METER_ID], meter)
    many = np.concatenate(
        [
            _minutes_of(range(FIRST_REGION_ID + at, FIRST_REGION_ID + min(sensors, at + _AT_ONCE)), minutes)
            for at in range(0, sensors, _AT_ONCE)
        ],
        axis=2,
    )
    np.save(folder / "meter.npy", one.reshape(len(COLUMNS), -1))
    np.save(folder / "region.npy", many.reshape(len(COLUMNS), -1))
    for per_frame in PER_FRAME:
        _write(data, f"meter-{per_frame}", one, per_frame, say)
        _write(data, f"mixed-{per_frame}", many, per_frame, say)
    return data


def _minutes_of(sensor_ids: Any, minutes: int) -> Rows:
    """Shape (len(COLUMNS), minutes, sensors): a register that only grows, a power with a day's shape, appliances and noise."""
    sensors = len(sensor_ids)
    chance = np.random.default_rng((_SEED, sensor_ids[0]))
    time_s = FIRST_S + MINUTE_S * np.arange(minutes, dtype=np.int64)
    hours = (time_s + 3_600) % DAY_S / 3_600
    shape_w = np.interp(hours, range(25), (*_SHAPE_W, _SHAPE_W[0]))[:, None]
    switched_w = chance.choice([0, 800, 2_000], (minutes, sensors), p=[0.99, 0.007, 0.003])
    used_w = lfilter([1], [1, -0.8], switched_w, axis=0)
    noise = np.exp(lfilter([0.1], [1, -0.95], chance.standard_normal((minutes, sensors)), axis=0))
    power_w = np.rint(shape_w * noise * chance.lognormal(0, 0.4, sensors) + used_w).astype(np.int64)
    energy_wh = chance.integers(1_000_000, 20_000_000, sensors) + np.cumsum(power_w, axis=0) // 60
    drift = lfilter([1], [1, -0.98], chance.standard_normal((minutes, sensors)) * 200, axis=0)
    voltage_mv = 100 * np.rint((231_000 + drift) / 100).astype(np.int64)
    current_ma = 10 * (100_000 * power_w // voltage_mv)
    out = np.empty((len(COLUMNS), minutes, sensors), np.int32)
    for column, values in enumerate(
        (np.array(sensor_ids), time_s[:, None], energy_wh, power_w, voltage_mv, current_ma)
    ):
        out[column] = values
    return out


def _write(data: Data, part: str, rows: Rows, per_frame: int, say: Say) -> None:
    """Frames in the order in which they come: all sensors' first ones, then all sensors' second ones."""
    sensors, readings = rows.shape[2], data.readings_of(part)
    rows = rows[:, : readings // sensors]
    # (column, frame's seq, reading in the frame, sensor) -> (frame, reading in it, column)
    cut = rows.reshape(len(COLUMNS), -1, per_frame, sensors).transpose(1, 3, 2, 0).reshape(-1, per_frame, len(COLUMNS))
    seqs = np.repeat(np.arange(rows.shape[1] // per_frame), sensors)
    sivs = {int(one): Siv(keys.siv_key(root_of(int(one)), int(one), KEY_ID)) for one in rows[0, 0]}
    mac = Cmac(relay_keys.batch_key(RELAY_SECRET, RELAY_ID))
    with (Path(data.folder) / f"{part}.batches").open("wb") as file:
        for at in range(0, len(cut), BATCH_FRAMES):
            say(f"sealing {len(cut):,} frames with {per_frame} readings: {100 * at // len(cut)} %")
            some = slice(at, at + BATCH_FRAMES)
            _, body = pack_batch(RELAY_ID, list(frames_of(cut[some], seqs[some], sivs)), mac)
            file.write(len(body).to_bytes(4, "big") + body)


def frames_of(rows: NDArray[Any], seqs: NDArray[Any], sivs: dict[int, Siv]) -> Iterator[bytes]:
    """Sealed DATA frames without link tag of `rows`, shape (frames, readings of one, len(COLUMNS))."""
    rows = rows.astype(np.int64)
    sensor_ids = rows[:, 0, 0]
    heads = np.zeros(len(rows), _HEADER)
    heads["first"], heads["op"] = VERSION << 4 | DATA, STORE
    heads["key_id"], heads["count"], heads["epoch"] = KEY_ID, rows.shape[1], EPOCH
    heads["sensor_id"], heads["seq"], heads["time_s"] = sensor_ids, seqs, rows[:, 0, 1]
    packed = heads.tobytes()
    size = _HEADER.itemsize
    for number, (sensor_id, body) in enumerate(zip(sensor_ids.tolist(), encoded(rows[:, :, 1:]), strict=True)):
        head = packed[size * number : size * number + size]
        yield head + sivs[sensor_id].seal(body, head)


def encoded(readings: Ints) -> list[bytes]:
    """What `gridecho.readings.encode` gives for each frame of `readings`: (frames, readings of one, a time and CODES' values)."""
    frames, count, width = readings.shape
    numbers = np.empty((frames, count * width), np.int64)
    numbers[:, 0] = sum(1 << code for code in CODES)
    numbers[:, 1:width] = _zigzag(readings[:, 0, 1:])
    numbers[:, width:] = _zigzag(np.diff(readings, axis=1)).reshape(frames, -1)
    flat = numbers.ravel()
    lengths = np.searchsorted([1 << 7 * k for k in range(1, 8)], flat, side="right") + 1
    ends = np.cumsum(lengths)
    out = np.empty(int(ends[-1]), np.uint8)
    for k in range(8):
        there = lengths > k
        more = np.where(lengths[there] > k + 1, 128, 0)
        out[(ends - lengths)[there] + k] = flat[there] >> 7 * k & 127 | more
    whole = out.tobytes()
    cuts = [0, *ends.reshape(frames, -1)[:, -1].tolist()]
    return [whole[a:b] for a, b in pairwise(cuts)]


def _zigzag(numbers: Ints) -> Ints:
    return (numbers << 1) ^ (numbers >> 63)
