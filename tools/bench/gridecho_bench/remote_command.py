"""The command `gridecho bench remote`."""

import json
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .measuring import measured
from .remote import LESS, MORE, Plan, measure
from .remote_data import ZONE

_UNDISTURBED = 0.8  # share of a core that bare inserts have, commits and all, if nobody else takes it
_LABELS = {
    "ingest_1_per_frame_per_s": "stored a second",
    "ingest_10_per_frame_per_s": "with 10 a frame",
    "ingest_mixed_1_per_frame_per_s": "many sensors, stored",
    "ingest_mixed_10_per_frame_per_s": "with 10 a frame",
    "day_hot_ms": "a day, hot, ms",
    "day_cold_ms": "a day, cold, ms",
    "day_api_ms": "a day by the API, ms",
    "year_200_points_ms": "year, 200 points, ms",
    "year_energy_by_day_ms": "year, Wh by day, ms",
    "region_day_ms": "region, Wh of a day, ms",
    "year_csv_s": "year as CSV, s",
    "year_parquet_s": "year as Parquet, s",
    "bytes_per_reading": "on disk, bytes each",
    "bytes_per_reading_1_per_frame": "with 1 a frame",
    "empty_mb": "without readings, MB",
    "compacted_per_s": "made compact a second",
    "peak_rss_mb": "memory, most, MB",
}


@click.command()
@click.option(
    "--readings", type=click.IntRange(1_000, 10**9), default=10**7, show_default=True, help="How many are stored."
)
@click.option(
    "--sensors",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    help="In the region, beside one meter.",
)
@click.option("--runs", type=click.IntRange(1, 99), default=3, show_default=True, help="The figures are medians.")
@click.option("--postgresql", "url", default="", help="URL of a server to use, in place of one started for this.")
@click.option("--vs-commit", "vs", default="", help="In turn with the remote of this commit.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def remote(readings: int, sensors: int, runs: int, url: str, vs: str, as_json: bool) -> None:
    """Load a remote and ask it, beside bare inserts and DuckDB with the same readings.

    A year of one meter's minutes, and what is left of --readings from the sensors of one region, go through the remote's own ingest
    as batches of sealed frames, then its owner's questions are asked. In the same run the same rows go by executemany into SQLite,
    by COPY into PostgreSQL, and into DuckDB, which answers the same questions. Answers that differ are an error.

    \b
    Example:
      gridecho bench remote --readings 1000000
      gridecho bench remote --vs-commit HEAD~20 --json
    """
    found = measured(partial(measure, Plan(readings, sensors, runs, url, vs)))
    for name in ("postgresql", "duckdb"):
        if reason := found[name].get("reason"):
            click.echo(f"gridecho bench: no figures of {name}: {reason}", err=True)
    if found["bare"]["sqlite"]["busy"] < _UNDISTURBED:
        click.echo(
            "gridecho bench: bare inserts into SQLite did not get a core for themselves, so something else is busy here; "
            "measure again when this machine is quiet",
            err=True,
        )
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_storing(found), _all(found))


def _storing(found: dict[str, Any]) -> Table:
    table = Table(
        "readings stored a second", "remote", "bare", "ratio", header_style="bold", title="Beside bare inserts, medians"
    )
    for engine, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        bare = found["bare"][engine] or {}
        for per_frame, ratio in ((1, "ratio_to_bare_1_per_frame"), (10, "ratio_to_bare")):
            key = f"ingest_{per_frame}_per_frame_per_s"
            values = found[engine][key], bare.get(key), found[engine][ratio]
            table.add_row(f"{label}, {per_frame} a frame", *map(_shown, values))
    return table


def _all(found: dict[str, Any]) -> Table:
    columns = {
        "SQLite": found["sqlite"],
        "PostgreSQL": found["postgresql"],
        "DuckDB": found["duckdb"],
        "ratio": found["sqlite"]["ratio_to_duckdb"],
    }
    if "vs" in found:
        columns |= {found["vs"]["commit"]: found["vs"]["sqlite"], "ratio to it": found["vs"]["sqlite"]["ratio_to_it"]}
    columns = {name: figures for name, figures in columns.items() if not figures.get("reason")}
    table = Table("what", header_style="bold", title=f"A remote with {found['readings']:,} readings, medians")
    for name in columns:
        table.add_column(name, justify="right")
    for key in (*MORE, *LESS):
        table.add_row(_LABELS[key], *(_shown(figures.get(key)) for figures in columns.values()))
    table.caption = (
        f"A year: {found['meter_readings']:,} minutes. The region: {found['region_readings']:,} readings of "
        f"{found['sensors']:,} sensors, of which {found['mixed_1_per_frame_readings']:,} also went 1 a frame. Days are those of "
        f"{ZONE}. A ratio of 2 is twice as fast, or half as large. Runs: {found['runs']}."
    )
    return table


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
