"""The power goes in the middle of each change of flash, one after the other; whatever is left, the board comes up and is right."""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest
from gridecho_flash.image import build_image

from tests.rigs.power.rig import CONFIG, IMAGE_BYTES, History, Rig, files_at_first, library


def drained(history: History, run: str) -> None:
    """One more start, in which everything on flash is delivered."""
    assert history.start("drain").words("left") == [["0"]]


@dataclass(frozen=True)
class Scenario:
    """`before` are whole runs that lead to the state in which `run` is cut at each of its changes. Each is a file in on_vm/."""

    name: str
    run: str
    before: tuple[str, ...] = ()
    config: dict[str, object] = field(default_factory=dict)
    fills: bool = False  # the ring: its oldest readings are given up
    files: Mapping[str, bytes] = field(default_factory=dict)  # more that is on flash at first
    again: str = "drain"  # the run after the cut, where the power goes once more every second time
    settle: Callable[[History, str], None] = drained  # brings the board to an end after the cut, and looks at it


EVER = 1_000_000
_A_SEGMENT = 50  # wide readings: what the ring gives up at once, which the run after the cut may have to do once more
# The metadata log of a littlefs block holds some forty small files' changes before the block is erased and written anew.
_OFTEN = ("normal",) * 24
SCENARIOS = [
    Scenario("boot", "normal"),
    Scenario("boot, twenty-fifth", "normal", _OFTEN),
    Scenario("boots", "boots"),
    Scenario("route", "route", ("normal",)),
    Scenario("outage", "outage", ("normal",)),
    Scenario("outage, newest first", "outage", ("normal",), {"spool": {"kb": 64, "newest_first": True}}),
    Scenario("outage after outage", "outage", ("normal", "away")),
    Scenario("outage on a full ring", "overflow", ("fill",), fills=True),
    Scenario("relays are back", "drain", ("normal", "away")),
]


@pytest.fixture(scope="module")
def rigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SimpleQueue[Rig]"]:
    """One rig a processor; take one and give it back."""
    lib = library(tmp_path_factory.mktemp("lib"))
    made = [Rig(lib) for _ in range(os.cpu_count() or 1)]
    free: SimpleQueue[Rig] = SimpleQueue()
    for rig in made:
        free.put(rig)
    yield free
    for rig in made:
        rig.close()


def history_before(scenario: Scenario, rig: Rig, folder: Path) -> History:
    image = folder / "before.img"
    build_image(image, {**files_at_first(CONFIG | scenario.config), **scenario.files}, IMAGE_BYTES)
    history = History(rig, image)
    for run in scenario.before:
        history.start(run)
    return history


def uncut(scenario: Scenario, before: History, folder: Path) -> tuple[int, int]:
    """(changes that the run makes when nothing happens, readings that may be lost in it); its end is checked too."""
    history = before.copy(folder / "uncut.img")
    changes = history.start(scenario.run).changes()
    scenario.settle(history, scenario.run)
    lost = history.check(EVER if scenario.fills else 0)
    assert bool(lost) == scenario.fills
    return changes, lost + _A_SEGMENT if lost else 0


def cut(scenario: Scenario, before: History, rig: Rig, folder: Path, n: int, seed: int, most_lost: int) -> None:
    """Cut at change n; every second time the power goes once more in the start after it."""
    chance = random.Random(f"{scenario.name} {n} {seed}")
    image = folder / f"{n}-{seed}.img"
    history = before.copy(image)
    history.rig = rig
    try:
        assert history.start(scenario.run, n, seed).cut
        if chance.random() < 0.5:
            history.start(scenario.again, chance.randrange(1, 12), seed + 1)
        scenario.settle(history, scenario.run)
        history.check(most_lost)
    except AssertionError as error:
        error.add_note(f'scenario "{scenario.name}", cut at change {n}, seed {seed}')
        raise
    finally:
        image.unlink()


def sweep(scenario: Scenario, rigs: "SimpleQueue[Rig]", folder: Path, most: int, cuts: int) -> int:
    """Cuts at every change, or at `most` of them by lot, each with other luck until there were `cuts`; gives how many it did."""
    rig = rigs.get()
    try:
        before = history_before(scenario, rig, folder)
        changes, most_lost = uncut(scenario, before, folder)
    finally:
        rigs.put(rig)
    places = range(1, changes + 1)
    seeds = max(1, min(10, cuts // changes))
    chosen = sorted(random.Random(scenario.name).sample(places, most)) if most < changes else list(places)

    def one(n: int) -> None:
        rig = rigs.get()
        try:
            for seed in range(seeds):
                cut(scenario, before, rig, folder, n, seed, most_lost)
        finally:
            rigs.put(rig)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, chosen))
    print(f"{scenario.name}: {changes} changes of flash, cut at {len(chosen)} of them, {seeds} times each")
    return len(chosen) * seeds
