"""Runs say the same as the data ids and times that they are made of; zones leave nothing out of a search."""

from gridecho.holdings import wanted
from gridecho_relay.zones import Zones, runs_of
from hypothesis import given
from hypothesis import strategies as st

DATA = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(0, 25), st.integers(0, 3))
WANTS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(0, 3),
        st.integers(0, 20),
        st.integers(0, 30),
        st.integers(0, 1900),
        st.integers(0, 2000),
    ),
    min_size=1,
    max_size=3,
)


def head(sensor_id, epoch, seq, time_s):
    return bytes(4) + b"".join(n.to_bytes(4, "big") for n in (sensor_id, epoch, seq, time_s))


def dated(data):
    # Mostly a minute apart, now and then not.
    return {(s, e, q): 60 * q + (jitter if jitter < 3 else 1_000 - 90 * q if q < 9 else 0) for s, e, q, jitter in data}


@given(st.lists(DATA, max_size=80))
def test_runs_say_each_datum_and_its_time_once(data):
    times = dated(data)
    heads = [head(*key, times[key]) for s, e, q, _ in data for key in [(s, e, q)]]
    runs = runs_of(b"".join(heads))
    said = [(s, e, first + i, t + i * step) for s, e, first, n, t, step in runs for i in range(n)]
    assert sorted(said) == sorted((*key, time_s) for key, time_s in times.items())
    assert all(run[5] == 0 for run in runs if run[3] == 1)


def test_a_day_of_a_steady_sensor_is_one_run():
    assert runs_of(b"".join(head(7, 1, q, 1_700_000_000 + 60 * q) for q in range(1440))) == [
        (7, 1, 0, 1440, 1_700_000_000, 60)
    ]
    assert runs_of(b"") == []


def test_numbers_at_their_ends():
    most = (1 << 32) - 1
    assert runs_of(head(most, most, most, most) + head(0, 0, 0, 0)) == [
        (0, 0, 0, 1, 0, 0),
        (most, most, most, 1, most, 0),
    ]


@given(st.lists(st.lists(DATA, min_size=1, max_size=12), max_size=12), WANTS, st.booleans())
def test_a_search_misses_nothing(groups, wants, small):
    zones, rows, last_id = Zones(zone_rows=20 if small else 1 << 16), {}, 0
    for data in groups:
        first_id = last_id + 1
        heads = []
        for (s, e, q), time_s in dated(data).items():
            last_id += 1
            rows[last_id] = (s, e, q, time_s)
            heads.append(head(s, e, q, time_s))
        zones.put(first_id, last_id, runs_of(b"".join(heads)))
        last_id += 2  # rows that were never there
    found = zones.where(wants)
    assert found == sorted(found)
    for row_id, datum in rows.items():
        if wanted(wants, *datum):
            assert any(first <= row_id <= last for first, last in found)
    assert zones.end == max(rows, default=0)
    zones.drop_before(zones.end + 1)
    assert zones.where(wants) == []
