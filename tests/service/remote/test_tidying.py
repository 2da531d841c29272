"""Rollups and compact blocks: whatever came, in whatever order, late or twice, they are what the readings give; who asks before
they are made gets the same answer as after.
"""

import dataclasses
import random
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, SPOOLED
from gridecho.readings import Reading
from gridecho_remote.jobs.tidying import Tidier
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.rollups import STAT, merged
from gridecho_remote.store import blocks, compaction, curves, queries, rollups, timeline
from gridecho_remote.store.timeline import Span

from tests.rigs import stored
from tests.rigs.fleet import Fleet
from tests.rigs.plain_rollups import check_rollups
from tests.rigs.waiting import wait_for

ZONE = "Europe/Berlin"
DAYS = days_of(ZONE)
# The night in which summer time ends is among these days.
T0 = int(datetime(2026, 10, 23, 12, tzinfo=ZoneInfo(ZONE)).timestamp())
FIRST = DAYS.day_of(date(2026, 10, 23))
EVER = Span(0, 1 << 32)


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    return make_fleet(now_s=T0 + 30 * 86_400, time_zone=ZONE)


def minutes(rng: random.Random, sensor_id: int, count: int) -> list[Reading]:
    energy, readings = rng.randrange(10**6), []
    for n in range(count):
        energy += rng.randrange(50)
        if rng.random() < 0.002:
            energy = rng.randrange(100)  # the meter was changed
        readings.append(Reading(T0 + 600 * n + sensor_id, {ENERGY_IMPORT: energy, POWER_IMPORT: rng.randrange(3000)}))
    return readings


def everything(fleet: Fleet) -> list[object]:
    """What queries say of sensors 7 and 8, and of their region."""
    found: list[object] = []
    for sensor_id in (7, 8):
        for code in (ENERGY_IMPORT, POWER_IMPORT):
            for unit in curves.UNITS:
                one = curves.by_unit(fleet.archive, DAYS, sensor_id, code, FIRST - 1, FIRST + 9, unit)
                found.append([one.begins_s.tolist(), one.dates, one.rise, one.stats.tolist()])
            with fleet.archive.reading() as connection:
                for span, width_s in (((T0 + 5_000, T0 + 400_000), 7_200), ((T0 - 100, T0 + 700_000), 86_400)):
                    some = curves.stretches(connection, DAYS, sensor_id, code, *span, width_s)
                    found.append(some.tolist())
    codes = (ENERGY_IMPORT, POWER_IMPORT)
    found += [curves.of_region(fleet.archive, DAYS, "north", FIRST, FIRST + 4, code) for code in codes]
    found.append([item for part in timeline.stream(fleet.archive, 7, 5, EVER) for item in part.rows()])
    return found


def tidied(fleet: Fleet) -> None:
    rollups.settle(fleet.archive, DAYS)
    compaction.settle(fleet.archive, DAYS, fleet.clock())
    for table in ("stale", "loose"):
        assert fleet.archive.connection().execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608


