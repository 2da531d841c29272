"""The command `gridecho bench pages`."""

import json
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .measuring import measured
from .pages import Plan, measure
from .remote_data import YEAR_MINUTES

_LABELS = {
    "first_curve_ms": "first curve, ms",
    "page_kb": "the page, kB on the wire",
    "zoom_ms": "zoom, ms",
    "zoom_worst_ms": "zoom, worst, ms",
    "pan_frames_per_s": "moving, frames a second",
    "pan_draws_per_s": "moving, drawings a second",
}


@click.command()
@click.option(
    "--minutes",
    type=click.IntRange(3_000, YEAR_MINUTES),
    default=YEAR_MINUTES,
    show_default=True,
    help="Of the meter, a reading each.",
)
@click.option("--runs", type=click.IntRange(1, 99), default=5, show_default=True, help="The figures are medians.")
@click.option("--vs-commit", "vs", default="", help="In turn with the page of this commit.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def pages(minutes: int, runs: int, vs: str, as_json: bool) -> None:
    """How soon a browser has a sensor's curve, and how it moves.

    A real remote with a year of one meter's minutes, and headless Chromium, which opens the sensor's page with an empty cache,
    zooms by the wheel and drags the curve. It needs selenium (pip install 'gridecho[dev]') and Debian's chromium and
    chromium-driver; a commit whose page is drawn by plotly.js needs its package, too (pip install plotly).

    \b
    Example:
      gridecho bench pages
      gridecho bench pages --runs 9 --vs-commit b48a0f0 --json
    """
    found = measured(partial(measure, Plan(minutes, runs, vs)))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(found))


def _table(found: dict[str, Any]) -> Table:
    columns = {"this page": found}
    if "vs" in found:
        ratios = {"first_curve_ms": found["vs"]["ratio_of_first_curve"], "page_kb": found["vs"]["ratio_of_weight"]}
        columns |= {found["vs"]["commit"]: found["vs"], "ratio": ratios}
    table = Table("what", header_style="bold", title=f"A sensor's page, {found['minutes']:,} readings, medians")
    for name in columns:
        table.add_column(name, justify="right")
    for key, label in _LABELS.items():
        table.add_row(label, *(f"{its[key]:,.4g}" if key in its else "" for its in columns.values()))
    table.caption = f"Runs: {found['runs']}. Chromium {found['chromium']}, {found['cores']} cores."
    return table
