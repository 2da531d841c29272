"""How much a remote does here: it, an older build, bare inserts and DuckDB in turns on the same readings, and their medians."""

import os
import platform
import shutil
import subprocess
import tarfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

from . import remote_duckdb, remote_postgresql
from .relay_child import RelayBenchError
from .remote_bare import bare_postgresql, bare_sqlite
from .remote_child import run_child
from .remote_data import PER_FRAME, Data
from .remote_making import Say, make_data

ENGINES = ("sqlite", "postgresql")
# The figures of every party, null where it has none; for those in LESS less is better.
MORE = tuple(f"ingest{mixed}_{n}_per_frame_per_s" for mixed in ("", "_mixed") for n in PER_FRAME)
LESS = (
    "day_hot_ms", "day_cold_ms", "day_api_ms", "year_200_points_ms", "year_energy_by_day_ms", "region_day_ms", "year_csv_s",
    "year_parquet_s", "bytes_per_reading", "bytes_per_reading_1_per_frame", "peak_rss_mb",
)  # fmt: skip
_ROOTS = ("firmware/lib", "host/common", "host/remote")

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
    url: str = ""
    roots: list[Path] = field(default_factory=list)
    reason: str = ""
    runs: list[Figures] = field(default_factory=list)


def measure(plan: Plan, folder: Path, say: Say) -> Figures:
    """All runs, as --json prints them. Raises RelayBenchError if a figure would not be true."""
    roots = _checkout(plan.vs, folder / "vs") if plan.vs else []
    with ExitStack() as stack:
        no_server = remote_postgresql.missing(plan.url)
        url = plan.url
        if not no_server and not url:
            say("starting PostgreSQL")
            url = stack.enter_context(remote_postgresql.private_server())
        data = make_data(folder, plan.readings, plan.sensors, say)
        parties = [_Party("the remote", engine) for engine in ENGINES]
        parties += [_Party(plan.vs, engine, roots=roots) for engine in ENGINES if plan.vs]
        for party in parties:
            if party.engine == "postgresql":
                party.url, party.reason = url, no_server
        duck = _Party("DuckDB", "duckdb", reason=remote_duckdb.MISSING)
        bare: dict[str, list[Figures]] = {engine: [] for engine in ENGINES}
        for number in range(1, plan.runs + 1):
            place = folder / f"run-{number}"

            def tell(what: str, number: int = number) -> None:
                say(f"run {number} of {plan.runs}: {what}")

            tell("bare inserts")
            bare["sqlite"].append(bare_sqlite(data, place / "bare"))
            if not no_server:
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
    if party.reason:
        return {}
    module = "remote_duckdb" if party.engine == "duckdb" else "remote_driver"
    order = {"data": asdict(data), "url": party.url}
    figures: Figures = {}
    tell(f"{party.name} loads ({party.engine})")
    if party.engine == "duckdb":
        done = run_child(module, order | {"do": "load", "place": str(place)})
        figures["ingest_bulk_per_s"] = done["per_s"].pop("bulk")
        figures |= {f"ingest_{part.partition('-')[2]}_per_frame_per_s": value for part, value in done["per_s"].items()}
    else:
        for per_frame in PER_FRAME:
            there = place / str(per_frame)
            parts = [f"meter-{per_frame}", f"mixed-{per_frame}"]
            done = run_child(module, order | {"do": "load", "place": str(there), "parts": parts}, party.roots)
            if "reason" in done:
                party.reason = done["reason"]
                return {}
            if party.roots and not any(Path(done["build"]).is_relative_to(root) for root in party.roots):
                raise RelayBenchError(f"the remote of {party.name} was to be measured, not that of {done['build']}")
            for part, mixed in zip(parts, ("", "_mixed"), strict=True):
                figures[f"ingest{mixed}_{per_frame}_per_frame_per_s"] = done["per_s"][part]
            if per_frame == 1:
                figures["bytes_per_reading_1_per_frame"] = done["bytes"] / sum(map(data.readings_of, parts))
                shutil.rmtree(there)
        place = there
    figures["bytes_per_reading"] = done["bytes"] / data.readings
    figures["peak_rss_mb"] = done["peak_rss_mb"]
    tell(f"{party.name} answers ({party.engine})")
    order["place"] = str(place)
    figures |= run_child(module, order | {"do": "cold"}, party.roots)
    figures |= run_child(module, order | {"do": "ask"}, party.roots)
    answers: Figures = figures.pop("answers")
    party.runs.append(figures)
    return answers


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
    return _medians(party.runs, (*(key for key in party.runs[0] if key.startswith("ingest_bulk")), *MORE, *LESS))


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


def _checkout(commit: str, folder: Path) -> list[Path]:
    """The import roots of a commit's remote. Raises RelayBenchError if there is no such commit, or no repository here."""
    repository = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        ["git", "-C", str(repository), "archive", commit, "--", *_ROOTS], capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RelayBenchError(f"--vs-commit needs a commit of a checkout of gridecho: {said[-1] if said else ''}", 2)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return [folder / root for root in _ROOTS]
