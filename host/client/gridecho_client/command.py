"""`gridecho read`: what a token opens, at a terminal: the list of sensors, or one's readings as CSV."""

import csv
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click
from gridecho_common.settings import SettingsError

from .asking import ClientError
from .client import RESOLUTIONS, Client
from .table import Hole, Table


class Local(click.ParamType[datetime]):
    """A date or a time in ISO 8601, of this machine's zone if it does not say otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.fromisoformat(value).astimezone()
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2027-01-31 or 2027-01-31T12:00+01:00", param, ctx)


@click.command("read")
@click.argument("sensor", type=int, required=False)
@click.option("--url", envvar="GRIDECHO_URL", required=True, help="The remote's address, or GRIDECHO_URL.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the token, of its owner alone; else GRIDECHO_TOKEN, or the file that GRIDECHO_TOKEN_FILE names.",
)
@click.option(
    "--from", "begin", type=Local(), help="From when on, in this machine's zone if it does not say otherwise."
)
@click.option("--to", "end", type=Local(), help="Up to when, not included.")
@click.option("--quantity", "quantities", multiple=True, metavar="OBIS", help="As 1-0:1.8.0; all if none is named.")
@click.option(
    "--resolution",
    type=click.Choice(RESOLUTIONS),
    default="raw",
    show_default=True,
    help="Single readings, or what energy registers rose by in each period.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file in place of the standard output; one that broke off goes on when it is called again.",
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="An authority of your own for TLS.")
@click.option(
    "--plain", is_flag=True, help="Allow http:// to another machine: all between can read token and readings."
)
def read(
    sensor: int | None,
    url: str,
    token_file: Path | None,
    begin: datetime | None,
    end: datetime | None,
    quantities: tuple[str, ...],
    resolution: str,
    output: Path | None,
    ca_file: str | None,
    plain: bool,
) -> None:
    """Print the readings of SENSOR as CSV; without SENSOR, list the sensors that the token opens.

    Holes are told on the error stream; a file with holes is written all the same.

    Example: gridecho read 7 --url https://readings.example --token-file reader.token --from 2026-01-01 -o january.csv
    """
    try:
        with Client(url, token_file=token_file, ca_file=ca_file, plain=plain) as client:
            if sensor is None:
                for one in client.sensors():
                    click.echo(f"{one.id}\t{one.name}\t{one.region}\t{' '.join(each.obis for each in one.quantities)}")
            elif output and resolution == "raw":
                done = client.download(sensor, output, begin, end, quantities)
                click.echo(f"{done.path}: {done.rows} readings.", err=True)
                if done.holes:
                    click.echo(f"{done.holes} holes are in it still.", err=True)
            else:
                table = client.read(sensor, begin, end, quantities, resolution=resolution)
                if output:
                    with output.open("w", encoding="utf-8", newline="") as file:
                        _write(table, file)
                else:
                    _write(table, sys.stdout)
                _say(table.holes)
    except (ClientError, SettingsError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _write(table: Table, file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow(["time", "utc", *table.columns])
    columns = [["" if value is None else value for value in column] for column in table.columns.values()]
    writer.writerows(zip(table.times, map(_utc, table.times), *columns, strict=True))


def _say(holes: Iterable[Hole]) -> None:
    for hole in holes:
        click.echo(f"Missing from {_utc(hole.begin_s)} to {_utc(hole.end_s)}: {hole.says}", err=True)


def _utc(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
