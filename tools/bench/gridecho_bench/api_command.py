"""The command `gridecho bench api`."""

import json
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from .api import CLIENTS, Plan, measure
from .measuring import measured

_LABELS = {
    "latest": "what a sensor has now",
    "day": "a day, every reading",
    "year": "a year in 200 points",
    "region_day": "a region's energy of a day",
}


@click.command()
@click.option(
    "--readings", type=click.IntRange(1_000, 10**8), default=10**6, show_default=True, help="How many are stored."
)
@click.option("--sensors", type=click.IntRange(10, 100_000), default=1_000, show_default=True, help="In the region.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 600),
    default=5.0,
    show_default=True,
    help="Of each question and number of clients.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="As in remote.toml.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def api(readings: int, sensors: int, seconds: float, threads: int, as_json: bool) -> None:
    """Ask a remote's API for what people and programs ask most, beside files with the same JSON.

    A remote with a year of one meter and a region of sensors serves on this machine. Clients ask by a token, each over one
    connection, and in turn the same number asks the same server for a file with that answer, which needs no login.

    \b
    Example:
      gridecho bench api --seconds 2
    """
    found = measured(partial(measure, Plan(readings, sensors, seconds, threads)))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(found))


def _table(found: dict[str, Any]) -> Table:
    headings = ("clients", "a second", "p99, ms", "a file", "p99, ms", "ratio")
    table = Table(Column("what", no_wrap=True), *headings, header_style="bold")
    for name, label in _LABELS.items():
        for clients in CLIENTS:
            one = found[name][str(clients)]
            by_api, by_file = one["api"], one["file"]
            table.add_row(
                label if clients == CLIENTS[0] else "",
                str(clients),
                f"{by_api['per_s']:,.0f}",
                f"{by_api['p99_ms']:.1f}",
                f"{by_file['per_s']:,.0f}",
                f"{by_file['p99_ms']:.1f}",
                f"{one['ratio']:.2f}",
            )
    return table
