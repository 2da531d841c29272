"""How much a relay does here: the bare loop and a real relay in turns, under the same generator, and what it comes to."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from . import mosquitto
from .relay_child import Child, RelayBenchError
from .relay_datagrams import cpu_s
from .relay_generator import Spec
from .relay_rig import RelayRig
from .relay_traffic import STRIDE, Traffic, make_traffic

RELAY_ID = 7
MOST_PER_S = 200_000  # datagrams made for a second of the closed loop; a faster relay has a shorter run
_SETTLE_S = 0.5  # after a run: what the relay still does for it counts as its CPU time

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    sensors: int = 200
    rounds: int = 3
    seconds: float = 3.0
    window: int = 1024
    rate: int = 10_000
    mosquitto: str = ""  # its program, if it is to run in turn with the relay

    @property
    def closed_frames(self) -> int:
        return max(self.window, int(MOST_PER_S * self.seconds))

    @property
    def paced_frames(self) -> int:
        return int(self.rate * self.seconds)


@dataclass(slots=True)
class Round:
    """One turn of both: the generator's outcomes, and what the relay took and kept."""

    limit: dict[str, Any]
    limit_busy: float | None  # CPU time of the bare loop, as a share of one core
    closed: dict[str, Any]
    paced: dict[str, Any]
    cpu_us: float | None
    disk_bytes_per_frame: float
    acked: int
    stored: int  # of those acknowledged, how many its database has after kill -9
    index_pieces: int  # that the remote took meanwhile
    mosquitto: dict[int, float] = field(default_factory=dict)  # max_inflight: stored readings a second


@dataclass(slots=True)
class Figures:
    """The rounds, and their medians under the names that --json prints."""

    plan: Plan
    frame_bytes: float
    rounds: list[Round] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Flat, ready for JSON. Ratios are medians of each round's ratio, so that a slow minute of the machine hits both sides."""
        turns = self.rounds
        cpu = [turn.cpu_us for turn in turns if turn.cpu_us is not None]
        disk = median(turn.disk_bytes_per_frame for turn in turns)
        return {
            "acked_per_s": _middle(turn.closed["per_s"] for turn in turns),
            "ack_ms": {name: _middle(turn.paced[f"{name}_ms"] for turn in turns) for name in ("p50", "p99")},
            "rate": self.plan.rate,
            "late_p99_ms": _middle(turn.paced["late_p99_ms"] for turn in turns),
            "cpu_us": round(median(cpu), 2) if cpu else None,
            "frame_bytes": self.frame_bytes,
            "disk_bytes_per_frame": round(disk, 1),
            "disk_overhead_bytes": round(disk - self.frame_bytes, 1),
            "limit_per_s": _middle(turn.limit["per_s"] for turn in turns),
            "ratio_to_limit": round(median(turn.closed["per_s"] / turn.limit["per_s"] for turn in turns), 3),
            **self._against_mosquitto(),
            "acked": sum(turn.acked for turn in turns),
            "stored": sum(turn.stored for turn in turns),
            **{
                name: sum(turn.closed[name] + turn.paced[name] for turn in turns)
                for name in ("duplicates", "nacked", "false", "lost")
            },
            "index_pieces": sum(turn.index_pieces for turn in turns),
            "limit_lost": sum(turn.limit["lost"] for turn in turns),
            "limit_busy": _middle(turn.limit_busy for turn in turns),
            "generator_busy": {
                name: _middle(getattr(turn, name)["busy"] for turn in turns) for name in ("limit", "closed", "paced")
            },
            "sensors": self.plan.sensors,
            "window": self.plan.window,
            "seconds": self.plan.seconds,
            "rounds": [
                {
                    "limit_per_s": turn.limit["per_s"],
                    "acked_per_s": turn.closed["per_s"],
                    "p99_ms": turn.paced["p99_ms"],
                    "mosquitto_per_s": turn.mosquitto,
                }
                for turn in turns
            ],
        }

    def _against_mosquitto(self) -> dict[str, Any]:
        if not self.plan.mosquitto:
            return {}
        per_s = {
            most: _middle(turn.mosquitto[most] for turn in self.rounds) or 0.0 for most in self.rounds[0].mosquitto
        }
        best = max(per_s, key=lambda most: per_s[most])
        return {
            "mosquitto_per_s": per_s[best],
            "ratio_to_mosquitto": _middle(turn.closed["per_s"] / turn.mosquitto[best] for turn in self.rounds),
            "mosquitto_max_inflight": best,
        }


