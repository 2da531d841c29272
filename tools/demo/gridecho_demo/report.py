"""The demo's verdict: every reading that a sensor made, held against what an authorised user gets from the remote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .ledger import Ledger
from .series import Row


@dataclass(frozen=True)
class Seen:
    """One reading as the remote's API gave it: data id, place in its datagram, values by quantity code."""

    epoch: int
    seq: int
    item: int
    values: Row


@dataclass(frozen=True)
class Tally:
    """Counts over all sensors; all but the first three must be zero, and those three equal."""

    readings_generated: int
    readings_acked: int
    readings_at_remote: int
    lost: int
    duplicates: int
    value_mismatches: int


def tally(
    inputs: Mapping[int, Sequence[Row]], ledgers: Mapping[int, Ledger], at_remote: Mapping[int, Sequence[Seen]]
) -> Tally:
    """Holds the readings at the remote against the input, reading by reading; all three by sensor id.

    A reading whose data id the sensor never named, or whose integers differ in one place, is a mismatch; a reading there twice,
    under one data id or two, is a duplicate; a reading that was made and is not there is lost.
    """
    generated = acked = present = duplicates = mismatches = 0
    for sensor_id, rows in inputs.items():
        ledger = ledgers[sensor_id]
        numbers: set[int] = set()
        for reading in at_remote[sensor_id]:
            number = ledger.number_of(reading.epoch, reading.seq, reading.item)
            if number is None or number >= len(rows) or rows[number] != reading.values:
                mismatches += 1
            elif number in numbers:
                duplicates += 1
            else:
                numbers.add(number)
        generated += len(ledger.made)
        acked += ledger.acked()
        present += len(numbers)
    return Tally(generated, acked, present, generated - present, duplicates, mismatches)


def percentiles(samples: Sequence[float]) -> dict[str, float | None]:
    """{"p50": ..., "p99": ...} by the nearest rank; None where there is no sample."""
    ordered = sorted(samples)

    def rank(share: float) -> float | None:
        if not ordered:
            return None
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": rank(0.50), "p99": rank(0.99)}


def least_delay(delays_ms: Mapping[int, float]) -> int:
    """The relay of least delay."""
    return min(delays_ms, key=lambda relay_id: delays_ms[relay_id])
