"""What is done to a town of real processes, with as many sensors as the caller likes: the fastest relay fails; a storm."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from gridecho.quantities import ENERGY_IMPORT

from tests.rigs.places import REPOSITORY
from tests.rigs.storm import DELAYS_MS as STORM_DELAYS_MS
from tests.rigs.storm import DUPLICATES, JITTER_MS, LOSS, check_weather
from tests.rigs.switching import FASTEST, NEXT, SLOW_MS, Took, check_switch
from tests.rigs.town import DELAYS_MS, Town, Wires, reading
from tests.rigs.town_console import Console

_LONG_SERIES = 2_000
_ACKS = 4  # of each sensor before the fault, and after it

_BREAK: dict[str, Callable[[Town, Wires], None]] = {
    "slow": lambda town, wires: wires.delay(FASTEST, SLOW_MS),
    "frozen": lambda town, _: town.freeze(FASTEST),
    "killed": lambda town, _: town.kill(FASTEST),
}
_MEND: dict[str, Callable[[Town, Wires], None]] = {
    "slow": lambda town, wires: wires.delay(FASTEST, DELAYS_MS[FASTEST]),
    "frozen": lambda town, _: town.thaw(FASTEST),
    "killed": lambda town, _: town.restart(FASTEST),
}


@contextmanager
def town_of(folder: Path, sensor_ids: Sequence[int]) -> Iterator[Town]:
    """A town whose processes find tests.rigs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        made = Town(folder, sensor_ids)
        try:
            yield made
        finally:
            made.close()


def switch(town: Town, fault: str, ids: Sequence[int], period_ms: int) -> Took:
    """The fastest relay fails: all go on with the next, what was acknowledged arrives once. How long it took them."""
    wires = town.wires(DELAYS_MS)
    group = town.sensors(dict.fromkeys(ids, wires), period_ms, _LONG_SERIES, apart_s=0.02)
    broken = False
    try:
        group.wait_all(lambda console: console.target == FASTEST and len(console.acked) >= _ACKS, "all on the fastest")
        broken_s = max(console.lines[-1].at_s for console in group.consoles.values())
        broken = True
        _BREAK[fault](town, wires)
        group.wait_all(lambda console: _has_changed(console, broken_s), "all on the next")
        broken = False
        _MEND[fault](town, wires)
    finally:
        if broken:
            _MEND[fault](town, wires)
        town.stop(group)
    for console in group.consoles.values():
        console.update()
    took = check_switch(group.consoles.values(), broken_s)
    town.empty_relays()
    for sensor_id, console in group.consoles.items():
        _check_arrived(town, sensor_id, console)
        assert town.reported_route(sensor_id) == NEXT
        flash = Path(console.path.parent, "flash")
        assert (flash / "route").read_text().split()[0] == str(NEXT)
        assert not (flash / "spool").exists(), "a switch is too short for the ring"
    assert town.quarantined() == 0
    return took


def _has_changed(console: Console, since_s: float) -> bool:
    acks = Counter(line.number("relay") for line in console.said("acked", since_s))
    written = console.said("wrote", since_s)
    trouble = console.said("missing", since_s) or console.said("slow", since_s)
    return bool(acks[NEXT] >= _ACKS and trouble and written and written[-1].number("route") == NEXT == console.target)


def _check_arrived(town: Town, sensor_id: int, console: Console) -> None:
    """Every reading that was acknowledged is there, each once and as it was; of the others, the power went on the way."""
    got = [one.values for one in town.arrived(sensor_id)]
    numbers = [values[ENERGY_IMPORT] - reading(sensor_id, 0)[ENERGY_IMPORT] for values in got]
    assert len(set(numbers)) == len(numbers), "a reading twice"
    assert got == [reading(sensor_id, i) for i in numbers]
    assert set(console.acked) <= set(numbers), "acknowledged, and lost"


def storm(town: Town, sensors: Mapping[int, Sequence[int]], readings: int, period_ms: int) -> str:
    """Fleets side by side, each in a storm of its own by its seed: all arrives once, as it was."""
    wires = {seed: town.wires(STORM_DELAYS_MS, seed, LOSS, DUPLICATES, JITTER_MS) for seed in sensors}
    group = town.sensors(
        {sensor_id: wires[seed] for seed, ids in sensors.items() for sensor_id in ids}, period_ms, readings, 0.002
    )
    group.wait_all(lambda console: console.delivered, "all acknowledged")
    town.stop(group)
    total: Counter[str] = Counter()
    for seed, ids in sensors.items():
        weather = wires[seed].weather()
        check_weather(weather, len(ids) * readings)
        total.update(weather)
        wires[seed].close()
    town.empty_relays()
    for sensor_id, console in group.consoles.items():
        assert len(console.acked) == readings
        got = [one.values for one in town.arrived(sensor_id)]
        assert sorted(got, key=lambda values: values[ENERGY_IMPORT]) == [reading(sensor_id, i) for i in range(readings)]
    assert town.quarantined() == 0
    return f"{len(group.consoles)} sensors: {len(group.consoles) * readings} readings, all once; {dict(total)}"