def test_what_came_in_any_order_is_rolled_up_as_the_readings_give(fleet: Fleet) -> None:
    rng = random.Random(3)
    frames, by_sensor = [], {}
    for sensor_id in (7, 8):
        by_sensor[sensor_id] = minutes(rng, sensor_id, 900)
        seq = at = 0
        while at < 900:
            size = rng.choice([1, 1, 2, 10])
            frames.append(fleet.frame(sensor_id, by_sensor[sensor_id][at : at + size], seq))
            seq, at = seq + 1, at + size
            if rng.random() < 0.05:
                frames.append(fleet.frame(sensor_id, [Reading(T0 + 600 * at, {SPOOLED: at})], seq))
                seq += 1
    rng.shuffle(frames)
    for at in range(0, len(frames), 150):
        fleet.send(*frames[at : at + 150], relay_id=rng.choice([1, 2]))
        if at % 300 == 0:
            before = everything(fleet)
            tidied(fleet)
            assert everything(fleet) == before
    tidied(fleet)
    tidy = everything(fleet)
    assert queries.gaps(fleet.archive, 7) == []
    rows = fleet.archive.connection().execute(stored.BLOCKS).fetchall()
    assert len(rows) < 20
    assert all(blocks.is_compact(bytes(row[-1])) for row in rows)
    # From the readings alone, by plain loops.
    for sensor_id in (7, 8):
        readings = by_sensor[sensor_id]
        day_of = [datetime.fromtimestamp(r.time_s, ZoneInfo(ZONE)).date() for r in readings]
        rise: dict[date, int] = {}
        for n, reading in enumerate(readings):
            step = readings[n + 1].values[0] - reading.values[0] if n + 1 < len(readings) else 0
            rise[day_of[n]] = rise.get(day_of[n], 0) + max(0, step)
        by_day = curves.by_unit(fleet.archive, DAYS, sensor_id, ENERGY_IMPORT, FIRST, FIRST + 9, "day")
        assert dict(zip(by_day.dates, by_day.rise, strict=True)) == rise
        by_hour = curves.by_unit(fleet.archive, DAYS, sensor_id, ENERGY_IMPORT, FIRST, FIRST + 9, "hour")
        assert sum(by_hour.rise) == sum(rise.values())
        night = DAYS.day_of(date(2026, 10, 25))
        assert sum(DAYS.number(by_hour.begins_s) == night) == 25
        quarters: dict[int, int] = {}
        for n, reading in enumerate(readings):
            step = readings[n + 1].values[0] - reading.values[0] if n + 1 < len(readings) else 0
            begin_s = int(DAYS.starts_s[DAYS.number(reading.time_s)])
            begin_s += (reading.time_s - begin_s) // 900 * 900
            quarters[begin_s] = quarters.get(begin_s, 0) + max(0, step)
        by_quarter = curves.by_unit(fleet.archive, DAYS, sensor_id, ENERGY_IMPORT, FIRST, FIRST + 9, "quarter")
        assert dict(zip(by_quarter.begins_s.tolist(), by_quarter.rise, strict=True)) == quarters
        power = curves.by_unit(fleet.archive, DAYS, sensor_id, POWER_IMPORT, FIRST, FIRST + 9, "month")
        assert power.stats["greatest"].max() == max(r.values[2] for r in readings)
        assert power.stats["count"].sum() == len(readings)
    # The same again, and a clone, change nothing.
    receipt = fleet.send(*frames[:200], relay_id=2)
    assert (receipt.stored, receipt.known, receipt.quarantined) == (0, 200, 0)
    assert fleet.send(fleet.frame(7, [Reading(T0, {POWER_IMPORT: 1})], 3)).quarantined == 1
    assert everything(fleet) == tidy


def test_a_day_that_is_not_over_keeps_few_blocks_and_is_compact_when_it_is(fleet: Fleet) -> None:
    fleet.clock.now_s = T0 + 3_600
    for n in range(100):
        fleet.send(fleet.frame(7, [Reading(T0 + 30 * n, {POWER_IMPORT: n})], n))
        rollups.settle(fleet.archive, DAYS)
        assert len(fleet.archive.connection().execute(stored.IDS).fetchall()) <= 33
    compaction.settle(fleet.archive, DAYS, fleet.clock())
    assert len(fleet.archive.connection().execute(stored.IDS).fetchall()) > 1
    fleet.clock.now_s = T0 + 86_400
    compaction.settle(fleet.archive, DAYS, fleet.clock())
    [(_, _, first, last)] = fleet.archive.connection().execute(stored.IDS).fetchall()
    assert (first, last) == (0, 99)


