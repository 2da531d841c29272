"""The command `gridecho config`: a sensor's config.json, checked with the code that the sensor itself runs."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import click
from gridecho.config import Config, read_config
from gridecho.errors import ConfigError

_METERS: dict[str, dict[str, Any]] = {
    "dlt645": {"uart": 2, "rx": 16, "tx": 17, "baud": 2400, "address": "AAAAAAAAAAAA", "phases": 1},
    "dsmr": {"uart": 2, "rx": 16, "tx": 17, "baud": 115200, "invert": True},
    "han": {"uart": 2, "rx": 16, "tx": 17, "baud": 2400, "parity": "even"},
    "pzem": {"uart": 2, "rx": 16, "tx": 17, "address": 1},
    "replay": {"file": "series.csv", "loop": True},
    "s0": {"pin": 27, "pulses_per_kwh": 1000, "start_wh": 0, "save_s": 900, "save_pulses": 1000},
    "sml": {"uart": 2, "rx": 16, "tx": 17, "baud": 9600},
}


@click.group()
def config() -> None:
    """Check a sensor's config.json, or print one to begin with."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, as_json: bool) -> None:
    """Check FILE as the sensor does at its start. Exit code 2 and one sentence if it could not start with it.

    \b
    Example:
      gridecho config check config.json
    """
    try:
        checked = read_config(file.read_text(encoding="utf-8"))
        _refuse_ipv6_names(checked)
    except OSError as error:
        _refuse(file, as_json, "the file", f"a file that can be read ({error.strerror})")
    except UnicodeDecodeError:
        _refuse(file, as_json, "the file", "UTF-8 text")
    except ConfigError as error:
        _refuse(file, as_json, error.key, error.expected)
    else:
        click.echo(json.dumps({"ok": True, **_summary(checked)}) if as_json else f"{file}: {_sentence(checked)}")


@config.command()
@click.argument("meter", type=click.Choice(sorted(_METERS)))
def example(meter: str) -> None:
    """Print a config.json for a type of meter. Its keys are explained in docs/meters.md and docs/sensor.md.

    \b
    Example:
      gridecho config example dsmr > config.json
    """
    whole = {
        "sensor_id": 1,
        "wifi": {"ssid": "your network", "password": "its password"},
        "relays": [{"id": 1, "host": "192.168.1.10", "port": 4690}],
        "period_ms": 60_000,
        "rules": {"over_w": 0, "change_w": 0, "over_mv": 253_000, "under_mv": 207_000},
        "watchdog_s": 60,
        "meter": {"type": meter, **_METERS[meter]},
    }
    click.echo(json.dumps(whole, indent=2))


def _refuse(file: Path, as_json: bool, key: str, expected: str) -> None:
    if as_json:
        click.echo(json.dumps({"ok": False, "key": key, "expected": expected}))
    else:
        click.echo(f"gridecho config: {file}: {key}: expected {expected}", err=True)
    sys.exit(2)


def _refuse_ipv6_names(checked: Config) -> None:
    """Raises ConfigError for a relay whose name has no IPv4 address here; one that is not known here may be where the board is."""
    for i, (relay_id, host, _) in enumerate(checked.relays):
        if relay_id in checked.named:
            try:
                families = {found[0] for found in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
            except (OSError, UnicodeError):
                continue
            if socket.AF_INET not in families:
                raise ConfigError(f"relays[{i}].host", f"a name with an IPv4 address: a board cannot use {host}'s IPv6")


def _summary(checked: Config) -> dict[str, Any]:
    return {
        "sensor_id": checked.sensor_id,
        "meter": {"type": checked.meter_type, **checked.meter},
        "period_ms": checked.period_us // 1000,
        "relays": [{"id": relay_id, "host": host, "port": port} for relay_id, host, port in checked.relays],
    }


def _sentence(checked: Config) -> str:
    relays = ", ".join(f"{relay_id} at {host}:{port}" for relay_id, host, port in checked.relays)
    return (
        f"right: sensor {checked.sensor_id} reads a {checked.meter_type} meter every {checked.period_us / 1e6:g} s "
        f"and sends to relay {relays}"
    )
