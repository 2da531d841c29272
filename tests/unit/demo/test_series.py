"""The demo's inputs: measured files, the drawn profile, and the file that a replay meter reads."""

import csv
import gzip
import statistics
from fractions import Fraction
from pathlib import Path

import click
import pytest
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_demo.plan import make_plan
from gridecho_demo.series import change_rule_w, drawn, measured, meter_file
from gridecho_node.meters.replay import ReplayMeter

from tests.rigs.places import SHARED

HEAD = "local_time,active_power_kW,reactive_power_kvar,voltage_V,current_A\n"
SERIES = SHARED / "series"


def write(folder: Path, text: str) -> Path:
    path = folder / "series.csv"
    path.write_text(text)
    return path


def test_a_measured_file_becomes_whole_numbers_and_a_register(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD + "2007-02-01T00:00:00,1.0005,0,243.15,1.4\n2007-02-01T00:10:00,,,,\n2007-02-01T00:20:00,0.5,0,240,2\n",
    )
    series = measured(path)
    assert series.step_s == 600
    # 1000.5 W over 600 s are 166.75 Wh; what is less than a Wh is carried to the third row: 1500.5 W x 600 s = 250.08 Wh.
    assert series.rows == [
        {POWER_IMPORT: 1000, VOLTAGE_L1: 243150, CURRENT_L1: 1400, ENERGY_IMPORT: 166},
        {ENERGY_IMPORT: 166},
        {POWER_IMPORT: 500, VOLTAGE_L1: 240000, CURRENT_L1: 2000, ENERGY_IMPORT: 250},
    ]
    packed = tmp_path / "series.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert measured(packed) == series


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("local_time,voltage_V,current_A\n", "the column active_power_kW is missing"),
        (HEAD + "2007-02-01T00:00:00,much,0,1,1\n", "line 2 is not a time and numbers"),
        (HEAD + "yesterday,1,0,1,1\n", "line 2 is not a time and numbers"),
        (HEAD + "2007-02-01T00:00:00,1,0,1,1\n", "at least two rows"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(click.BadParameter, match=says):
        measured(write(tmp_path, text))


def test_the_published_series_of_a_household() -> None:
    path = SERIES / "uci_household_1min_2007-02-01_02.csv.gz"
    if not path.exists():
        pytest.skip("the measured series are not beside this checkout")
    series = measured(path)
    assert (len(series.rows), series.step_s) == (2880, 60)
    assert series.rows[0] == {POWER_IMPORT: 326, VOLTAGE_L1: 243150, CURRENT_L1: 1400, ENERGY_IMPORT: 5}
    mean_w = statistics.mean(row[POWER_IMPORT] for row in series.rows)
    assert series.rows[-1][ENERGY_IMPORT] == int(sum(row[POWER_IMPORT] for row in series.rows) / 60)
    assert series.turned(100).rows[0][POWER_IMPORT] == series.rows[100][POWER_IMPORT]
    assert 100 < mean_w < 5000


def test_the_register_is_made_from_the_power_before_it_was_rounded() -> None:
    path = SERIES / "uci_household_10min_2008.csv.gz"
    if not path.exists():
        pytest.skip("the measured series are not beside this checkout")
    with gzip.open(path, "rt", newline="") as file:
        power_kw = [Fraction(row["active_power_kW"] or 0) for row in csv.DictReader(file)]
    assert measured(path).rows[-1][ENERGY_IMPORT] == int(sum(power_kw) * 1000 / 6)


def test_drawn_households_are_repeatable_different_and_plausible() -> None:
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again
    assert first != other
    year_kwh = first.rows[-1][ENERGY_IMPORT] / 1000 / 7 * 365
    assert 1000 < year_kwh < 9000
    energy = [row[ENERGY_IMPORT] for row in first.rows]
    assert energy == sorted(energy)
    steps = [abs(b[POWER_IMPORT] - a[POWER_IMPORT]) for a, b in zip(first.rows, first.rows[1:], strict=False)]
    rule_w = change_rule_w(first)
    share = sum(step >= rule_w for step in steps) / len(steps)
    assert 0.15 < share < 0.25


def test_the_meter_reads_back_what_was_written(tmp_path: Path) -> None:
    rows = [{ENERGY_IMPORT: 1, POWER_IMPORT: 2}, {ENERGY_IMPORT: 3}, {ENERGY_IMPORT: 4, POWER_IMPORT: -5}]
    path = tmp_path / "meter.csv"
    path.write_bytes(meter_file(rows))
    meter = ReplayMeter(str(path), loop=False)
    assert [meter.read(0) for _ in rows] == rows
    assert meter.read(0) is None
    meter.close()


def test_a_timed_plan_has_as_many_rows_as_the_time_holds() -> None:
    plan = make_plan(None, sensors=2, relays=3, speed=600, for_s=30)
    assert plan.period_ms == 100
    assert {len(rows) for rows in plan.inputs.values()} == {300}
    fastest = min(plan.delays_before_ms, key=lambda relay: plan.delays_before_ms[relay])
    assert plan.delays_after_ms[fastest] == max(plan.delays_after_ms.values())
    assert max(plan.delays_before_ms.values()) < plan.rtt_limit_ms < plan.delays_after_ms[fastest]
    assert make_plan(None, 1, 1, None, 5).relay_ids == [1]


def test_a_series_that_is_too_short_begins_again_and_its_register_counts_on(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "2007-02-01T00:00:00,3.6,0,230,1\n2007-02-01T00:01:00,7.2,0,230,1\n")
    plan = make_plan(path, sensors=1, relays=1, speed=60, for_s=5)
    assert [row[ENERGY_IMPORT] for row in plan.inputs[1]] == [60, 180, 180, 300, 300]
