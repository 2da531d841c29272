"""Readings in order of time: what a wrong clock, no clock, an outage or a long datum do to them, and what a query costs."""

import csv
import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gridecho.frames import SEND, STORE
from gridecho.quantities import ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, SPOOLED
from gridecho.readings import Reading, encode
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.levels import UNDATED, extent_of, level_of, reach_s
from gridecho_remote.store import rollups, timeline
from gridecho_remote.store import undated as undated_
from gridecho_remote.store.data import Arrived, new_of, put
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.readings import Item
from gridecho_remote.store.timeline import Span
from gridecho_remote.use.tidying import tidy

from tests.rigs.fleet import Fleet
from tests.rigs.plain_rollups import check_rollups

W, WH = "1-0:1.7.0", "1-0:1.8.0"
T0 = 1_800_000_000
EVER = Span(0, 1 << 32)


@pytest.fixture
def client(fleet: Fleet):
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    return client


def asked(client, path: str):
    answer = client.get(f"/api/v1/sensors/7{path}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json


def rows_of(client, name: str = "readings.csv") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"/api/v1/sensors/7/{name}").get_data(as_text=True))))


def paged(client, path: str) -> Iterator[list[dict]]:
    """The pages of readings from `path` on."""
    path = f"/api/v1/sensors/7{path}"
    while path:
        answer = client.get(path).json
        yield answer["readings"]
        path = answer["next"]


