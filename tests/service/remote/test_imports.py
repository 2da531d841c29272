"""A household's own files in a sensor: what was there stays, registers join, each is in once, and gone when it is taken back."""

import json
from collections.abc import Callable
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.api import green_button, tables
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, Actor, person
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.errors import NotFoundError, RemoteError
from gridecho_remote.rules.household import Household
from gridecho_remote.rules.imports import holes_before, table_of
from gridecho_remote.rules.roles import Role, RoleKind
from gridecho_remote.store import doctor, enrol, queries, timeline, undated, users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import audit, green, imports, places, sensors
from gridecho_remote.use.tidying import tidy

from tests.rigs.fleet import Fleet
from tests.rigs.plain_rollups import check_rollups

ZONE = "Europe/Berlin"
DAYS = days_of(ZONE)
E, P, V = ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
DAY_S, ALL = 86_400, (1 << 40) - 1
EVER = timeline.Span(0, 1 << 32)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


T0 = at("2026-10-20 00:00")  # from here on it was measured, each ten minutes


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    return make_fleet(now_s=T0 + 30 * DAY_S, time_zone=ZONE)


@pytest.fixture
def measured(fleet: Fleet) -> Fleet:
    """With two days of readings of sensor 7."""
    for n in range(0, 288, 12):
        fleet.send(fleet.frame(7, [Reading(T0 + 600 * i, {E: 50_000 + 10 * i, P: i}) for i in range(n, n + 12)]))
    return fleet


def csv_file(some: list[tuple[int, int]], column: str = "1-0:1.8.0 [Wh]") -> bytes:
    return "\n".join([f"time,{column}", *(f"{time_s},{value}" for time_s, value in some), ""]).encode()


def hourly(begin_s: int, wh: list[int], uom: int = 72, behaviour: int = 4, step_s: int = 3_600) -> bytes:
    """A Green Button file: energy, or other values, by the hour."""
    readings = "".join(
        f"<i:IntervalReading><i:timePeriod><i:duration>{step_s}</i:duration><i:start>{begin_s + step_s * n}</i:start>"
        f"</i:timePeriod><i:value>{value}</i:value></i:IntervalReading>"
        for n, value in enumerate(wh)
    )
    return (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:i="http://naesb.org/espi">'
        '<entry><link rel="self" href="M/1"/><link rel="related" href="M/1/IntervalBlock"/>'
        '<link rel="related" href="R/1"/><content><i:MeterReading/></content></entry>'
        '<entry><link rel="self" href="R/1"/><link rel="up" href="R"/><content><i:ReadingType>'
        f"<i:accumulationBehaviour>{behaviour}</i:accumulationBehaviour><i:flowDirection>1</i:flowDirection>"
        f"<i:powerOfTenMultiplier>0</i:powerOfTenMultiplier><i:uom>{uom}</i:uom></i:ReadingType></content></entry>"
        '<entry><link rel="self" href="M/1/IntervalBlock/1"/><link rel="up" href="M/1/IntervalBlock"/>'
        f"<content><i:IntervalBlock>{readings}</i:IntervalBlock></content></entry></feed>"
    ).encode()


def take(fleet: Fleet, content: bytes, sensor_id: int = 7, actor: Actor = OPERATOR) -> imports.Taken:
    """Takes a file in: as its preview says, and what is kept of its days is right."""
    preview = imports.preview(fleet.site, actor, sensor_id, content)
    taken = imports.take(fleet.site, actor, sensor_id, content, "a file.csv")
    assert preview.number is None and taken.number
    assert [getattr(preview, name) for name in SAME] == [getattr(taken, name) for name in SAME]
    settled(fleet)
    return taken


SAME = ("readings", "first_s", "last_s", "codes", "left_out", "differences", "ambiguous")


def settled(fleet: Fleet) -> None:
    tidy(fleet.site)
    check_rollups(fleet.archive, DAYS)
    assert list(doctor.problems(fleet.archive)) == []
    assert queries.gaps(fleet.archive, 7) == []