def measure(plan: Plan, folder: Path, say: Say) -> Figures:
    """All rounds, in `folder`; `say` is told what is going on. Raises RelayBenchError if a figure would not be true."""
    count = plan.closed_frames + plan.paced_frames
    say(f"sealing {count:,} datagrams of {plan.sensors} sensors")
    traffic = make_traffic(folder, RELAY_ID, plan.sensors, count)
    figures = Figures(plan, traffic.frame_bytes)
    for number in range(1, plan.rounds + 1):
        say(f"round {number} of {plan.rounds}: the bare loop")
        limit, limit_busy = run_bare(plan, traffic)
        say(f"round {number} of {plan.rounds}: the relay")
        turn = run_relay(plan, traffic, folder / f"relay-{number}", limit, limit_busy)
        if plan.mosquitto:
            say(f"round {number} of {plan.rounds}: Mosquitto")
            readings = int(mosquitto.MOST_PER_S * plan.seconds)
            for most in mosquitto.MAX_INFLIGHT:
                its = folder / f"mosquitto-{number}-{most}"
                turn.mosquitto[most] = mosquitto.run_mosquitto(plan.mosquitto, its, plan.sensors, readings, most).per_s
        figures.rounds.append(turn)
    return figures


def run_bare(plan: Plan, traffic: Traffic) -> tuple[dict[str, Any], float | None]:
    """(outcome, share of a core) of the bare loop under the closed loop."""
    with Child("relay_bare") as bare:
        spec = Spec(
            traffic,
            int(bare.line()),
            0,
            min(plan.closed_frames, traffic.count),
            plan.seconds,
            window=plan.window,
            bare=True,
        )
        with _generator(spec) as run:
            before = cpu_s(bare.pid)
            run.go()
            run.line("ended")
            after = cpu_s(bare.pid)
            outcome = _outcome(run)
    if not outcome["acked"]:
        raise RelayBenchError("the bare loop answered nothing; does the loopback interface carry UDP?")
    busy = None if before is None or after is None else round((after - before) / outcome["seconds"], 3)
    return outcome, busy


def run_relay(plan: Plan, traffic: Traffic, folder: Path, limit: dict[str, Any], limit_busy: float | None) -> Round:
    """One relay from its start to kill -9: closed loop, then paced; then its database is read."""
    split = plan.closed_frames
    acked_files = [folder / "closed.acked", folder / "paced.acked"]
    with RelayRig(folder, traffic) as relay:
        specs = [
            Spec(traffic, relay.port, 0, split, plan.seconds, window=plan.window, acked_file=str(acked_files[0])),
            Spec(
                traffic, relay.port, split, traffic.count, plan.seconds, rate=plan.rate, acked_file=str(acked_files[1])
            ),
        ]
        with _generator(specs[0]) as run:
            empty, before = relay.disk_bytes(), relay.cpu_s()
            run.go()
            run.line("ended")
            time.sleep(_SETTLE_S)
            after, full = relay.cpu_s(), relay.disk_bytes()
            closed = _outcome(run)
        with _generator(specs[1]) as run:
            run.go()
            run.line("ended")
            paced = _outcome(run)
        relay.kill()
        on_disk = relay.stored()
    if not closed["acked"] or not paced["acked"]:
        raise RelayBenchError("the relay acknowledged nothing")
    acked = stored = 0
    whole = traffic.datagrams.read_bytes()
    for first, file in zip((0, split), acked_files, strict=True):
        for number, was in enumerate(file.read_bytes(), first):
            if was:
                acked += 1
                stored += data_id(whole, number) in on_disk
    if stored != acked:
        raise RelayBenchError(f"{acked - stored} of {acked} acknowledged frames are not in the relay's database")
    return Round(
        limit,
        limit_busy,
        closed,
        paced,
        None if before is None or after is None else (after - before) * 1e6 / closed["acked"],
        (full - empty) / closed["acked"],
        acked,
        stored,
        relay.index_pieces,
    )


def data_id(datagrams: bytes, number: int) -> bytes:
    """The 12 bytes of datagram `number` that say which it is."""
    return datagrams[STRIDE * number + 4 : STRIDE * number + 16]


def _generator(spec: Spec) -> Child:
    """A load generator that is ready to go."""
    child = Child("relay_generator", spec.to_json())
    with ExitStack() as undo:
        undo.push(child)
        child.line("ready")
        undo.pop_all()
    return child


def _outcome(run: Child) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.line())
    return found


def _middle(values: Any) -> Any:
    there = [value for value in values if value is not None]
    return round(median(there), 3) if there else None
