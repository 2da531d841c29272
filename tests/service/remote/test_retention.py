"""Readings that are past their quantity's age: they go, and all that is known without them stays."""

import logging
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, SPOOLED, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_common.settings import SettingsError
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.store import compaction, curves, doctor, queries, retention, rollups, timeline, undated
from gridecho_remote.store.timeline import Span
from gridecho_remote.use.tidying import tidy

from tests.rigs import stored
from tests.rigs.fleet import Fleet

ZONE = "Europe/Berlin"
DAYS = days_of(ZONE)
T0 = int(datetime(2026, 10, 23, 12, tzinfo=ZoneInfo(ZONE)).timestamp())  # two nights before summer time ends
FIRST = DAYS.day_of(date(2026, 10, 23))
DAY_S, STEP_S = 86_400, 600
EVER, ALL = Span(0, 1 << 32), (1 << 56) - 1
E, P, V = ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
AGES = {"1-0:32.7.0": 10, "1-0:1.7.0": 12}  # voltage, power


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    return make_fleet(now_s=T0 + 5 * DAY_S, time_zone=ZONE, keep_days=AGES)


class KilledError(Exception):
    """In place of the end of the process."""


def reading(n: int) -> Reading:
    return Reading(T0 + STEP_S * n, {E: 1_000 + 7 * n, P: n * 31 % 3_000, V: 230_000 + n * 17 % 900})


