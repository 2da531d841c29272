"""`gridecho remote config push`, `firmware push`, `orders` and `orders withdraw`: what sensors are to take over."""

from dataclasses import asdict
from pathlib import Path

import click

from ..rules.actor import OPERATOR
from ..use import orders as orders_
from .parts import config_option, json_option, opened, say_rows

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group("config")
def config_() -> None:
    """Settings for sensors.

    Example: gridecho remote config push 7 config.json
    """


@config_.command("push")
@click.argument("sensor", type=click.IntRange(1, 2**32 - 1))
@click.argument("file", type=_FILE)
@config_option
@json_option
def config_push(sensor: int, file: Path, config: Path, as_json: bool) -> None:
    """Have SENSOR take over the config.json in FILE. It goes back to the old one if it reaches no relay with it.

    Example: gridecho remote config push 7 config.json
    """
    with opened(config) as site:
        version = orders_.push_config(site, OPERATOR, sensor, file.read_bytes())
    _say({sensor: version}, "settings", as_json)


@click.group()
def firmware() -> None:
    """Firmware for sensors.

    Example: gridecho remote firmware push all --set firmware.set
    """


@firmware.command("push")
@click.argument("sensor")
@click.option("--set", "file", type=_FILE, required=True, help="The set that gridecho flash package made.")
@config_option
@json_option
def firmware_push(sensor: str, file: Path, config: Path, as_json: bool) -> None:
    """Have SENSOR, or all, take over a firmware set. A sensor goes back to its old one if it reaches no relay with it.

    Example: gridecho remote firmware push all --set firmware.set
    """
    if sensor != "all" and not (sensor.isascii() and sensor.isdecimal()):
        raise click.ClickException(f"{sensor}: the number of a sensor was expected, or all")
    chosen = None if sensor == "all" else [int(sensor)]
    with opened(config) as site:
        versions = orders_.push_firmware(site, OPERATOR, chosen, file.read_bytes())
    _say(versions, "firmware", as_json)


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def orders(context: click.Context, config: Path, as_json: bool) -> None:
    """List what sensors were to take over, and what became of it.

    Example: gridecho remote orders --json
    """
    if context.invoked_subcommand is not None:
        context.default_map = {context.invoked_subcommand: {"config": config, "as_json": as_json}}
        return
    with opened(config) as site:
        say_rows([asdict(info) for info in orders_.all_orders(site, OPERATOR)], as_json)


@orders.command("withdraw")
@click.argument("sensor", type=click.IntRange(1, 2**32 - 1))
@config_option
@json_option
def orders_withdraw(sensor: int, config: Path, as_json: bool) -> None:
    """Take back what waits for SENSOR. What it has fetched already it may still take over, and tells so.

    Example: gridecho remote orders withdraw 7
    """
    with opened(config) as site:
        versions = orders_.withdraw(site, OPERATOR, sensor)
    if as_json:
        say_rows([{"sensor": sensor, "version": version} for version in versions], True)
    for version in versions if not as_json else ():
        click.echo(f"Version {version} does not wait for sensor {sensor} any more.")


def _say(versions: dict[int, int], kind: str, as_json: bool) -> None:
    if as_json:
        say_rows([{"sensor": sensor, "kind": kind, "version": version} for sensor, version in versions.items()], True)
        return
    for sensor, version in versions.items():
        click.echo(f"Sensor {sensor} gets {kind} as version {version}; see: gridecho remote orders")
    if not versions:
        click.echo("No sensor is enrolled yet.")
