"""`gridecho remote sensor ...` and `contract ...`: where a sensor is, what is said of it, and whose its readings are."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..rules.categories import CATEGORIES
from ..use import places
from .parts import Utc, config_option, json_option, opened, say_rows

_SENSOR = click.argument("sensor_id", metavar="SENSOR", type=click.IntRange(1, 2**32 - 1))


@click.group("sensor")
def sensor_() -> None:
    """Where a sensor is, and what is said of it."""


@sensor_.command("move")
@_SENSOR
@click.argument("region")
@config_option
def sensor_move(sensor_id: int, region: str, config: Path) -> None:
    """Put SENSOR into REGION, as "country/province/city/district".

    Who was granted that region sees it from now on, with all it has.

    Example: gridecho remote sensor move 7 north/city-a/harbour
    """
    with opened(config) as site:
        places.move(site, OPERATOR, sensor_id, region)
    click.echo(f"Sensor {sensor_id} is in {region}.")


@sensor_.command("category")
@_SENSOR
@click.argument("category", type=click.Choice(CATEGORIES))
@config_option
def sensor_category(sensor_id: int, category: str, config: Path) -> None:
    """Say what SENSOR measures.

    Example: gridecho remote sensor category 7 residential
    """
    with opened(config) as site:
        places.categorise(site, OPERATOR, sensor_id, category)
    click.echo(f"Sensor {sensor_id} is {category}.")


@sensor_.command("label")
@_SENSOR
@click.option("--add", "more", multiple=True, help="A label to give; repeat for more.")
@click.option("--remove", "less", multiple=True, help="A label to take off; repeat for more.")
@config_option
@json_option
def sensor_label(sensor_id: int, more: tuple[str, ...], less: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Label SENSOR: grants can name labels.

    Example: gridecho remote sensor label 7 --add heat-pump --add pilot-2027
    """
    with opened(config) as site:
        labels = places.label(site, OPERATOR, sensor_id, more, less)
    said = f"Sensor {sensor_id} has {', '.join(labels) or 'no labels'}."
    click.echo(json.dumps({"sensor": sensor_id, "labels": labels}) if as_json else said)


@click.group()
def contract() -> None:
    """Whose a sensor's readings are: a household moves out, and those of the next one are not theirs."""


@contract.command("begin")
@_SENSOR
@click.option("--user", help="The subject: a user who sees these readings without a grant.")
@click.option("--from", "from_s", type=Utc(), required=True, help="The first moment that is theirs, UTC.")
@click.option("--until", "until_s", type=Utc(), help="The first that is not theirs any more, UTC, if that is known.")
@config_option
@json_option
def contract_begin(
    sensor_id: int, user: str | None, from_s: float, until_s: float | None, config: Path, as_json: bool
) -> None:
    """Begin a contract of SENSOR.

    Example: gridecho remote contract begin 7 --user kim --from 2027-01-01
    """
    with opened(config) as site:
        until = None if until_s is None else int(until_s)
        number = places.begin_contract(site, OPERATOR, sensor_id, user, int(from_s), until)
    said = f"Contract {number}. End it with: gridecho remote contract end {number} --at TIME"
    click.echo(json.dumps({"id": number}) if as_json else said)


@contract.command("end")
@click.argument("number", metavar="ID", type=int)
@click.option("--at", "until_s", type=Utc(), required=True, help="The first moment that is not theirs any more, UTC.")
@config_option
def contract_end(number: int, until_s: float, config: Path) -> None:
    """End contract ID. Its subject goes on to see the readings that are theirs.

    Example: gridecho remote contract end 3 --at 2027-06-30T12:00+02:00
    """
    with opened(config) as site:
        places.end_contract(site, OPERATOR, number, int(until_s))
    click.echo(f"Contract {number} ends at {_utc(int(until_s))}.")


@contract.command("list")
@config_option
@json_option
def contract_list(config: Path, as_json: bool) -> None:
    """List all contracts, by sensor and time.

    Example: gridecho remote contract list
    """
    with opened(config) as site:
        rows = [
            {
                "id": one.id,
                "sensor": one.sensor_id,
                "user": one.user,
                "from": _utc(one.from_s),
                "until": _utc(one.until_s),
            }
            for one in places.contracts(site, OPERATOR)
        ]
    say_rows(rows, as_json)


def _utc(time_s: int | None) -> str | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
