"""`gridecho remote undated` and `date`: readings without a time, and the times that an administrator gives them."""

from datetime import UTC, datetime
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..use import undated as undated_
from .parts import Utc, config_option, json_option, opened, say_rows


@click.command()
@config_option
@json_option
def undated(config: Path, as_json: bool) -> None:
    """List readings without a time: made before any relay had told the sensor the time.

    AFTER and BEFORE are the times of the dated readings around them.

    Example: gridecho remote undated
    """
    with opened(config) as site:
        rows = [
            {
                "sensor": one.sensor_id,
                "epoch": one.epoch,
                "readings": one.readings,
                "after": _utc(one.after_s),
                "before": _utc(one.before_s),
            }
            for one in undated_.stretches(site, OPERATOR)
        ]
        say_rows(rows, as_json)


@click.command()
@click.argument("sensor", type=click.IntRange(1, 2**32 - 1))
@click.argument("epoch", type=click.IntRange(0, 2**32 - 1))
@click.option("--first", type=Utc(), required=True, help="When the first of them was made, UTC if no zone is given.")
@click.option("--period", type=click.IntRange(1, 86_400), required=True, help="Seconds from each reading to the next.")
@config_option
@json_option
def date(sensor: int, epoch: int, first: float, period: int, config: Path, as_json: bool) -> None:
    """Give the undated readings of SENSOR's EPOCH their times. Saying it again replaces what was said before.

    Example: gridecho remote date 7 12 --first 2027-01-31T12:00 --period 60
    """
    with opened(config) as site:
        count = undated_.date(site, OPERATOR, sensor, epoch, int(first), period)
    if as_json:
        say_rows([{"sensor": sensor, "epoch": epoch, "dated": count}], True)
    else:
        click.echo(f"{count} readings of sensor {sensor} have times now, from {_utc(int(first))} on.")


def _utc(time_s: int | None) -> str | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