def left_out(taken: imports.Taken) -> dict[str, int]:
    return {why.code: count for why, count in taken.left_out}


def readings(fleet: Fleet, sensor_id: int = 7, mask: int = ALL) -> list[tuple[int, int, dict[int, int]]]:
    """(time, epoch, values) of all."""
    parts = timeline.stream(fleet.archive, sensor_id, mask, EVER)
    return [(item.time_s, item.epoch, item.values) for part in parts for item in part.rows()]


def energy(fleet: Fleet, first: date, last: date, unit: str, sensor_id: int = 7) -> list[int]:
    """What the register rose by, as a person sees it."""
    return list(sensors.energy(fleet.site, eve(fleet), sensor_id, 1 << E, first, last, unit).rise)


def eve(fleet: Fleet) -> Actor:
    """Somebody who sees all."""
    if not users.is_taken(fleet.archive, "eve"):
        fleet.person("eve")
        add_grant(fleet.archive, "eve", region="north")
    return person(users.user_id(fleet.archive, "eve"))


def contents(fleet: Fleet) -> dict[str, object]:
    """What is stored of readings, and what is known of them."""
    connection = fleet.archive.connection()
    found: dict[str, object] = {}
    for table in ("block", "day_rollup", "hour_rollup", "stale", "loose", "route", "state"):
        some = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        found[table] = sorted(tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in some)
    return found


def test_history_before_the_sensor_is_there_and_joins_its_register(measured: Fleet) -> None:
    begin = T0 - 3 * DAY_S
    wh = [100 + n for n in range(72)]
    taken = take(measured, hourly(begin, wh))
    assert (taken.readings, taken.codes, taken.differences) == (72, [E], [E])
    assert left_out(taken) == {"import-there": 1}  # midnight itself was measured
    there = [one for one in readings(measured) if not one[1]]
    total = sum(wh)
    expected = [50_000 - total + sum(wh[:n]) for n in range(72)]
    assert there == [(begin + 3_600 * n, 0, {E: value}) for n, value in enumerate(expected)]
    assert energy(measured, date(2026, 10, 17), date(2026, 10, 19), "day") == [
        sum(wh[:24]),
        sum(wh[24:48]),
        sum(wh[48:]),
    ]
    assert energy(measured, date(2026, 10, 19), date(2026, 10, 20), "hour")[:25] == [*wh[48:], 60]
    assert energy(measured, date(2026, 10, 1), date(2026, 10, 31), "month") == [total + 287 * 10]


def test_a_file_that_goes_on_while_it_is_measured_fills_what_is_empty_only(measured: Fleet) -> None:
    begin = T0 - 3_600 * 4 - 1_200  # its hours end at twenty minutes to
    taken = take(measured, hourly(begin, [60] * 80))
    assert left_out(taken)["import-there"] == 50
    there = [(time_s, values[E]) for time_s, epoch, values in readings(measured) if not epoch]
    before, after = [one for one in there if one[0] < T0], [one for one in there if one[0] > T0]
    # The interval over the seam is shared out: a third of it is after the first reading.
    assert before == [(begin + 3_600 * n, 50_000 - 20 - 60 * (4 - n)) for n in range(4)]
    assert {b - a for (_, a), (_, b) in pairwise(after)} == {60}
    last = T0 + 287 * 600
    assert after[0][0] - last >= 3_600
    assert after[0][1] == 50_000 + 287 * 10 + round((after[0][0] - last) / 60)
    assert len(before) + len(after) == taken.readings


def test_a_register_that_would_be_below_zero_is_another_meter(measured: Fleet) -> None:
    wh = [1_000] * 72
    take(measured, hourly(T0 - 3 * DAY_S, wh))
    there = [values[E] for _, epoch, values in readings(measured) if not epoch]
    assert there == [1_000 * n for n in range(72)]
    assert energy(measured, date(2026, 10, 17), date(2026, 10, 20), "day") == [24_000, 24_000, 23_000, 1_440]


