"""The replayed meter on real household series, which stay where they are: beside the checkout."""

import csv
import gzip
from fractions import Fraction
from pathlib import Path

import pytest
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_node.meters.replay import ReplayMeter

from tests.rigs.places import SHARED

SERIES = SHARED / "series"


def _rows(name: str, step_min: int) -> list[dict[int, int]]:
    """The series in our units: register as the running sum of power x step, in whole Wh, rounding carried on."""
    rows, energy_wh = [], Fraction(0)
    with gzip.open(SERIES / name, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = {}
            for code, column in (
                (POWER_IMPORT, "active_power_kW"),
                (VOLTAGE_L1, "voltage_V"),
                (CURRENT_L1, "current_A"),
            ):
                if row[column]:
                    values[code] = round(Fraction(row[column]) * 1000)
            if row["active_power_kW"]:
                energy_wh += Fraction(row["active_power_kW"]) * 1000 * step_min / 60
                values[ENERGY_IMPORT] = int(energy_wh)
            rows.append(values)
    return rows


@pytest.mark.parametrize(
    ("name", "step_min", "count", "empty"),
    [
        ("uci_household_1min_2007-02-01_02.csv.gz", 1, 2880, 0),
        ("uci_household_10min_2008.csv.gz", 10, 52_704, 10),
    ],
)
def test_a_real_series(tmp_path: Path, name: str, step_min: int, count: int, empty: int) -> None:
    if not (SERIES / name).exists():
        pytest.skip(f"the series {name} is not beside this checkout, in ../shared/data/series")
    rows = _rows(name, step_min)
    codes = {"1-0:1.8.0": ENERGY_IMPORT, "1-0:1.7.0": POWER_IMPORT, "1-0:32.7.0": VOLTAGE_L1, "1-0:31.7.0": CURRENT_L1}
    lines = [",".join(str(row.get(code, "")) for code in codes.values()) for row in rows]
    path = tmp_path / "series.csv"
    path.write_text("\n".join([",".join(codes), *lines]) + "\n", encoding="utf-8")
    meter = ReplayMeter(str(path), True)
    first = [meter.read(0) for _ in rows]
    assert first == rows
    assert len(rows) == count
    assert sum(not row for row in rows) == empty
    second = [meter.read(0) for _ in rows]
    meter.close()
    on_wh = max(row[ENERGY_IMPORT] for row in rows if row) - rows[0][ENERGY_IMPORT]
    assert second == [{**row, ENERGY_IMPORT: row[ENERGY_IMPORT] + on_wh} if row else {} for row in rows]