def frames(fleet: Fleet, sensor_id: int = 7) -> list[bytes]:
    """192 datagrams of three readings each, four days in all."""
    return [fleet.frame(sensor_id, [reading(n), reading(n + 1), reading(n + 2)], n // 3) for n in range(0, 576, 3)]


def tidied(fleet: Fleet) -> None:
    tidy(fleet.site)
    assert fleet.archive.connection().execute("SELECT count(*) FROM stale").fetchone() == (0,)
    assert list(doctor.problems(fleet.archive)) == []


def on_day(fleet: Fleet, day: int) -> None:
    """Noon of a day, counted from the first one; all that is to be done by then is done."""
    fleet.clock.now_s = float(DAYS.starts_s[FIRST + day] + DAY_S // 2)
    tidied(fleet)


def known(fleet: Fleet, days=DAYS) -> list[object]:
    """What is told of sensor 7 without its readings."""
    found: list[object] = []
    for code in (E, P, V):
        for unit in curves.UNITS[1:]:
            one = curves.by_unit(fleet.archive, days, 7, code, FIRST - 1, FIRST + 9, unit)
            found.append([one.begins_s.tolist(), one.dates, one.rise, one.stats.tolist()])
        with fleet.archive.reading() as connection:
            begin_s = int(days.starts_s[FIRST])
            for width_s in (7_200, DAY_S):
                some = curves.stretches(connection, days, 7, code, begin_s, begin_s + 6 * DAY_S, width_s)
                found.append(some.tolist())
        thin = timeline.thinned(fleet.archive, days, 7, code, EVER, 60)
        found.append([(item.time_s, item.values) for item in thin.items])
        found.append(curves.of_region(fleet.archive, days, "north", FIRST, FIRST + 4, code))
    return [*found, queries.gaps(fleet.archive, 7), queries.count_data(fleet.archive)]


def left(fleet: Fleet) -> dict[int, list[int]]:
    """The times of the readings of each quantity."""
    times: dict[int, list[int]] = {}
    for part in timeline.stream(fleet.archive, 7, ALL, EVER):
        for item in part.rows():
            for code in item.values:
                times.setdefault(code, []).append(item.time_s)
    return times


def all_times(count: int = 576) -> list[int]:
    return [T0 + STEP_S * n for n in range(count)]


def rolled_up(fleet: Fleet, sensor_id: int) -> list[object]:
    """The hours and days of a sensor."""
    parts = [
        curves.by_unit(fleet.archive, DAYS, sensor_id, code, FIRST, FIRST + 9, unit)
        for code in (E, P, V)
        for unit in ("hour", "day")
    ]
    return [[part.begins_s.tolist(), part.rise, part.stats.tolist()] for part in parts]


def test_what_is_past_its_age_goes_a_day_at_a_time_and_what_is_known_stays(fleet: Fleet) -> None:
    fleet.send(*frames(fleet), fleet.frame(7, [Reading(T0 + 10, {SPOOLED: 5})], 192))
    on_day(fleet, 6)
    before = known(fleet)
    for day in range(6, 20):
        on_day(fleet, day)
        assert known(fleet) == before
        times = left(fleet)
        assert times[E] == all_times()
        for code, age in ((V, 10), (P, 12)):
            gone = set(all_times()) - set(times.get(code, []))
            # Each is kept for so many days, and goes with the last one of its block, which may be of the next day.
            assert all(DAYS.number(time_s) < FIRST + day - age for time_s in gone)
            assert {time_s for time_s in all_times() if DAYS.number(time_s) < FIRST + day - age - 1} <= gone
        assert times[SPOOLED] == [T0 + 10]
    assert set(left(fleet)) == {E, SPOOLED}


def test_without_ages_all_is_kept(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(now_s=T0 + 5 * DAY_S, time_zone=ZONE)
    fleet.send(*frames(fleet))
    on_day(fleet, 20_000)
    assert left(fleet) == dict.fromkeys((E, P, V), all_times())


def test_what_came_already_is_known_though_it_is_cut(fleet: Fleet) -> None:
    some = frames(fleet)
    fleet.send(*some[:100], *some[103:])
    on_day(fleet, 20)
    before, there = known(fleet), left(fleet)
    assert [(gap.first_seq, gap.last_seq) for gap in queries.gaps(fleet.archive, 7)] == [(100, 102)]
    other = fleet.frame(7, [Reading(T0, {P: 1})], 3)  # whether it is the same nobody can tell any more
    receipt = fleet.send(*some[:100], other, *some[103:], relay_id=2)
    assert (receipt.stored, receipt.known, receipt.quarantined) == (0, 190, 0)
    on_day(fleet, 21)
    assert (known(fleet), left(fleet)) == (before, there)


def test_a_block_of_which_nothing_is_left_still_says_what_was_there(fleet: Fleet) -> None:
    some = [fleet.frame(7, [Reading(T0 + 5 * STEP_S * n, {V: 230_000 + n})], n) for n in range(100)]
    fleet.send(*some)
    on_day(fleet, 5)
    before = known(fleet)
    on_day(fleet, 20)
    assert left(fleet) == {}
    assert known(fleet) == before
    assert queries.count_data(fleet.archive, 7) == 100
    assert queries.count_readings(fleet.archive, 7) == 0
    assert stored.data(fleet.archive.connection().execute(stored.BLOCKS).fetchall()) == []
    assert fleet.send(*some).known == 100


@pytest.mark.parametrize("order", [1, -1])
def test_data_that_come_late_are_counted_and_cut(fleet: Fleet, order: int) -> None:
    some = frames(fleet)
    fleet.send(*some)
    on_day(fleet, 6)
    right = rolled_up(fleet, 7)
    # The same of another sensor, from a relay that was away for long, some at a time.
    fleet.clock.now_s = T0 + 40 * DAY_S
    other = frames(fleet, 8)
    for at in range(0, len(other), 29)[::order]:
        fleet.send(*other[at : at + 29])
        before = rolled_up(fleet, 8)
        tidied(fleet)
        assert rolled_up(fleet, 8) == before
    assert rolled_up(fleet, 8) == rolled_up(fleet, 7) == right
    codes = {
        code for part in timeline.stream(fleet.archive, 8, ALL, EVER) for item in part.rows() for code in item.values
    }
    assert codes == {E}


def test_a_late_datum_among_what_was_cut_leaves_what_is_known_and_goes(fleet: Fleet) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 20)
    before = known(fleet)
    fleet.send(fleet.frame(7, [Reading(T0 + DAY_S + 5, {P: 99_999, V: 1})], epoch=2))
    assert known(fleet)[:-1] == before[:-1]
    on_day(fleet, 20)
    assert known(fleet)[:-1] == before[:-1]
    assert set(left(fleet)) == {E}
    assert queries.count_data(fleet.archive) == 193


def test_a_shorter_age_catches_up_and_a_longer_one_brings_nothing_back(fleet: Fleet) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 12)
    archive, now_s = fleet.archive, fleet.clock()

    def tidied_with(ages: dict[int, int]) -> list[int]:
        retention.mark(archive, DAYS, now_s, ages)
        rollups.settle(archive, DAYS)
        compaction.settle(archive, DAYS, now_s, ages=ages)
        return left(fleet).get(E, [])

    before = known(fleet)
    assert tidied_with({E: 30}) == all_times()
    some = tidied_with({E: 9})
    assert 0 < len(some) < 576
    assert tidied_with({E: 30}) == some
    assert tidied_with({}) == some
    assert tidied_with({E: 30}) == some
    assert tidied_with({E: 1}) == []
    assert known(fleet) == before


def test_what_was_marked_and_not_cut_is_cut_the_next_time(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 6)
    before, there = known(fleet), left(fleet)
    fleet.clock.now_s = T0 + 30 * DAY_S
    real, calls = retention.cut, []

    def killed_before_it_is_noted(*_: object) -> None:
        raise KilledError

    def killed_at_the_third(*words: object) -> bool:
        calls.append(words)
        if len(calls) == 3:
            raise KilledError
        return real(*words)

    with monkeypatch.context() as patch:
        patch.setattr(type(fleet.archive), "set_meta", killed_before_it_is_noted)
        with pytest.raises(KilledError):
            tidy(fleet.site)
    assert left(fleet) == there
    with monkeypatch.context() as patch:
        patch.setattr(retention, "cut", killed_at_the_third)
        with pytest.raises(KilledError):
            tidy(fleet.site)
    assert left(fleet) == there  # the days of a sensor are one transaction
    tidied(fleet)
    assert set(left(fleet)) == {E}
    assert known(fleet) == before


def test_what_no_rollup_has_yet_is_not_cut(fleet: Fleet) -> None:
    fleet.clock.now_s = T0 + 30 * DAY_S
    fleet.send(*frames(fleet))
    before = known(fleet)
    assert compaction.settle(fleet.archive, DAYS, fleet.clock(), ages={P: 12, V: 10}) == 0
    assert left(fleet) == dict.fromkeys((E, P, V), all_times())
    tidied(fleet)
    assert set(left(fleet)) == {E}
    assert known(fleet) == before


def test_a_damaged_block_keeps_its_days_and_no_others(fleet: Fleet) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 6)
    before = rolled_up(fleet, 7)
    connection = fleet.archive.connection()
    begin_s, end_s = DAYS.starts_s[[FIRST + 2, FIRST + 3]].tolist()
    of_day = "epoch = 1 AND first_s >= ? AND first_s < ?"
    [(whole,)] = connection.execute(f"SELECT content FROM block WHERE {of_day}", (begin_s, end_s)).fetchall()  # noqa: S608
    change = f"UPDATE block SET content = ? WHERE {of_day}"  # noqa: S608
    connection.execute(change, (bytes(whole)[:-1], begin_s, end_s))
    fleet.send(fleet.frame(7, [Reading(begin_s + 40_000, {SPOOLED: 1})], epoch=2))
    fleet.clock.now_s = T0 + 30 * DAY_S
    tidy(fleet.site)
    cut = "SELECT first_s FROM block WHERE cut = 1 ORDER BY first_s"
    there = [DAYS.number(first_s) - FIRST for (first_s,) in connection.execute(cut).fetchall()]
    assert {0, 4} <= set(there)
    assert 2 not in there
    connection.execute(change, (bytes(whole), begin_s, end_s))
    tidied(fleet)
    assert set(left(fleet)) == {E, SPOOLED}
    assert rolled_up(fleet, 7) == before


def test_a_datum_of_a_wrong_clock_goes_with_its_last_reading(fleet: Fleet) -> None:
    long = [Reading(T0, {P: 1}), Reading(T0 + 9 * DAY_S, {P: 2})]
    fleet.send(fleet.frame(7, long, 0))
    on_day(fleet, 21)
    assert left(fleet) == {P: [T0, T0 + 9 * DAY_S]}
    on_day(fleet, 22)
    assert left(fleet) == {}
    thin = timeline.thinned(fleet.archive, DAYS, 7, P, EVER, 60)
    assert [(item.time_s, item.values[P]) for item in thin.items] == [(T0, 1), (T0 + 9 * DAY_S, 2)]


def test_dated_readings_have_an_age_and_undated_ones_have_none(fleet: Fleet) -> None:
    fleet.send(*(fleet.frame(7, [Reading(0, {P: n, E: n})], n, epoch=2) for n in range(300)))
    on_day(fleet, 40)
    assert undated.count(fleet.archive, 7) == 300
    undated.date(fleet.archive, 7, 2, T0, STEP_S, DAYS)
    undated.date(fleet.archive, 7, 2, T0 + 1, STEP_S, DAYS)
    before = known(fleet)
    tidied(fleet)
    assert left(fleet) == {E: [time_s + 1 for time_s in all_times(300)]}
    assert known(fleet) == before
    with pytest.raises(RemoteError) as caught:
        undated.date(fleet.archive, 7, 2, T0 + 2, STEP_S, DAYS)
    assert caught.value.code == "dated-cut"
    assert fleet.send(fleet.frame(7, [Reading(0, {P: 0, E: 0})], 0, epoch=2)).known == 1


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_in_another_zone_the_hours_that_are_known_are_put_together(fleet: Fleet, zone: str) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 6)
    other = days_of(zone)
    rollups.use_zone(fleet.archive, other)
    rollups.settle(fleet.archive, other)
    right = known(fleet, other)
    rollups.use_zone(fleet.archive, DAYS)
    for day in (13, 20):  # of some days something is cut, then of all
        on_day(fleet, day)
        home = known(fleet)
        rollups.use_zone(fleet.archive, other)
        for _ in range(2):
            assert known(fleet, other) == right
            rollups.settle(fleet.archive, other)
        rollups.use_zone(fleet.archive, DAYS)
        assert known(fleet) == home


