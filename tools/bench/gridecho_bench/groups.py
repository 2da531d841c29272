"""What groups spare the remote: the same load with every relay by itself and in groups, and how fast turns are chosen."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import numpy as np
from gridecho_remote.rules.election import load_scores

from .groups_rig import GroupsRig, machine
from .groups_traffic import Sent, Watch, send

Say = Callable[[str], None]

_SCORED_RELAYS, _SCORED_PERIODS, _SCORINGS = 1_000, 60, 50
_SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `rate` data a second of each relay's sensor, half of them SEND; a term ends after `after_s`."""

    relays: int = 30
    groups: int = 3
    seconds: float = 20.0
    rate: float = 4.0
    after_s: int = 5


@dataclass(frozen=True, slots=True)
class Turn:
    """One run: the most data connections at a time, what they cost, and how soon SEND data could be queried."""

    connections: int
    requests_per_s: float
    remote_cpu: float  # share of a core
    relays_cpu: float
    send_p50_ms: float
    send_p99_ms: float
    acked: int
    lost: int
    terms: int


def measure(plan: Plan, folder: Path, say: Say) -> dict[str, Any]:
    """Both runs and the scoring, flat as --json prints them. Raises RelayBenchError."""
    say("scoring")
    scoring_ms = time_scoring()
    found: dict[str, Any] = asdict(plan) | machine()
    for name, groups in (("without_groups", 0), ("with_groups", plan.groups)):
        say(f"{plan.relays} relays {name.replace('_', ' ')}")
        turn = _run(plan, folder / name, groups)
        found |= {f"{key}_{name}": value for key, value in asdict(turn).items()}
    return found | {"scoring_ms": scoring_ms}


def time_scoring() -> float:
    """Milliseconds to score 1,000 relays by 60 periods: the median of 50 times."""
    bars = np.random.default_rng(1).integers(0, 500, (_SCORED_RELAYS, _SCORED_PERIODS))
    took = []
    for _ in range(_SCORINGS):
        begun = time.perf_counter()
        load_scores(bars)
        took.append(1000 * (time.perf_counter() - begun))
    return round(median(took), 2)


def _run(plan: Plan, folder: Path, groups: int) -> Turn:
    with GroupsRig(folder, plan.relays, groups, plan.after_s) as rig:
        addresses = {relay_id: rig.address(relay_id) for relay_id in rig.relay_ids}
        watch, sampler = Watch(rig.database), _Sampler(rig)
        watch.start()
        before, cpu_before, begun_s = rig.metrics(), rig.cpu_s(), time.monotonic()
        sampler.start()
        sent = send(addresses, plan.rate, plan.seconds)
        took_s = time.monotonic() - begun_s
        after, cpu_after = rig.metrics(), rig.cpu_s()
        sampler.stop()
        rig.empty()
        time.sleep(0.1)
        watch.stop()
        delays = delays_ms(sent, watch)
        return Turn(
            connections=sampler.most,
            requests_per_s=round((after["data_requests_total"] - before["data_requests_total"]) / took_s, 1),
            remote_cpu=round((cpu_after[0] - cpu_before[0]) / took_s, 3),
            relays_cpu=round((cpu_after[1] - cpu_before[1]) / took_s, 3),
            send_p50_ms=quantile(delays, 0.5),
            send_p99_ms=quantile(delays, 0.99),
            acked=len(sent.acked),
            lost=len(sent.acked - stored(rig.database)),
            terms=_terms(rig.database),
        )


class _Sampler(Thread):
    def __init__(self, rig: GroupsRig) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._rig = rig
        self._stopping = Event()

    def run(self) -> None:
        while not self._stopping.wait(_SAMPLE_S):
            self.most = max(self.most, int(self._rig.metrics()["data_connections"]))

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def delays_ms(sent: Sent, watch: Watch) -> list[float]:
    """How long SEND data took from their sensors until a query would see them, in order."""
    return sorted(1000 * (watch.seen_s[one] - left_s) for one, left_s in sent.left_s.items() if one in watch.seen_s)


def quantile(delays: list[float], share: float) -> float:
    """Of ordered figures; NaN: there are none."""
    return round(delays[min(len(delays) - 1, int(share * len(delays)))], 1) if delays else float("nan")


def stored(database: Path) -> set[tuple[int, int]]:
    """(sensor id, seq) of all data at a remote."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        runs = connection.execute("SELECT sensor_id, first_seq, last_seq FROM block")
        return {(sensor_id, seq) for sensor_id, first, last in runs for seq in range(first, last + 1)}


def _terms(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        (terms,) = connection.execute("SELECT COUNT(*) FROM group_term").fetchone()
        return int(terms)