def test_without_a_reading_after_it_the_register_goes_on_from_the_one_before(measured: Fleet) -> None:
    last = 50_000 + 287 * 10
    take(measured, hourly(T0 + 5 * DAY_S, [5, 6, 7]))
    assert [values[E] for _, epoch, values in readings(measured) if not epoch] == [last, last + 5, last + 11, last + 18]
    take(measured, hourly(T0, [5, 6]), sensor_id=8)
    assert [values[E] for _, _, values in readings(measured, 8)] == [0, 5, 11]


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_days_of_other_lengths_have_their_hours(fleet: Fleet, day: str, hours: int) -> None:
    begin = at(f"{day} 00:00")
    wh = [7 * n + 1 for n in range(hours + 24)]
    take(fleet, hourly(begin, wh))
    when = date.fromisoformat(day)
    assert energy(fleet, when, when, "hour") == wh[:hours]
    assert energy(fleet, when, when, "day") == [sum(wh[:hours])]
    # The same by local times, as portals write them.
    local = [
        datetime.fromtimestamp(begin + 3_600 * n, ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M") for n in range(hours + 1)
    ]
    text = "local;1-0:1.8.0 [kWh]\n" + "".join(f"{one};{sum(wh[:n]) / 1_000:.3f}\n" for n, one in enumerate(local))
    taken = take(fleet, text.replace(".", ",").replace("1-0:1,8,0", "1-0:1.8.0").encode(), sensor_id=8)
    assert taken.ambiguous == (2 if hours == 25 else 0)
    assert energy(fleet, when, when, "hour", 8)[: hours - 1] == wh[: hours - 1]


@pytest.mark.parametrize("begin", [at("2026-10-24 00:00"), at("2026-03-28 00:00")])
def test_what_was_exported_is_the_same_in_another_sensor(fleet: Fleet, begin: int) -> None:
    fleet.clock.now_s = begin + 40 * DAY_S
    some = [Reading(begin + 600 * n, {E: 10**9 + n * n, P: -n, V: 230_000 + n}) for n in range(400)]
    some += [Reading(begin + 300_000 + n, {P: n}) for n in range(30)]
    for n, part in enumerate([some[:200], some[200:400], some[400:]]):
        fleet.send(*(fleet.frame(7, part[i : i + 20], epoch=n + 1) for i in range(0, len(part), 20)))
    found = sensors.export(fleet.site, eve(fleet), 7, ALL, EVER)
    text = "".join(tables.csv_of(found.parts, found.codes))
    taken = take(fleet, text.encode(), sensor_id=8)
    assert (taken.readings, taken.left_out, taken.bad) == (430, [], [])
    assert [(one[0], one[2]) for one in readings(fleet, 8)] == [(one[0], one[2]) for one in readings(fleet, 7)]
    for unit in ("raw", "hour", "day"):
        file = "".join(
            green_button.feed(7, green.export(fleet.site, eve(fleet), 7, ALL, EVER, unit), ZONE, fleet.clock())
        )
        enrol.enrol_sensor(fleet.archive, 70, "x", "north", "public", bytes(32))
        number = take(fleet, file.encode(), sensor_id=70).number
        first, last = DAYS.date_of(int(DAYS.number(begin))), DAYS.date_of(int(DAYS.number(begin + 299_999)))
        for by in ("hour", "day") if unit != "day" else ("day",):
            right, found_there = energy(fleet, first, last, by), energy(fleet, first, last, by, 70)
            assert found_there[: len(right)] == right
            assert not any(found_there[len(right) :])  # the register's last reading begins a period
        if unit == "raw":
            rise = [(time_s, values[E]) for time_s, _, values in readings(fleet, 70) if E in values]
            assert rise == [(one.time_s, one.values[E] - 10**9) for one in some[:400]]
        imports.take_back(fleet.site, OPERATOR, 70, number or 0)
        fleet.archive.connection().execute("DELETE FROM sensor WHERE id = 70")


def test_a_file_is_in_once(measured: Fleet) -> None:
    content = csv_file([(T0 - 3_600 * n, 40_000 - n) for n in range(1, 50)])
    first = take(measured, content)
    before = contents(measured)
    again = imports.take(measured.site, OPERATOR, 7, content, "another name.csv")
    assert (again.known, again.number, again.readings) == (True, first.number, 49)
    assert imports.preview(measured.site, OPERATOR, 7, content).known
    assert contents(measured) == before
    assert len(imports.all_of(measured.site, OPERATOR, 7)) == 1
    assert take(measured, content, sensor_id=8).readings == 49  # of another sensor it is another import


def test_of_two_who_bring_the_same_file_one_takes_it_in(measured: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    content = csv_file([(T0 - 3_600 * n, 40_000 - n) for n in range(1, 50)])
    read = imports.read_csv

    def taken_in_meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(imports, "read_csv", read)
        measured.site.reading_file.release()  # as another process has its own
        first = imports.take(measured.site, OPERATOR, 7, content, "")
        measured.site.reading_file.acquire()
        assert not first.known
        return read(*given)

    monkeypatch.setattr(imports, "read_csv", taken_in_meanwhile)
    assert imports.take(measured.site, OPERATOR, 7, content, "").known
    assert len(imports.all_of(measured.site, OPERATOR, 7)) == 1
    settled(measured)


def test_a_file_full_of_holes_makes_not_too_many_blocks(measured: Fleet) -> None:
    times = [T0 - 40_000_000 + 5_000 * (n // 2) + n % 2 for n in range(6_000)]
    table = table_of(Household({time_s: {E: n} for n, time_s in enumerate(times)}))
    assert holes_before(table.times_s).sum() <= 1_000
    take(measured, csv_file([(time_s, n) for n, time_s in enumerate(times)]))


def test_of_files_that_overlap_the_first_stays(measured: Fleet) -> None:
    take(measured, csv_file([(T0 - 900 * n, 40_000 - n) for n in range(40, 60)]))
    other = take(measured, csv_file([(T0 - 900 * n, 7) for n in range(30, 70)]))
    assert (other.readings, left_out(other)) == (20, {"import-there": 20})
    with pytest.raises(RemoteError, match="import-nothing"):
        imports.take(measured.site, OPERATOR, 7, csv_file([(T0 - 900 * 45, 8), (T0 + 600, 9)]), "")
    voltage = csv_file([(T0 - 900 * n, 230_000) for n in range(40, 60)], "1-0:32.7.0")
    assert take(measured, voltage).readings == 20  # of another quantity there was none


def test_what_is_taken_back_leaves_all_as_it_was(measured: Fleet) -> None:
    settled(measured)
    take(measured, csv_file([(T0 - 60 * n, 40_000 - n) for n in range(20, 5_000)]))
    kept = readings(measured)
    before = contents(measured)
    one = take(measured, hourly(T0 - 40 * DAY_S, [9] * 900))
    two = take(measured, csv_file([(T0 - 60 * n, n) for n in range(20, 5_000)], "1-0:1.7.0"))
    for number in (one.number, two.number):
        assert imports.take_back(measured.site, OPERATOR, 7, number or 0) == 0
    settled(measured)
    assert readings(measured) == kept
    assert contents(measured) == before
    states = [(info.id, info.taken_back_ms is None) for info in imports.all_of(measured.site, OPERATOR, 7)]
    assert states == [(two.number, False), (one.number, False), (one.number - 1, True)]
    with pytest.raises(NotFoundError):
        imports.take_back(measured.site, OPERATOR, 7, one.number or 0)
    again = take(measured, hourly(T0 - 40 * DAY_S, [9] * 900))  # it may come again
    assert (again.readings, again.known) == (one.readings, False)


def test_who_may_and_of_when(measured: Fleet) -> None:
    for name in ("ada", "bob", "kim", "run"):
        measured.person(name)
    ids = {name: users.user_id(measured.archive, name) for name in ("ada", "bob", "kim", "run")}
    add_grant(measured.archive, "bob", region="north")
    span = T0 - 10 * DAY_S, T0 - 5 * DAY_S
    places.begin_contract(measured.site, OPERATOR, 7, "ada", *span)
    content = csv_file([(T0 - 3_600 * n, 40_000 - n) for n in range(1, 300)])
    with pytest.raises(RemoteError) as refused:
        imports.preview(measured.site, person(ids["bob"]), 7, content)
    assert refused.value.code == "import-not-yours"
    for use in (imports.preview, imports.all_of, imports.take_back):
        for sensor_id in (7, 99):
            given = {imports.preview: (content,), imports.take_back: (1,)}.get(use, ())
            with pytest.raises(NotFoundError) as none:
                use(measured.site, person(ids["kim"]), sensor_id, *given)
            assert none.value.code == "sensor-not-shared"
    ada = person(ids["ada"])
    taken = take(measured, content, actor=ada)
    assert (taken.first_s, taken.last_s, taken.readings) == (span[0], span[1] - 3_600, 120)
    assert left_out(taken) == {"import-not-of-yours": 179}
    operator = person(ids["run"], [Role(RoleKind.OPERATOR)])
    more = take(measured, content + b"\n", actor=operator)
    assert (more.readings, left_out(more)) == (179, {"import-there": 120})
    with pytest.raises(NotFoundError):
        imports.take_back(measured.site, operator, 99, 1)
    assert [one.id for one in imports.all_of(measured.site, ada, 7)] == [taken.number]
    assert [one.user for one in imports.all_of(measured.site, operator, 7)] == ["run", "ada"]
    with pytest.raises(NotFoundError):
        imports.take_back(measured.site, ada, 7, more.number or 0)
    imports.take_back(measured.site, ada, 7, taken.number or 0)
    settled(measured)
    whats = [(entry.what, entry.subject) for entry in audit.newest(measured.site, OPERATOR, 3)]
    assert whats == [("imports.take_back", "sensor 7"), ("imports.take", "sensor 7"), ("imports.take", "sensor 7")]


def test_a_register_of_others_tells_a_subject_nothing(measured: Fleet) -> None:
    """What it shows in the next household's time is theirs."""
    measured.person("ada")
    places.begin_contract(measured.site, OPERATOR, 7, "ada", T0 - 10 * DAY_S, T0 - 5 * DAY_S)
    ada = person(users.user_id(measured.archive, "ada"))
    preview = imports.preview(measured.site, ada, 7, hourly(T0 - 9 * DAY_S, [5] * 24))
    assert (preview.readings, left_out(preview)) == (0, {"import-no-register": 25})


def test_nothing_half_is_taken_in(measured: Fleet) -> None:
    before = contents(measured)
    content = csv_file([(T0 - 900 * n, 40_000 - n) for n in range(40, 60)]) + b"x,1\n1,y\n"
    preview = imports.preview(measured.site, OPERATOR, 7, content)
    assert [(line, error.code) for line, error in preview.bad] == [(22, "import-time"), (23, "import-value")]
    assert preview.readings == 20
    with pytest.raises(RemoteError) as refused:
        imports.take(measured.site, OPERATOR, 7, content, "")
    assert (refused.value.code, refused.value.fields) == ("import-lines", {"count": 2, "line": 22})
    ahead = csv_file([(int(measured.clock()) + n, 1) for n in (100, 200)])
    assert left_out(imports.preview(measured.site, OPERATOR, 7, ahead)) == {"import-ahead": 2}
    assert contents(measured) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import-columns"),
        (b"\xff\xfe<\x00", "import-text"),
        (b"<" * 1_000, "import-no-green"),
        (b"<a>" * 100_000, "import-no-green"),
        (csv_file([(1, 1), (1_700_000_000, 2)]), "import-span"),
        (b"x" * (imports.MOST_BYTES + 1), "import-large"),
        (b'"' + b"x" * 200_000, "import-column"),
    ],
)
def test_what_is_no_such_file_is_refused(fleet: Fleet, content: bytes, code: str) -> None:
    with pytest.raises(RemoteError) as refused:
        imports.take(fleet.site, OPERATOR, 7, content, "")
    assert refused.value.code == code


def test_what_is_past_its_age_is_not_filled(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(now_s=T0 + DAY_S, time_zone=ZONE, keep_days={"1-0:1.7.0": 3})
    fleet.send(fleet.frame(7, [Reading(T0 + 600 * i, {P: i}) for i in range(100)]))
    fleet.clock.now_s = T0 + 10 * DAY_S
    tidy(fleet.site)
    content = csv_file([(T0 + 900 * n, n) for n in range(-40, 120)], "1-0:1.7.0")
    taken = imports.take(fleet.site, OPERATOR, 7, content, "")
    assert left_out(taken) == {"import-day-gone": 96}
    tidy(fleet.site)
    # Its readings of the other days are past their age, too, and go; what is known of them stays, until it is taken back.
    assert readings(fleet) == []
    days = fleet.archive.connection().execute("SELECT day, cut FROM day_rollup ORDER BY day").fetchall()
    assert [day - days[0][0] for day, _ in days] == [0, 1, 2]
    assert imports.take_back(fleet.site, OPERATOR, 7, taken.number or 0) == 0
    tidy(fleet.site)
    left = fleet.archive.connection().execute("SELECT day, cut FROM day_rollup").fetchall()
    assert left == [days[1]]


def test_what_was_imported_is_told_apart(measured: Fleet) -> None:
    take(measured, csv_file([(T0 - 900 * n, 40_000 - n) for n in range(1, 60) if n not in range(20, 40)]))
    found, _ = sensors.readings(measured.site, eve(measured), 7, 1 << E, EVER, 5, None)
    assert [tables.reading(item)["epoch"] for item in found.rows()] == [0] * 5
    curve = sensors.thinned(measured.site, eve(measured), 7, 1 << E, EVER, 2_000)
    assert curve.breaks == [(T0 - 900 * 40, T0 - 900 * 19)]
    assert undated.stretches(measured.archive) == []
    assert queries.count_data(measured.archive, 7) == 24
    assert enrol.highest_epoch(measured.archive, 7) == 1
    one = sensors.shared.granted(measured.site, eve(measured), 7)
    assert imports.spans(measured.site, one) == [(T0 - 900 * 59, T0 - 900 + 1)]


def test_at_the_terminal(measured: Fleet, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(remote, [*words, "--config", str(config)])
        assert result.exit_code == code, result.output
        return result

    config = settings_of(measured, tmp_path)
    file = tmp_path / "own.csv"
    file.write_bytes(csv_file([(T0 - 900 * n, 40_000 - n) for n in range(60)]))
    said = run("import", "7", str(file), "--preview").output
    assert "Nothing is taken in yet; there would be 59 readings" in said
    assert "Left out: 1, because there are readings of these times already." in said
    told = json.loads(run("import", "7", str(file), "--json").output)
    assert (told["readings"], told["known"], told["quantities"]) == (59, False, ["1-0:1.8.0"])
    assert "is in already" in run("import", "7", str(file)).output
    assert json.loads(run("imports", "list", "7", "--json").output)[0]["file"] == "own.csv"
    assert "is gone" in run("imports", "take-back", "7", str(told["id"])).output
    bad = tmp_path / "bad.csv"
    bad.write_text("time,1-0:1.8.0\nx,1\n")
    assert "Line 2: a time was expected" in run("import", "7", str(bad), code=1).output
    assert "no import 77" in run("imports", "take-back", "7", "77", code=1).output
    settled(measured)


def settings_of(fleet: Fleet, folder: Path) -> Path:
    key = folder / "remote.key"
    key.write_text(fleet.kek.hex())
    key.chmod(0o600)
    config = folder / "remote.toml"
    config.write_text(f'database = "{fleet.database}"\nkey_file = "{key}"\ntime_zone = "{ZONE}"\n')
    return config