@pytest.mark.parametrize("ages", [{}, {POWER_IMPORT: 900}], ids=["kept", "with an age"])
def test_four_days_are_a_block_if_nothing_is_deleted_for_its_age(fleet: Fleet, ages: dict[int, int]) -> None:
    readings = minutes(random.Random(4), 7, 6 * 144)
    frames = [fleet.frame(7, [reading], n) for n, reading in enumerate(readings)]
    size = 1 if ages else 4
    for day in range(1, 8):
        fleet.clock.now_s = float(DAYS.starts_s[FIRST + day]) + 60
        until = [n for n, reading in enumerate(readings) if reading.time_s < fleet.clock()]
        fleet.send(*(frames[n] for n in until if n % 100 != 5))
        compaction.settle(fleet.archive, DAYS, fleet.clock(), ages=ages)
    fleet.send(*frames)  # what was missing comes late
    compaction.settle(fleet.archive, DAYS, fleet.clock(), ages=ages)
    blocks_of = (
        fleet.archive.connection().execute("SELECT first_s, last_s, content FROM block ORDER BY first_s").fetchall()
    )
    assert all(blocks.is_compact(bytes(content)) for *_, content in blocks_of)
    pairs = [[day // size for day in DAYS.number(ends).tolist()] for *ends, _ in blocks_of]
    assert pairs == [[number] * 2 for number in range(FIRST // size, (FIRST + 6) // size + 1)]
    assert [item.time_s for part in timeline.stream(fleet.archive, 7, 5, EVER) for item in part.rows()] == [
        reading.time_s for reading in readings
    ]


def test_an_error_that_nobody_expects_does_not_end_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = [ZeroDivisionError(), KeyError("x")]

    def settle(*_: object) -> int:
        if rounds:
            raise rounds.pop()
        return 0

    monkeypatch.setattr(rollups, "settle", settle)
    fleet.send(fleet.frame(7, [Reading(T0, {POWER_IMPORT: 1})]))
    tidier = Tidier(
        dataclasses.replace(fleet.site, settings=fleet.site.settings.model_copy(update={"tidy_every_s": 0.01}))
    )
    tidier.start()
    try:
        wait_for(
            lambda: fleet.archive.connection().execute("SELECT 1 FROM loose").fetchone() is None, "a round that ends"
        )
    finally:
        tidier.stop()
    assert "KeyError" in caplog.text
    assert not rounds


def test_hours_merge_to_days(fleet: Fleet) -> None:
    fleet.send(*(fleet.frame(7, [reading], n) for n, reading in enumerate(minutes(random.Random(1), 7, 500))))
    tidied(fleet)
    with fleet.archive.reading() as connection:
        for code in (ENERGY_IMPORT, POWER_IMPORT):
            numbers, of_days = rollups.days_between(connection, DAYS, 7, code, FIRST, FIRST + 9)
            hours = list(rollups.hours_between(connection, DAYS, 7, code, FIRST, FIRST + 9))
            assert len(numbers) == len(hours) == 4
            for stats, one in zip(hours, of_days, strict=True):
                [whole] = merged(stats, np.zeros(1, np.int64))
                if code == POWER_IMPORT:  # what it rose by says nothing, and is not kept
                    whole["rise"], whole["resets"] = 0, 0
                assert whole == one.astype(STAT)


def test_values_beyond_32_bits_and_below_zero_stay_what_they_are(fleet: Fleet) -> None:
    sent = [Reading(T0 + 600 * n, {ENERGY_IMPORT: 10**12 + n, POWER_IMPORT: -n}) for n in range(500)]
    fleet.send(*(fleet.frame(7, [reading], n) for n, reading in enumerate(sent)))
    tidied(fleet)
    assert check_rollups(fleet.archive, DAYS) >= 3


def test_a_thinned_curve_has_every_peak_and_only_readings(fleet: Fleet) -> None:
    readings = minutes(random.Random(2), 7, 4_000)
    fleet.send(*(fleet.frame(7, [reading], n) for n, reading in enumerate(readings)))
    for again in range(2):
        for span in (EVER, Span(T0 + 100_000, T0 + 2_000_000), Span(T0 + 10_000, T0 + 90_000)):
            right = [(r.time_s, r.values[POWER_IMPORT]) for r in readings if span.from_s <= r.time_s < span.to_s]
            for points in (20, 60, 200, 400):
                check_thinned(timeline.thinned(fleet.archive, DAYS, 7, POWER_IMPORT, span, points), points, right)
        if not again:
            tidied(fleet)


def check_thinned(thin: timeline.Thinned, points: int, right: list[tuple[int, int]]) -> None:
    found = [(item.time_s, item.values[POWER_IMPORT]) for item in thin.items]
    assert found == sorted(found)
    assert set(found) <= set(right)
    assert len(found) <= points + 4  # the first and the last stretch may be short
    assert thin.cut_s is None
    assert {min(v for _, v in found), max(v for _, v in found)} == {min(v for _, v in right), max(v for _, v in right)}
    # In the stretch of each reading are a point that is not below it and one that is not above it.
    (times, values), (at, shown) = (np.array(one).T for one in (right, found))
    near = np.abs(at[None, :] - times[:, None]) <= thin.bucket_s + 3_600
    assert (near & (shown[None, :] >= values[:, None])).any(axis=1).all()
    assert (near & (shown[None, :] <= values[:, None])).any(axis=1).all()


def test_another_zone_makes_the_days_anew(fleet: Fleet) -> None:
    fleet.send(*(fleet.frame(7, [reading], n) for n, reading in enumerate(minutes(random.Random(1), 7, 500))))
    tidied(fleet)
    before = curves.by_unit(fleet.archive, DAYS, 7, ENERGY_IMPORT, FIRST, FIRST + 9, "day")
    tokyo = days_of("Asia/Tokyo")
    rollups.use_zone(fleet.archive, tokyo)
    for again in range(2):
        moved = curves.by_unit(fleet.archive, tokyo, 7, ENERGY_IMPORT, FIRST, FIRST + 9, "day")
        assert sum(moved.rise) == sum(before.rise)
        assert moved.rise != before.rise
        if not again:
            rollups.settle(fleet.archive, tokyo)


def test_space_that_is_free_is_given_back(fleet: Fleet, only_sqlite: None) -> None:
    connection = fleet.archive.connection()
    connection.execute("CREATE TABLE heap (content BLOB)")
    connection.executemany("INSERT INTO heap VALUES (zeroblob(10000))", [()] * 500)
    connection.execute("DROP TABLE heap")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    assert fleet.archive.engine.shrink()
    assert connection.execute("PRAGMA page_count").fetchone()[0] < pages - 1_000
    while fleet.archive.engine.shrink():
        pass
    assert connection.execute("PRAGMA freelist_count").fetchone()[0] < 100
