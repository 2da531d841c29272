"""The command `gridecho bench groups`."""

import json
import sys
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .groups import Plan, measure
from .measuring import measured


@click.command()
@click.option("--relays", type=click.IntRange(1, 500), default=30, show_default=True, help="Real relay processes.")
@click.option(
    "--groups", type=click.IntRange(1, 500), default=3, show_default=True, help="Groups that they are put into."
)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=20.0, show_default=True, help="Of each run.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=4.0, show_default=True, help="Data a second and relay."
)
@click.option("--after", type=click.IntRange(2, 3600), default=5, show_default=True, help="Seconds of a term as proxy.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def groups(relays: int, groups: int, seconds: float, rate: float, after: int, as_json: bool) -> None:
    """What groups of relays spare the remote, under the same load with and without them.

    A real remote and real relays run on this machine, each relay with a sensor that sends half of its data as SEND. First every
    relay talks to the remote itself, then they are in groups of which one relay at a time carries the data of all.

    \b
    Example:
      gridecho bench groups --relays 30 --groups 3
    """
    if groups > relays:
        raise click.UsageError("there cannot be more groups than relays")
    plan = Plan(relays, groups, seconds, rate, after)
    found = measured(partial(measure, plan))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(plan, found))
    if found["lost_with_groups"] or found["lost_without_groups"]:
        click.echo("gridecho bench: acknowledged data are not at the remote; please report this", err=True)
        sys.exit(1)


def _table(plan: Plan, found: dict[str, Any]) -> Table:
    table = Table(
        "what",
        "each by itself",
        f"in {plan.groups} groups",
        header_style="bold",
        title=f"{plan.relays} relays, {plan.rate:g} data a second each",
    )
    for label, key, shape in (
        ("data connections to the remote, at most", "connections", "{:,}"),
        ("requests with data a second", "requests_per_s", "{:,.1f}"),
        ("the remote's CPU, share of a core", "remote_cpu", "{:.2f}"),
        ("all relays' CPU", "relays_cpu", "{:.2f}"),
        ("SEND to queryable, p50", "send_p50_ms", "{:.1f} ms"),
        ("SEND to queryable, p99", "send_p99_ms", "{:.1f} ms"),
        ("acknowledged", "acked", "{:,}"),
        ("lost", "lost", "{:,}"),
        ("terms", "terms", "{:,}"),
    ):
        table.add_row(label, *(shape.format(found[f"{key}_{name}"]) for name in ("without_groups", "with_groups")))
    table.add_row("scoring 1,000 relays by 60 periods", "", f"{found['scoring_ms']:.2f} ms")
    return table
