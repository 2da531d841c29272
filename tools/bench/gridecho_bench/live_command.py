"""The command `gridecho bench live`."""

import json
import sys
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .live import Plan, measure
from .measuring import measured


@click.command()
@click.option("--viewers", type=click.IntRange(1, 1_000), default=500, show_default=True, help="Streams that are open.")
@click.option(
    "--sensors", type=click.IntRange(1, 10_000), default=100, show_default=True, help="A reading a second each."
)
@click.option("--relays", type=click.IntRange(1, 100), default=10, show_default=True, help="A batch a second each.")
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=30.0, show_default=True, help="How long it is measured."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def live(viewers: int, sensors: int, relays: int, seconds: float, as_json: bool) -> None:
    """How soon those who look have readings that come.

    A real remote with one process runs on this machine; relays bring it batches, and so many streams are read. The time is from
    before a batch is sent until its reading was read from a stream.

    \b
    Example:
      gridecho bench live
      gridecho bench live --viewers 100 --seconds 10 --json
    """
    found = measured(partial(measure, Plan(viewers, sensors, min(relays, sensors), seconds)))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(found))
    if found["lost"]:
        click.echo("gridecho bench: readings did not come to all who looked; please report this", err=True)
        sys.exit(1)


def _table(found: dict[str, Any]) -> Table:
    title = f"{found['viewers']} streams of {found['sensors']} sensors, {found['seconds']:g} s"
    table = Table("what", "", header_style="bold", title=title)
    table.add_row("events", f"{found['events']:,}")
    for name, label in (
        ("p50_ms", "p50, ms"),
        ("p99_ms", "p99, ms"),
        ("worst_ms", "worst, ms"),
        ("batch_p99_ms", "a batch, p99, ms"),
    ):
        table.add_row(label, f"{found[name]:.0f}")
    table.add_row("the remote's CPU, of a core", f"{found['cpu']:.0%}")
    table.add_row("lost", f"{found['lost']:,}")
    return table
