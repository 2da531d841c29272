"""What the demo's meters show: a measured household series from a file, or one drawn from a published standard load profile."""

import csv
import gzip
import io
import random
import warnings
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import click
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, FREQUENCY, POWER_IMPORT, VOLTAGE_L1
from gridecho.registers import QUANTITIES

Row = dict[int, int]

# Columns of the UCI "Individual Household Electric Power Consumption" series: name, quantity code, factor to our unit.
_MEASURED = (("active_power_kW", POWER_IMPORT, 1000), ("voltage_V", VOLTAGE_L1, 1000), ("current_A", CURRENT_L1, 1000))
_PROFILE_DAYS = 7
_PROFILE_STEP_S = 60


@dataclass(frozen=True)
class Series:
    """Readings of one household, `step_s` apart: integers by quantity code, a missing value is not there.

    `power_mw` is each row's power before it was rounded to W (0 where missing): the energy register is made from it.
    """

    rows: list[Row]
    power_mw: list[int]
    step_s: int

    def turned(self, by: int) -> "Series":
        """The same series begun at row `by`, so that several meters show different hours; its energy register starts there."""
        by %= len(self.rows)
        return _series(self.rows[by:] + self.rows[:by], self.power_mw[by:] + self.power_mw[:by], self.step_s)

    def above(self, energy_wh: int) -> "Series":
        """The same series on a meter whose register stands there already."""
        rows = [{**row, ENERGY_IMPORT: row[ENERGY_IMPORT] + energy_wh} for row in self.rows]
        return Series(rows, self.power_mw, self.step_s)


def measured(path: Path) -> Series:
    """The series in a CSV file (also gzipped) with the columns local_time, active_power_kW, voltage_V and current_A.

    Raises click.BadParameter naming the file and what is wrong with it.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path}: not a readable CSV file ({error})") from None
    reader = csv.DictReader(io.StringIO(text))
    lacking = {"local_time", *(name for name, _, _ in _MEASURED)} - set(reader.fieldnames or ())
    if lacking:
        raise click.BadParameter(f"{path}: the column {min(lacking)} is missing")
    rows: list[Row] = []
    power_mw: list[int] = []
    times: list[datetime] = []
    for fields in reader:
        try:
            times.append(datetime.fromisoformat(fields["local_time"]))
            rows.append(
                {code: round(Decimal(fields[name]) * factor) for name, code, factor in _MEASURED if fields[name]}
            )
            power_mw.append(round(Decimal(fields["active_power_kW"] or 0) * 1_000_000))
        except (ValueError, ArithmeticError, TypeError):
            raise click.BadParameter(f"{path}: line {reader.line_num} is not a time and numbers") from None
    if len(rows) < 2 or not (step_s := int((times[1] - times[0]).total_seconds())) > 0:
        raise click.BadParameter(f"{path}: at least two rows in the order of time were expected")
    return _series(rows, power_mw, step_s)


def drawn(seed: int) -> Series:
    """A week of one household by the minute, drawn around the BDEW's standard load profile H25 (2025) that `demandlib` ships.

    The profile is the mean of many households; one household is scaled to a year's use and made restless by appliances.
    """
    import pandas

    rng = random.Random(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # demandlib calls pandas in a way that newer pandas warns about
        from demandlib.bdew import H25

        index = pandas.date_range("2025-01-13", periods=_PROFILE_DAYS * 96, freq="15min")
        profile_kw = [float(value) for value in H25(index)]
    year_kwh = rng.uniform(1800, 5200)
    rows: list[Row] = []
    appliance_w, minutes_left = 0.0, 0
    for minute in range(_PROFILE_DAYS * 1440):
        # The profile is in kW for a use of 1 GWh a year.
        mean_w = profile_kw[minute // 15] * year_kwh / 1000
        if minutes_left:
            minutes_left -= 1
        else:
            busy = rng.random() < 0.08
            appliance_w = rng.choice((60.0, 350.0, 900.0, 2000.0)) if busy else 0.0
            minutes_left = rng.randrange(2, 12)
        power_w = round(mean_w * rng.uniform(0.55, 0.9) + appliance_w)
        voltage_mv = round(rng.gauss(230_500, 700) - power_w * 0.4)
        rows.append(
            {
                POWER_IMPORT: power_w,
                VOLTAGE_L1: voltage_mv,
                CURRENT_L1: round(power_w * 1_000_000 / voltage_mv),
                FREQUENCY: round(rng.gauss(50_000, 12)),
            }
        )
    return _series(rows, [row[POWER_IMPORT] * 1000 for row in rows], _PROFILE_STEP_S)


def change_rule_w(series: Series, share: float = 0.2) -> int:
    """The change of power, in W, that about `share` of the steps reach: it makes that part of the readings SEND ones."""
    powers = [row[POWER_IMPORT] for row in series.rows if POWER_IMPORT in row]
    steps = sorted(abs(b - a) for a, b in pairwise(powers))
    return max(1, steps[int(len(steps) * (1 - share))])


def meter_file(rows: list[Row]) -> bytes:
    """The rows as the file that the sensor's replay meter reads."""
    codes = sorted({code for row in rows for code in row})
    lines = [",".join(QUANTITIES[code][0] for code in codes)]
    lines += [",".join(str(row.get(code, "")) for code in codes) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _series(rows: list[Row], power_mw: list[int], step_s: int) -> Series:
    # The register is the running sum of power x step in whole Wh; what is less than a Wh is carried on.
    millijoules = 0
    result = []
    for row, power in zip(rows, power_mw, strict=True):
        millijoules += power * step_s
        result.append({**row, ENERGY_IMPORT: millijoules // 3_600_000})
    return Series(result, power_mw, step_s)
