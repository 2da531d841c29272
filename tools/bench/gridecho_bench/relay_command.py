"""The command `gridecho bench relay`."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .mosquitto import check_there
from .relay import Figures, Plan, measure
from .relay_child import RelayBenchError

_UNDISTURBED = 0.9  # share of a core that the bare loop has, waiting for nothing, if nobody else takes it


@click.command()
@click.option("--sensors", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many send.")
@click.option("--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="The figures are medians.")
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, help="Of each run.")
@click.option("--window", type=click.IntRange(1, 100_000), default=1024, show_default=True, help="In flight at once.")
@click.option(
    "--rate", type=click.IntRange(1, 200_000), default=10_000, show_default=True, help="A second, when paced."
)
@click.option("--vs", type=click.Choice(["mosquitto"]), help="In turn with it, what people use instead.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def relay(sensors: int, rounds: int, seconds: float, window: int, rate: int, vs: str | None, as_json: bool) -> None:
    """Load a real relay on this machine, beside the fastest loop that Python has.

    In each round the same generator, a process of its own, loads a bare loop that receives, answers and does nothing else, then a
    relay: first as fast as it acknowledges, with --window datagrams in flight, then at --rate. At the end the relay is killed,
    and every frame that it acknowledged must be in its database. With --vs mosquitto the same readings also go as JSON through a
    Mosquitto broker to a paho-mqtt subscriber that stores them in SQLite.

    \b
    Example:
      gridecho bench relay
      gridecho bench relay --rounds 5 --vs mosquitto --json
    """
    console = Console(stderr=True)
    try:
        rival = check_there() if vs else ""
        with tempfile.TemporaryDirectory(prefix="gridecho-bench-") as folder, console.status("...") as status:
            figures = measure(Plan(sensors, rounds, seconds, window, rate, rival), Path(folder), status.update)
    except RelayBenchError as error:
        click.echo(f"gridecho bench: {error}", err=True)
        sys.exit(error.exit_code)
    summary = figures.summary()
    if summary["limit_busy"] is not None and summary["limit_busy"] < _UNDISTURBED:
        click.echo(
            "gridecho bench: the bare loop did not get a core for itself, so something else is busy here; "
            "measure again when this machine is quiet",
            err=True,
        )
    if as_json:
        click.echo(json.dumps(summary))
        return
    Console().print(_table(figures, summary))


def _table(figures: Figures, found: dict[str, Any]) -> Table:
    table = Table("what", "here", header_style="bold", title=f"A relay, medians (rounds: {figures.plan.rounds})")
    rows = [
        ("acknowledged frames a second", f"{found['acked_per_s']:,.0f}"),
        ("bare loop: answers a second", f"{found['limit_per_s']:,.0f}"),
        ("ratio to the bare loop", f"{found['ratio_to_limit']:.2f}"),
        (f"acknowledgement at {found['rate']:,}/s, p50", f"{found['ack_ms']['p50']:.2f} ms"),
        (f"acknowledgement at {found['rate']:,}/s, p99", f"{found['ack_ms']['p99']:.2f} ms"),
        ("CPU time of a frame", "unknown here" if found["cpu_us"] is None else f"{found['cpu_us']:.1f} us"),
        ("a frame", f"{found['frame_bytes']:.1f} bytes"),
        ("a frame on disk", f"{found['disk_bytes_per_frame']:.1f} bytes"),
        ("acknowledged, and found in the database", f"{found['acked']:,}, {found['stored']:,}"),
        (
            "answered twice, refused, false, lost",
            ", ".join(f"{found[k]:,}" for k in ("duplicates", "nacked", "false", "lost")),
        ),
    ]
    if "mosquitto_per_s" in found:
        rows[3:3] = [
            ("Mosquitto: stored readings a second", f"{found['mosquitto_per_s']:,.0f}"),
            ("ratio to Mosquitto", f"{found['ratio_to_mosquitto']:.1f}"),
        ]
    for row in rows:
        table.add_row(*row)
    return table
