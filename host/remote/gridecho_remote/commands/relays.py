"""`gridecho remote relays` and `pull`: how the relays are, and getting now what they hold."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from gridecho.holdings import ANY

from ..rules.actor import OPERATOR
from ..rules.errors import RemoteError
from ..rules.sentences import at_terminal
from ..use import relays as relays_
from .parts import Utc, config_option, json_option, opened, say_rows


@click.command()
@config_option
@json_option
def relays(config: Path, as_json: bool) -> None:
    """List the enrolled relays, how they are, and what the index says that they hold.

    Example: gridecho remote relays --json
    """
    with opened(config) as site:
        say_rows([asdict(one) for one in relays_.all_relays(site, OPERATOR)], as_json)


@click.command()
@click.option("--sensor", type=click.IntRange(1, 2**32 - 1), required=True, help="Whose data.")
@click.option("--from", "from_s", type=Utc(), help="Readings from this UTC time on.")
@click.option("--to", "to_s", type=Utc(), help="Readings up to this UTC time.")
@click.option("--epoch", type=click.IntRange(1, 2**32 - 1), help="With --seqs: data ids of this boot of the sensor.")
@click.option("--seqs", help="As 10-20, or one number.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0, 3600), default=10, show_default=True, help="Seconds to wait."
)
@config_option
@json_option
def pull(
    sensor: int,
    from_s: float | None,
    to_s: float | None,
    epoch: int | None,
    seqs: str | None,
    wait_s: float,
    config: Path,
    as_json: bool,
) -> None:
    """Get now what relays hold of a sensor: all, of a span of time, or by data ids.

    A relay that cannot be reached from here gets the request with its next heartbeat, also after the wait.

    Example: gridecho remote pull --sensor 7 --from 2027-01-31 --to 2027-02-01
    """
    if (epoch is None) != (seqs is None):
        raise click.ClickException("--epoch and --seqs go together: they name data ids")
    with opened(config) as site:
        if epoch is not None and seqs is not None:
            outcomes = relays_.pull_data(site, OPERATOR, sensor, epoch, *_seqs(seqs), wait_s)
        else:
            end_s = None if to_s is None else int(to_s)
            outcomes = relays_.pull_span(site, OPERATOR, sensor, int(from_s or 0), end_s, wait_s)
    if not outcomes and not as_json:
        click.echo("No relay holds anything of that, as far as the index knows.")
        return
    say_rows([_came(one) for one in outcomes], as_json)


def _came(one: relays_.Outcome) -> dict[str, Any]:
    missing = at_terminal(RemoteError(one.missing)) if one.missing else None
    return {"relay": one.relay_id, "way": one.way, "frames": one.frames, "missing_because": missing}


def _seqs(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    last = last or first
    if not (first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal()):
        raise click.ClickException(f"--seqs {text}: expected a number, or two as 10-20")
    if not int(first) <= int(last) <= ANY:
        raise click.ClickException(f"--seqs {text}: expected numbers up to {ANY}, the smaller one first")
    return int(first), int(last)
