"""The command `gridecho bench hostile`."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from .measuring import measured

_CHECKOUT = Path(__file__).parents[3]


@click.command()
@click.option("--party", "parties", multiple=True, help="One of them; may be given again.  [default: all in turn]")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="Alone, and beside.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=20.0, show_default=True, help="Data a second and relay."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def hostile(parties: tuple[str, ...], seconds: float, rate: float, as_json: bool) -> None:
    """What honest parties get beside a hostile one.

    A real remote and three real relays run on this machine. Sensors send, and a user asks for readings; first alone, then beside a
    sensor, a relay, a proxy, a user or a stranger who does what harms others most. The hostile parties are those of the tests, so
    this runs from a checkout only, and against nothing but what it started.

    \b
    Example:
      gridecho bench hostile --party sensor --seconds 20
    """
    if not (_CHECKOUT / "tests" / "rigs" / "hostile").is_dir():
        click.echo(
            "gridecho bench hostile: run it from a checkout of gridecho: the hostile parties are in its tests", err=True
        )
        sys.exit(2)
    sys.path.insert(0, str(_CHECKOUT))
    from .hostile import Plan, measure
    from .hostile_parties import PARTIES

    if strange := set(parties) - set(PARTIES):
        raise click.UsageError(f"there is no party {min(strange)!r}; there are: {', '.join(PARTIES)}")
    found = measured(lambda folder, say: measure(Plan(seconds, rate), list(parties or PARTIES), folder, say))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table({party: found[party] for party in parties or PARTIES}))
    if any(found[party]["lost"] for party in parties or PARTIES):
        click.echo("gridecho bench: acknowledged data are not at the remote; please report this", err=True)
        sys.exit(1)


def _table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        "beside",
        "acked",
        "answered",
        "SEND p99, ms",
        "worst, s",
        "answer p99, ms",
        "lost",
        header_style="bold",
        title="what honest parties get, alone / beside",
    )
    for party, one in found.items():
        table.add_row(
            party,
            f"{one['acked_ratio']:.1%}",
            f"{one['answered_ratio']:.1%}",
            f"{one['send_p99_ms_alone']:.0f} / {one['send_p99_ms_beside']:.0f}",
            f"{one['send_worst_s_beside']:.1f}",
            f"{one['answer_p99_ms_alone']:.0f} / {one['answer_p99_ms_beside']:.0f}",
            f"{one['lost']:,}",
        )
    return table
