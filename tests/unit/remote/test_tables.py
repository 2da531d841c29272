"""Readings as JSON are the same whether they are made one by one or by column."""

import json

import numpy as np
import orjson
import pytest
from gridecho_remote.api.tables import curve, json_of, reading
from gridecho_remote.store.readings import NO_EPOCH, Item, Readings


@pytest.mark.parametrize("codes", [[], [0], [0, 2, 7]])
@pytest.mark.parametrize("count", [0, 1, 2, 1440])
@pytest.mark.parametrize("undated", [False, True])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("steady", [False, True])
def test_every_reading_is_in_its_row(codes: list[int], count: int, undated: bool, holes: bool, steady: bool) -> None:
    rng = np.random.default_rng(count)
    times_s, epochs, seqs, items = (rng.integers(1, 1 << 32, count) for _ in range(4))
    if undated:
        times_s[::2] = 0
    has = np.ones((len(codes), count), bool)
    if holes:
        has[:, ::3] = False
    values = rng.integers(-(1 << 62), 1 << 62, (len(codes), 2 * count))
    values = (values >> rng.integers(0, 63, values.shape))[:, ::2]  # of any width, and as a part of more
    if steady:  # some columns, and the last among them
        epochs[:], items[:], values[-1:] = 1, 0, 230
    found = Readings(codes, times_s, epochs, seqs, items, values, has)
    answer = {"sensor": 7, "next": None}
    assert json.loads(json_of(answer, found)) == {**answer, "readings": [reading(one) for one in found.rows()]}


@pytest.mark.parametrize("epoch", [NO_EPOCH, 3])
@pytest.mark.parametrize("codes", [[2], [2, 2, 2], [2, 0], [99]])
@pytest.mark.parametrize("time_s", [0, 1_800_000_000])
def test_a_curve_says_what_its_readings_say(epoch: int, codes: list[int], time_s: int) -> None:
    items = [Item(time_s + n, epoch, n, 0, {code: (-1) ** n << 61}) for n, code in enumerate(codes)]
    for some in ([], items, [*items, Item(5, 1, 2, 3, {})]):
        assert orjson.loads(orjson.dumps({"readings": curve(some)})) == {"readings": [reading(one) for one in some]}