def test_an_hour_that_a_zone_divides_goes_where_its_first_reading_is(fleet: Fleet) -> None:
    fleet.send(*frames(fleet))
    on_day(fleet, 20)
    before = sum(curves.by_unit(fleet.archive, DAYS, 7, P, FIRST, FIRST + 9, "day").stats["count"])
    half = days_of("Asia/Kolkata")
    rollups.use_zone(fleet.archive, half)
    rollups.settle(fleet.archive, half)
    moved = curves.by_unit(fleet.archive, half, 7, P, FIRST, FIRST + 9, "hour")
    assert moved.stats["count"].sum() == before == 576
    assert set(moved.stats["count"].tolist()) == {6}


def test_the_log_says_what_expires(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gridecho.remote")
    on_day(fleet, 20)
    on_day(fleet, 20)
    assert caplog.messages == [
        f"readings-expired quantity={P} before=2026-10-31",
        f"readings-expired quantity={V} before=2026-11-02",
    ]


def test_ages_are_checked(tmp_path, only_sqlite: None) -> None:
    path = tmp_path / "remote.toml"
    path.write_text('[keep_days]\n"1-0:32.7.0" = 90\n')
    assert read_remote_settings(path).keep_days == {"1-0:32.7.0": 90}
    path.write_text('[keep_days]\n"1-0:32.7.0" = 0\n"state.spooled" = 3\n')
    with pytest.raises(SettingsError) as caught:
        read_remote_settings(path)
    few, unknown = sorted(str(caught.value).splitlines())
    assert few == f'{path}: "keep_days.1-0:32.7.0": input should be greater than or equal to 1, not 0'
    assert unknown.startswith(f'{path}: "keep_days.state.spooled": the OBIS name of a quantity')
