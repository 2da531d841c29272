"""What a run of the demo is made of, decided before anything starts: sizes, delays, limits, and what each meter shows."""

from dataclasses import dataclass
from pathlib import Path

from gridecho.quantities import ENERGY_IMPORT

from .series import Row, Series, change_rule_w, drawn, measured

_LEAST_DELAY_MS = 4.0
APART_MS = 10.0
_LEAST_PERIOD_MS = 20


@dataclass(frozen=True)
class Plan:
    """Delays are added to the round trip, by relay id. `inputs` are the rows that each sensor's meter shows, in order.

    `city`: households by sensor id, the boards' among them, of which the remote has weeks already; empty: there is no city.
    """

    inputs: dict[int, list[Row]]
    period_ms: int
    change_w: int
    delays_before_ms: dict[int, float]
    delays_after_ms: dict[int, float]
    rtt_limit_ms: int
    for_s: float | None
    city: dict[int, Series]

    @property
    def sensor_ids(self) -> list[int]:
        """The sensors, in order."""
        return list(self.inputs)

    @property
    def relay_ids(self) -> list[int]:
        """The relays, in order."""
        return list(self.delays_before_ms)


def make_plan(
    data: Path | None,
    sensors: int,
    relays: int,
    speed: float | None,
    for_s: float | None,
    apart_ms: float = APART_MS,
    households: int = 0,
) -> Plan:
    """`speed` is how many times faster than life the meters show their series; None: a reading each second.

    `households`: of the city around the boards, these included; where readings are counted or measured there is none.

    `apart_ms` is how much longer the round trip to each relay is than to the next nearer one.
    """
    if data is None:
        shown = [drawn(seed) for seed in range(sensors)]
    else:
        series = measured(data)
        # Each meter begins at another place of the one series.
        shown = [series.turned(i * len(series.rows) // sensors) for i in range(sensors)]
    with_city = households > 0 and data is None and speed is None and for_s is None
    city = {i + 1: drawn(i) for i in range(max(households, sensors))} if with_city else {}
    period_ms = 1000 if speed is None else max(_LEAST_PERIOD_MS, round(shown[0].step_s * 1000 / speed))
    inputs = {i + 1: _rows(series, for_s, period_ms) for i, series in enumerate(shown)}
    # The nearest relay is neither the first nor the last, so that no order of a list finds it.
    order = [relays // 2, *(i for i in range(relays) if i != relays // 2)]
    before = {order[i] + 1: _LEAST_DELAY_MS + i * apart_ms for i in range(relays)}
    slowest = max(before.values())
    after = dict(before)
    after[order[0] + 1] = slowest * 4
    return Plan(
        inputs=inputs,
        period_ms=period_ms,
        change_w=change_rule_w(shown[0]),
        delays_before_ms=dict(sorted(before.items())),
        delays_after_ms=dict(sorted(after.items())),
        rtt_limit_ms=round(slowest * 2),
        for_s=for_s,
        city=city,
    )


def _rows(series: Series, for_s: float | None, period_ms: int) -> list[Row]:
    if for_s is None:
        return series.rows
    wanted = max(2, round(for_s * 1000 / period_ms))
    rows = list(series.rows)
    while len(rows) < wanted:
        # The register goes on where the series begins again, as the replay meter's does.
        carried = rows[-1][ENERGY_IMPORT] - series.rows[0][ENERGY_IMPORT]
        rows += [{**row, ENERGY_IMPORT: row[ENERGY_IMPORT] + carried} for row in series.rows]
    return rows[:wanted]
