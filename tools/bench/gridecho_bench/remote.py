"""How much a remote does here: it, an older build, bare inserts and DuckDB in turns on the same readings, and their medians."""

import os
import platform
import shutil
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from . import remote_duckdb
from .checkouts import checkout
from .relay_child import RelayBenchError
from .remote_bare import bare_postgresql, bare_sqlite
from .remote_child import run_child
from .remote_data import PER_FRAME, Data
from .remote_making import Say, make_data
from .remote_postgresql import PrivateServer, Server, missing

ENGINES = ("sqlite", "postgresql")
# The figures of every party, null where it has none; for those in LESS less is better.
MORE = tuple(f"ingest{mixed}_{n}_per_frame_per_s" for mixed in ("", "_mixed") for n in PER_FRAME)
MORE = (*MORE, "compacted_per_s")
LESS = (
    "day_hot_ms", "day_cold_ms", "day_api_ms", "year_200_points_ms", "year_energy_by_day_ms", "region_day_ms", "year_csv_s",
    "year_parquet_s", "bytes_per_reading", "bytes_per_reading_1_per_frame", "empty_mb", "peak_rss_mb",
)  # fmt: skip

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `url`: of a PostgreSQL server; empty: one of our own. `vs`: a commit of this repository, or nothing."""

    readings: int = 10_000_000
    sensors: int = 1_000
    runs: int = 3
    url: str = ""
    vs: str = ""


@dataclass(slots=True)
class _Party:
    """One build on one engine, and the figures of its runs."""

    name: str
    engine: str
    server: Server | None = None
    roots: list[Path] = field(default_factory=list)
    reason: str = ""
    runs: list[Figures] = field(default_factory=list)

    @property
    def module(self) -> str:
        return "remote_duckdb" if self.engine == "duckdb" else "remote_driver"


def measure(plan: Plan, folder: Path, say: Say) -> Figures:
    """All runs, as --json prints them. Raises RelayBenchError if a figure would not be true."""
    roots = checkout(plan.vs, folder / "vs") if plan.vs else []
    with ExitStack() as stack:
        no_server = missing(plan.url)
        server = None
        if not no_server:
            say("starting PostgreSQL")
            server = stack.enter_context(closing(Server(plan.url) if plan.url else PrivateServer()))
        data = make_data(folder, plan.readings, plan.sensors, say)
        parties = [_Party("the remote", engine) for engine in ENGINES]
        parties += [_Party(plan.vs, engine, roots=roots) for engine in ENGINES if plan.vs]
        for party in parties:
            if party.engine == "postgresql":
                party.server, party.reason = server, no_server
        duck = _Party("DuckDB", "duckdb", reason=remote_duckdb.MISSING)
        bare: dict[str, list[Figures]] = {engine: [] for engine in ENGINES}
        for number in range(1, plan.runs + 1):
            place = folder / f"run-{number}"

            def tell(what: str, number: int = number) -> None:
                say(f"run {number} of {plan.runs}: {what}")

            tell("bare inserts")
            bare["sqlite"].append(bare_sqlite(data, place / "bare"))
            if server:
                with server.database() as url:
                    bare["postgresql"].append(bare_postgresql(data, url))
            answers = [_run(party, data, place / str(at), tell) for at, party in enumerate((*parties, duck))]
            _check([(party.name, its) for party, its in zip((*parties, duck), answers, strict=True) if its])
            shutil.rmtree(place)
    found: Figures = {
        "readings": data.readings,
        "meter_readings": data.meter,
        "region_readings": data.minutes * data.sensors,
        "mixed_1_per_frame_readings": data.mixed_singles,
        **asdict(plan, dict_factory=lambda pairs: {k: v for k, v in pairs if k in ("sensors", "runs")}),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
    }
    now, before = parties[: len(ENGINES)], parties[len(ENGINES) :]
    found["duckdb"] = _figures(duck)
    found["bare"] = {engine: _medians(runs, tuple(runs[0])) if runs else None for engine, runs in bare.items()}
    for party in now:
        found[party.engine] = _figures(party) | _to_bare(party, bare[party.engine])
        found[party.engine]["ratio_to_duckdb"] = times_better(found[party.engine], found["duckdb"])
    if plan.vs:
        found["vs"] = {"commit": plan.vs}
        for party in before:
            its = _figures(party) | _to_bare(party, bare[party.engine])
            found["vs"][party.engine] = its | {"ratio_to_it": times_better(found[party.engine], its)}
    return found


def times_better(one: Figures, other: Figures) -> dict[str, float]:
    """How many times as good the first is: 2 is twice as fast, or half as large. Without what one of them does not have."""
    ratios = {key: (one.get(key), other.get(key)) for key in (*MORE, *LESS)}
    return {key: float(f"{(a / b if key in MORE else b / a):.3g}") for key, (a, b) in ratios.items() if a and b}


def _run(party: _Party, data: Data, place: Path, tell: Say) -> Figures:
    """Loads and asks one party once; gives its answers, nothing if it is not to be had."""
    figures: Figures = {}
    for per_frame in PER_FRAME:
        with ExitStack() as stack:
            url = stack.enter_context(party.server.database()) if party.server else ""
            order = {"data": asdict(data), "place": str(place / str(per_frame)), "url": url}
            if not party.reason:
                tell(f"{party.name} loads ({party.engine}, {per_frame} a frame)")
                figures |= _load(party, data, order, per_frame)
            if party.reason:
                return {}
            if per_frame == max(PER_FRAME):
                tell(f"{party.name} answers ({party.engine})")
                if party.server is None or party.server.forget():
                    figures |= run_child(party.module, order | {"do": "cold"}, party.roots)
                figures |= run_child(party.module, order | {"do": "ask"}, party.roots)
        shutil.rmtree(place / str(per_frame))
    answers: Figures = figures.pop("answers")
    party.runs.append(figures)
    return answers


def _load(party: _Party, data: Data, order: Figures, per_frame: int) -> Figures:
    """What storing costs; `party.reason` says so if the party cannot."""
    parts = [f"meter-{per_frame}", f"mixed-{per_frame}"]
    done = run_child(party.module, order | {"do": "load", "parts": parts}, party.roots)
    if "reason" in done:
        party.reason = done["reason"]
        return {}
    if party.roots and not any(Path(done["build"]).is_relative_to(root) for root in party.roots):
        raise RelayBenchError(f"the remote of {party.name} was to be measured, not that of {done['build']}")
    keys = (f"ingest_{per_frame}_per_frame_per_s", f"ingest_mixed_{per_frame}_per_frame_per_s")
    found: Figures = {key: done["per_s"].get(part) for key, part in zip(keys, parts, strict=True)}
    found |= {f"ingest_{part}_per_s": per_s for part, per_s in done["per_s"].items() if part not in parts}
    if "empty_bytes" in done:
        found["empty_mb"] = done["empty_bytes"] / 1e6
    if per_frame == max(PER_FRAME):
        found["compacted_per_s"] = done.get("compacted_per_s")
        return found | {"bytes_per_reading": done["bytes"] / done["readings"], "peak_rss_mb": done["peak_rss_mb"]}
    if "bytes" in done:
        found[f"bytes_per_reading_{per_frame}_per_frame"] = done["bytes"] / done["readings"]
    return found


def _check(answers: list[tuple[str, Figures]]) -> None:
    """Raises RelayBenchError if two parties gave different answers to the same question."""
    for question in {question for _, its in answers for question in its}:
        given = [(name, its[question]) for name, its in answers if its[question] is not None]
        for name, answer in given[1:]:
            if answer != given[0][1]:
                raise RelayBenchError(f"{given[0][0]} and {name} do not agree: {question}")


def _figures(party: _Party) -> Figures:
    if not party.runs:
        return dict.fromkeys((*MORE, *LESS)) | {"reason": party.reason}
    return _medians(party.runs, tuple(dict.fromkeys((*MORE, *LESS, *party.runs[0]))))


def _medians(runs: list[Figures], keys: tuple[str, ...]) -> Figures:
    """Each figure's median, null if a run does not have it."""
    found: Figures = {}
    for key in keys:
        values = [run[key] for run in runs if run.get(key) is not None]
        found[key] = float(f"{median(values):.4g}") if len(values) == len(runs) else None
    return found


def _to_bare(party: _Party, bare: list[Figures]) -> Figures:
    """Medians of each run's ratio, so that a slow minute of the machine hits both sides. `ratio_to_bare`: with ten a frame."""
    found: Figures = {}
    for name, per_frame in (("ratio_to_bare", max(PER_FRAME)), ("ratio_to_bare_1_per_frame", 1)):
        key = f"ingest_{per_frame}_per_frame_per_s"
        ratios = [run[key] / its[key] for run, its in zip(party.runs, bare, strict=False)]
        found[name] = round(median(ratios), 3) if ratios else None
    return found
