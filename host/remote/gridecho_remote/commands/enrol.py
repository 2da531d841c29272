"""`gridecho remote enrol ...`: taking in sensors and relays, and what takes a lost relay's place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from gridecho_common.secrets import read_secret, write_secret

from ..rules.actor import OPERATOR
from ..rules.categories import CATEGORIES
from ..use import enrolment
from .parts import config_option, json_option, opened, say_rows


@click.group("enrol")
def enrol_() -> None:
    """Take in sensors and relays."""


_ID = click.option("--id", "owner_id", type=click.IntRange(1, 2**32 - 1), required=True, help="Its number.")
_NAME = click.option("--name", required=True, help="What people call it.")


@enrol_.command("sensor")
@_ID
@click.option("--name", default="", help="What people call it.")
@click.option("--region", default="", help='Where it is, as "province/city/district".')
@click.option("--category", default="", help=f"What it measures: {', '.join(CATEGORIES)}.")
@click.option("--key-id", type=click.IntRange(0, 255), default=1, show_default=True, help="The number of its root key.")
@click.option(
    "--root-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The sensor's root key as hex, mode 0600; made if it is not there.",
)
@config_option
@json_option
def enrol_sensor(
    owner_id: int, name: str, region: str, category: str, key_id: int, root_file: Path, config: Path, as_json: bool
) -> None:
    """Take in a sensor.

    One that is enrolled gets a new key, with another --key-id and without labels: over the air, from the relay that it
    sends to. Until it has told that it uses that key the one before is in force.

    Example: gridecho remote enrol sensor --id 7 --name "12 Mill Lane" --region north/city-a --category residential
    --root-file sensor7.key
    """
    with opened(config) as site, _secret(root_file) as root:
        version = enrolment.enrol_sensor(site, OPERATOR, owner_id, name, region, category, root, key_id)
    if version is None:
        _say_enrolled("sensor", owner_id, root_file, as_json)
    else:
        _say_key_sent(owner_id, key_id, version, root_file, as_json)


@enrol_.command("relay")
@_ID
@_NAME
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The relay's secret as hex, mode 0600; made if it is not there.",
)
@click.option("--replace", is_flag=True, help="It takes the place of the lost relay with this number.")
@config_option
@json_option
def enrol_relay(owner_id: int, name: str, secret_file: Path, replace: bool, config: Path, as_json: bool) -> None:
    """Take in a relay.

    With --replace the one that had this number is void, and the index is cleared of what it held.

    Example: gridecho remote enrol relay --id 1 --name "school roof" --secret-file relay1.key
    """
    with opened(config) as site, _secret(secret_file) as secret:
        if replace:
            _say_lost(owner_id, enrolment.replace_relay(site, OPERATOR, owner_id, name, secret), "are lost with it")
        else:
            enrolment.enrol_relay(site, OPERATOR, owner_id, name, secret)
    _say_enrolled("relay", owner_id, secret_file, as_json)


@enrol_.command("relay-code")
@click.option("--name", default="", help="What people call the relay; with --replace, if it is to change.")
@click.option(
    "--replace",
    type=click.IntRange(1, 2**32 - 1),
    metavar="ID",
    help="For a relay that takes the place of this one, which is lost.",
)
@click.option(
    "--hours",
    type=click.FloatRange(0, 24 * 30, min_open=True),
    default=24,
    show_default=True,
    help="How long it is good.",
)
@config_option
@json_option
def enrol_relay_code(name: str, replace: int | None, hours: float, config: Path, as_json: bool) -> None:
    """Print a one-time code with which a relay enrols itself: gridecho relay init --code CODE --remote URL.

    With --replace it gets the number of the lost one, so the sensors know it; from then on the lost one is void, and
    the index is cleared of what it held.

    Example: gridecho remote enrol relay-code --name "school roof"
    """
    with opened(config) as site:
        made = enrolment.make_code(site, OPERATOR, name, hours, replace)
    if replace is not None and made.lost is not None:
        _say_lost(replace, made.lost, "count as lost when the code is used")
    said = {"name": name, "code": made.code, "hours": hours} | ({} if replace is None else {"replaces": replace})
    click.echo(json.dumps(said) if as_json else made.code)


@enrol_.command("key")
@config_option
def enrol_key(config: Path) -> None:
    """Print the enrolment key: who flashes boards away from here seals their keys to it. It is no secret.

    Example: gridecho remote enrol key > site.pub
    """
    with opened(config) as site:
        click.echo(enrolment.public_text(site, OPERATOR))


@enrol_.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--replace",
    "replaced",
    multiple=True,
    type=click.IntRange(1, 2**32 - 1),
    metavar="ID",
    help="This sensor's key takes the place of another one; repeat for more.",
)
@config_option
@json_option
def enrol_import(file: Path, replaced: tuple[int, ...], config: Path, as_json: bool) -> None:
    """Take in the sensors of an enrolment FILE that gridecho flash made. May be repeated.

    Example: gridecho remote enrol import site.enrol
    """
    with opened(config) as site:
        imported = enrolment.import_file(site, OPERATOR, file, frozenset(replaced))
    _warn_of_later_epochs(imported.ahead)
    say_rows([{"sensor": sensor_id, "done": what} for sensor_id, what in imported.done.items()], as_json)


@contextmanager
def _secret(path: Path) -> Iterator[bytes]:
    """The secret in a file, which is made if it is not there; what is refused leaves none behind."""
    made = not path.exists()
    secret = write_secret(path) if made else read_secret(path)
    try:
        yield secret
    except BaseException:
        if made:
            path.unlink(missing_ok=True)
        raise


def _warn_of_later_epochs(ahead: dict[int, int]) -> None:
    """What flashes a board away from here takes its PC's clock for the first epoch."""
    for sensor_id, known in ahead.items():
        click.echo(
            f"gridecho remote: sensor {sensor_id} has data of epoch {known} here, which is ahead of the clock: route and state "
            "stay those, unless its new board was flashed with the same clock. Where the remote's folder is at hand, this "
            "mends it: gridecho flash rekey --enrol remote",
            err=True,
        )


def _say_lost(relay_id: int, lost: int, what: str) -> None:
    data = "No datum was" if not lost else "1 datum was" if lost == 1 else f"{lost:,} data were"
    click.echo(
        f"{data} on relay {relay_id} alone, as far as the index knows{f'; they {what}' if lost else ''}.", err=True
    )


def _say_enrolled(kind: str, owner_id: int, file: Path, as_json: bool) -> None:
    done = {"kind": kind, "id": owner_id, "secret_file": str(file)}
    click.echo(json.dumps(done) if as_json else f"Enrolled {kind} {owner_id}; its secret is in {file}.")


def _say_key_sent(sensor_id: int, key_id: int, version: int, file: Path, as_json: bool) -> None:
    if as_json:
        done = {"kind": "key", "id": sensor_id, "key_id": key_id, "version": version, "secret_file": str(file)}
        click.echo(json.dumps(done))
        return
    click.echo(
        f"Sensor {sensor_id} gets the key in {file}, as key {key_id}, with order version {version}; until it has told that it uses "
        "it, the one before is in force. See: gridecho remote orders"
    )