@contextmanager
def counted_steps(fleet: Fleet) -> Iterator[Callable[[], int]]:
    """How many hundreds of steps SQLite takes meanwhile."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection = fleet.archive.connection().raw
    connection.set_progress_handler(step, 100)
    yield lambda: steps
    connection.set_progress_handler(None, 0)


def streamed(fleet: Fleet, span: Span = EVER) -> list[Item]:
    return [item for part in timeline.stream(fleet.archive, 7, 4, span) for item in part.rows()]


def fill(fleet: Fleet, count: int) -> None:
    """So many data of sensor 7 with a reading each, a minute apart; each block holds as many as came at once."""
    times = T0 + 60 * np.arange(count)
    same = np.ones(count, np.int64)
    bodies = [encode([Reading(T0, {POWER_IMPORT: 1})])] * count
    data = Arrived(7 * same, same, np.arange(count), same, same, times, 4 * same, times, times, 0 * same, bodies)
    with fleet.archive.writing() as connection:
        for at in range(0, count, 50):
            some = Arrived(*(getattr(data, field.name)[at : at + 50] for field in fields(Arrived)))
            put(connection, new_of(connection, some, 1, 0, days_of("UTC")))
        connection.execute("UPDATE sensor SET levels = ?, seen_mask = 4 WHERE id = 7", ((1 << 10) - 1,))


def test_every_datum_is_shorter_than_its_class_reaches() -> None:
    for span_s in [
        0,
        1,
        63,
        64,
        511,
        512,
        4095,
        4096,
        10**6,
        (1 << 32) - 1,
        *random.Random(1).sample(range(1 << 32), 500),
    ]:
        level = level_of(span_s)
        assert span_s < reach_s(level)
        assert level == 0 or span_s >= reach_s(level - 1)
    assert extent_of([0, 0]) == (0, 0, UNDATED, 2)
    assert extent_of([0, T0 + 600, T0]) == (T0, T0 + 600, 2, 1)


def test_pages_and_streams_of_data_of_all_lengths_are_what_sorting_them_gives(fleet: Fleet, engine: str) -> None:
    rng = random.Random(7)
    expected = []
    for seq in range(150 if engine == "sqlite" else 40):  # each page is some round trips to a server
        first_s = T0 + rng.randrange(10_000)
        times = [first_s, *(first_s + rng.randrange(10 ** rng.randrange(1, 8)) for _ in range(rng.randrange(8)))]
        fleet.send(fleet.frame(7, [Reading(t, {POWER_IMPORT: seq}) for t in times], seq, op=STORE))
        expected += [(t, 1, seq, i) for i, t in enumerate(times)]
    expected.sort()
    for span in (EVER, Span(T0 + 5_000, T0 + 6_000), Span(T0 + 100_000, 1 << 32), Span(T0 + 9_999, T0 + 10_000)):
        right = [key for key in expected if span.from_s <= key[0] < span.to_s]
        assert [item[:4] for item in streamed(fleet, span)] == right
        for limit in (1, 7):
            found, after = [], None
            while True:
                page, after = timeline.page(fleet.archive, 7, 4, span, limit, after)
                assert len(page) == limit or after is None
                found += [item[:4] for item in page.rows()]
                if after is None:
                    break
            assert found == right
        thin = timeline.thinned(fleet.archive, days_of("UTC"), 7, POWER_IMPORT, span, 5_000)
        assert [item[:4] for item in thin.items] == right
    assert timeline.latest(fleet.archive, 7, 4, 1 << 32)[:4] == expected[-1]


def test_a_limit_counts_readings(fleet: Fleet, client) -> None:
    for n in range(3):
        fleet.send(fleet.frame(7, [Reading(T0 - 1000 + 100 * n + i, {POWER_IMPORT: i}) for i in range(10)]))
    pages = list(paged(client, "/readings?limit=4"))
    assert [len(page) for page in pages] == [4] * 7 + [2]
    times = [reading["time"] for page in pages for reading in page]
    assert (times, len(set(times))) == (sorted(times), 30)


def test_after_an_outage_a_register_does_not_fall(fleet: Fleet, client) -> None:
    values = [{ENERGY_IMPORT: 100_000 + n} for n in range(30)]
    readings = [Reading(T0 - 3000 + 60 * n, value) for n, value in enumerate(values)]
    # In the outage one reading was urgent; it was sealed for itself, and came first.
    fleet.send(fleet.frame(7, [readings[20]], 5, op=SEND))
    fleet.send(fleet.frame(7, readings[:20], 3, op=STORE), fleet.frame(7, readings[21:], 4, op=STORE))
    rows = rows_of(client)
    assert [int(row[f"{WH} [Wh]"]) for row in rows] == [100_000 + n for n in range(30)]
    assert {(row["epoch"], row["seq"]) for row in rows} == {("1", "3"), ("1", "4"), ("1", "5")}


def test_a_reading_of_the_future_is_kept_and_marked_and_never_the_latest(fleet: Fleet, client) -> None:
    far_s = 2_145_916_800  # 2038
    fleet.send(fleet.frame(7, [Reading(T0 - 120, {POWER_IMPORT: 300})]))
    fleet.send(fleet.frame(7, [Reading(far_s, {POWER_IMPORT: 5550})]))
    fleet.send(fleet.frame(7, [Reading(T0 - 60, {POWER_IMPORT: 310}), Reading(far_s + 60, {POWER_IMPORT: 5551})]))
    answer = asked(client, "")
    assert (answer["latest"]["time"], answer["power_w"], answer["last"]) == (T0 - 60, 310, T0 - 60)
    assert answer["ahead_until"] == far_s + 60
    assert len(asked(client, "/readings")["readings"]) == 4
    page = client.get("/sensors/7").get_data(as_text=True)
    assert "310 W" in page
    assert "ahead of now" in page
    fleet.clock.now_s += 2 * 86_400
    page = client.get("/sensors/7").get_data(as_text=True)
    assert ("2 d ago" in page, "dot live" in page) == (True, False)
    fleet.clock.now_s = far_s + 60
    assert asked(client, "")["latest"]["time"] == far_s + 60
    assert asked(client, "")["ahead_until"] is None


def test_the_first_reading_of_a_span_may_be_of_a_block_that_began_in_it(fleet: Fleet) -> None:
    before = [fleet.frame(7, [Reading(T0 - 100 * n, {POWER_IMPORT: n})], seq) for seq, n in enumerate((20, 5, 1))]
    within = [fleet.frame(7, [Reading(T0 - 100 * n, {POWER_IMPORT: n})], seq) for seq, n in enumerate((8, 2), 10)]
    fleet.send(*before)
    fleet.send(*within)

    def extent(from_s: int) -> tuple[int, int] | None:
        return timeline.extent(fleet.archive, 7, 1 << POWER_IMPORT, T0, Span(from_s, T0))

    assert extent(T0 - 1_000) == (T0 - 800, T0 - 100)
    assert extent(T0 - 600) == (T0 - 500, T0 - 100)
    assert extent(T0 - 150) == (T0 - 100, T0 - 100)
    assert extent(T0 - 50) is None


def test_a_clock_that_is_a_little_ahead_does_not_hide_the_latest(fleet: Fleet, client) -> None:
    fleet.send(fleet.frame(7, [Reading(T0 + 3, {POWER_IMPORT: 300})]))
    assert asked(client, "")["latest"]["time"] == T0 + 3
    assert "0 s ago" in client.get("/sensors/7").get_data(as_text=True)


def test_undated_readings_are_apart_until_somebody_dates_them(fleet: Fleet, client) -> None:
    state = fleet.frame(7, [Reading(0, {SPOOLED: 3})], 0, epoch=2)
    undated = [
        fleet.frame(7, [Reading(0, {POWER_IMPORT: n}), Reading(0, {POWER_IMPORT: n + 1})], 1 + n // 2, epoch=2)
        for n in (0, 2)
    ]
    mixed = fleet.frame(7, [Reading(0, {POWER_IMPORT: 4}), Reading(T0 - 700, {POWER_IMPORT: 5})], 3, epoch=2)
    fleet.send(fleet.frame(7, [Reading(T0 - 2000, {POWER_IMPORT: 99})], epoch=1), state, *undated, mixed)
    answer = asked(client, "")
    assert (answer["first"], answer["last"], answer["undated"]) == (T0 - 2000, T0 - 700, 5)
    assert [row["time"] for row in rows_of(client)] == [str(T0 - 2000), str(T0 - 700)]
    assert [len(page) for page in paged(client, "/undated?limit=2")] == [2, 2, 1]
    apart = asked(client, "/undated")["readings"]
    assert [(r["time"], r["seq"], r["item"], r["values"][W]) for r in apart] == [
        (None, 1 + n // 2, n % 2, n) for n in range(5)
    ]
    assert [(row["utc"], row[f"{W} [W]"]) for row in rows_of(client, "undated.csv")] == [("", str(n)) for n in range(5)]
    assert "5 readings have no time" in client.get("/sensors/7").get_data(as_text=True)
    [stretch] = undated_.stretches(fleet.archive)
    assert (stretch.epoch, stretch.readings, stretch.after_s, stretch.before_s) == (2, 5, T0 - 2000, T0 - 700)
    # At first wrong, then right.
    for first_s in (T0 - 90_000, T0 - 1000):
        assert undated_.date(fleet.archive, 7, 2, first_s, 60, days_of("UTC")) == 5
        found = [(int(row["time"]), int(row[f"{W} [W]"])) for row in rows_of(client)]
        assert found == sorted([(T0 - 2000, 99), *((first_s + 60 * n, n) for n in range(5)), (T0 - 700, 5)])
        assert asked(client, "")["undated"] == 0
    # What was sent is as it came: the same again is no clone.
    receipt = fleet.send(*undated, mixed)
    assert (receipt.stored, receipt.known, receipt.quarantined) == (0, 3, 0)
    assert undated_.stretches(fleet.archive) == []


def test_a_gap_beside_undated_readings_has_no_time(fleet: Fleet, client) -> None:
    fleet.send(fleet.frame(7, [Reading(0, {POWER_IMPORT: 1})], 0), fleet.frame(7, [Reading(0, {POWER_IMPORT: 1})], 2))
    assert [(gap["after"], gap["before"]) for gap in asked(client, "/gaps")["gaps"]] == [(None, None)]


def test_a_break_is_where_readings_are_missing(fleet: Fleet, client) -> None:
    """From a period of a second to one of a minute, then a hole in the numbering, then a stop of the sensor."""
    times = [*range(T0 - 5000, T0 - 4700), *range(T0 - 4700, T0 - 2300, 60)]
    frames = [fleet.frame(7, [Reading(t, {POWER_IMPORT: 1})], n) for n, t in enumerate(times)]
    fleet.send(*frames)
    path = f"/readings?quantities={W}&points=1000"
    assert asked(client, path)["breaks"] == []
    last = len(times) - 1
    fleet.send(fleet.frame(7, [Reading(T0 - 2000, {POWER_IMPORT: 1})], last + 3))
    fleet.send(fleet.frame(7, [Reading(T0 - 1000, {POWER_IMPORT: 1})], 0, epoch=2))
    hole = [times[-1], T0 - 2000]
    assert asked(client, path)["breaks"] == [hole, [T0 - 2000, T0 - 1000]]
    assert asked(client, path.replace("1000", "50"))["breaks"][0] == hole


def test_a_datum_of_decades_makes_no_other_query_dear(fleet: Fleet, only_sqlite: None) -> None:
    fill(fleet, 20_000)
    span = Span(T0 + 60 * 19_995, 1 << 32)

    def cost() -> int:
        with counted_steps(fleet) as steps:
            assert len(timeline.page(fleet.archive, 7, 4, span, 100)[0]) >= 5
            assert timeline.latest(fleet.archive, 7, 4, T0 + 60 * 20_000) is not None
            return steps()

    before = cost()
    fleet.send(fleet.frame(7, [Reading(1, {POWER_IMPORT: 1}), Reading(T0 + 60 * 20_000, {POWER_IMPORT: 2})], 30_000))
    assert cost() <= before + 10


def test_a_page_costs_the_same_wherever_it_is(fleet: Fleet, only_sqlite: None) -> None:
    fill(fleet, 20_000)
    costs, after = [], None
    while True:
        with counted_steps(fleet) as steps:
            items, after = timeline.page(fleet.archive, 7, 4, EVER, 1_000, after)
            assert len(items) == 1_000
            costs.append(steps())
        if after is None:
            break
    assert len(costs) == 20
    # One that read what is before it would cost twenty times as much; the last one costs less, since nothing is after it.
    assert max(costs) <= 2 * costs[0], costs


@pytest.mark.parametrize(
    ("sent", "net_w", "shown"),
    [
        ([{POWER_IMPORT: 350, POWER_EXPORT: 0}], 350, "350 W"),
        ([{POWER_IMPORT: 0, POWER_EXPORT: 1250}], -1250, "1.25 kW fed in"),
        ([{POWER_EXPORT: 1250}, {POWER_IMPORT: 0}], -1250, "1.25 kW fed in"),
        ([{POWER_EXPORT: 1250}, {POWER_IMPORT: 20}], 20, "20 W"),
        ([{POWER_EXPORT: 700}, {ENERGY_IMPORT: 5}], -700, "700 W fed in"),
        ([{ENERGY_IMPORT: 5}], None, "\N{EN DASH}"),
    ],
)
def test_power_is_shown_with_its_direction(fleet: Fleet, client, sent, net_w, shown) -> None:
    for n, values in enumerate(sent):
        fleet.send(fleet.frame(7, [Reading(T0 - 100 + 10 * n, values)]))
    assert asked(client, "")["power_w"] == net_w
    for path in ("/", "/sensors/7"):
        assert shown in client.get(path).get_data(as_text=True)


def test_commands_list_and_date(fleet: Fleet, tmp_path: Path) -> None:
    fleet.send(*[fleet.frame(7, [Reading(0, {POWER_IMPORT: n})]) for n in range(3)])
    (tmp_path / "key").write_text(fleet.kek.hex())
    (tmp_path / "key").chmod(0o600)
    config = tmp_path / "remote.toml"
    config.write_text(f'database = "{fleet.database}"\nkey_file = "key"\n')

    def run(*words: str) -> str:
        done = CliRunner().invoke(remote, [*words, "--config", str(config)])
        return f"{done.exit_code} {done.output}"

    assert json.loads(run("undated", "--json")[2:]) == [
        {"sensor": 7, "epoch": 1, "readings": 3, "after": None, "before": None}
    ]
    when = ("--first", "2027-01-15T07:00", "--period", "60")
    assert "3 readings of sensor 7 have times now, from 2027-01-15T07:00:00Z on" in run("date", "7", "1", *when)
    assert "There are none yet" in run("undated")
    assert "1 Error: sensor 7 has no undated readings in epoch 9" in run("date", "7", "9", *when)
    late = ("--first", "2106-02-07T06:28", "--period", "60")
    assert "1 Error: these times would lie beyond" in run("date", "7", "1", *late)
    assert [i.values[POWER_IMPORT] for i in streamed(fleet)] == [0, 1, 2]


def test_a_curve_over_datagrams_of_255_readings_holds_some_of_them_at_a_time(fleet: Fleet) -> None:
    """8,000 datagrams took 671 MB, of which every reading had a hundred bytes."""
    body = encode([Reading(T0 + n // 100, {POWER_IMPORT: n}) for n in range(255)])
    for part in range(0, 4_000, 500):
        starts = range(part, part + 500)
        times = ([Reading(T0 + n * 255 // 100, {})] * 255 for n in starts)
        fleet.send(*(fleet.frame(7, some, n, body=body) for n, some in zip(starts, times, strict=True)))
    for points, from_hours in ((5, True), (5_000, False)):
        tracemalloc.start()
        thin = timeline.thinned(fleet.archive, days_of("UTC"), 7, POWER_IMPORT, EVER, points)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert 2 <= len(thin.items) <= points + 2
        assert (thin.bucket_s >= 3_600) is from_hours
        assert max(item.values[POWER_IMPORT] for item in thin.items) == 254
        assert most_bytes < 70_000_000, "a million readings as they are stored have 32 MB, as stretches 100 MB more"


@pytest.mark.parametrize("at_once", [1, 10, 100])
def test_hours_are_the_same_in_whatever_pieces_they_are_read(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(rollups, "_AT_ONCE", at_once)
    chance = random.Random(at_once)
    energy = 0
    for seq in range(60):
        begin, step = T0 + 900 * seq - chance.randrange(7_200), chance.choice([0, 1, 60, 3_000])
        readings = []
        for n in range(chance.randint(1, 20)):
            energy += chance.randrange(5)
            readings.append(Reading(begin + step * n, {ENERGY_IMPORT: energy, POWER_IMPORT: chance.randrange(99)}))
        fleet.send(fleet.frame(7, readings, seq))
    span = Span(T0 - 1_000, T0 + 40_000)
    found = timeline.thinned(fleet.archive, days_of("UTC"), 7, POWER_IMPORT, span, 20)
    assert found.bucket_s >= 3_600
    monkeypatch.setattr(rollups, "_AT_ONCE", 1 << 40)
    assert found == timeline.thinned(fleet.archive, days_of("UTC"), 7, POWER_IMPORT, span, 20)
    monkeypatch.setattr(rollups, "_AT_ONCE", at_once)
    tidy(fleet.site)
    assert check_rollups(fleet.archive, fleet.site.days) >= 1
