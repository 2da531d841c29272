"""What the commands of `gridecho flash` share: their options, what they read, and how they say what was done."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from gridecho.config import read_config
from gridecho.errors import ConfigError
from gridecho_common.board_json import board_json
from gridecho_remote.rules.categories import CATEGORIES
from rich.console import Console
from rich.table import Table

from .errors import FlashingError, SetupError
from .image import ImageError
from .job import Outcome
from .manifest import ManifestError
from .places import AtRemote, InFile, Place

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(dir_okay=False, path_type=Path)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


which_option = _options(
    click.option(
        "--port",
        "ports",
        multiple=True,
        help="What `mpremote connect` takes: /dev/ttyUSB0, socket://host:port, rfc2217://... Repeat for more boards.",
    ),
    click.option("--all", "everyone", is_flag=True, help="Every board on USB, side by side."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts."),
)
dry_option = click.option("--dry-run", is_flag=True, help="Say what would be done; the board only restarts.")
wait_option = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 600),
    default=30,
    show_default=True,
    help="Seconds to wait for the first relay's answer; 0 does not look.",
)
config_option = click.option("--config", type=FILE, help="Becomes config.json, with the sensor's own id in it.")
files_option = click.option(
    "--file",
    "extra",
    multiple=True,
    metavar="PATH=FILE",
    help="Put FILE at PATH on the board, such as meter.csv=house1.csv.",
)
enrol_options = _options(
    click.option(
        "--enrol", type=click.Path(path_type=Path), help="The remote: its remote.toml, or the folder of that."
    ),
    click.option(
        "--enrol-file", type=FILE, help="Write the sealed keys to this file instead, to be imported at the remote."
    ),
    click.option(
        "--to", help="With --enrol-file: the remote's enrolment key (gridecho remote enrol key), or a file with it."
    ),
    click.option("--name", default="Sensor {id}", show_default=True, help="What people call the sensor."),
    click.option("--region", default="", help='Where it is, as "province/city/district".'),
    click.option(
        "--category",
        type=click.Choice(CATEGORIES),
        default="residential",
        show_default=True,
        help="What it measures.",
    ),
)


@contextmanager
def said_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (FlashingError, ImageError, ManifestError) as error:
        click.echo(f"gridecho flash: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 2))


@contextmanager
def opened_place(enrol: Path | None, enrol_file: Path | None, to: str | None) -> Iterator[Place | None]:
    if enrol is not None and enrol_file is not None:
        raise SetupError("--enrol and --enrol-file: give one of them")
    if enrol_file is not None and to is None:
        raise SetupError(
            "--enrol-file needs --to, the remote's enrolment key; the remote prints it: gridecho remote enrol key"
        )
    place: AtRemote | InFile | None = None
    try:
        if enrol is not None:
            place = AtRemote(enrol)
        elif enrol_file is not None and to is not None:
            place = InFile(enrol_file, to)
    except click.ClickException as error:
        raise SetupError(error.message) from None
    try:
        yield place
    finally:
        if place is not None:
            place.close()


def read_settings(path: Path) -> dict[str, Any]:
    """The settings, checked as the board does; the sensor's id may be left out, for every board gets its own."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise SetupError(f"{path}: JSON was expected") from None
    if not isinstance(values, dict):
        raise SetupError(f"{path}: a JSON object was expected")
    try:
        read_config(board_json({"sensor_id": 1, **values}).decode())
    except UnicodeEncodeError:
        raise SetupError(f"{path}: expected UTF-8 text, without halves of surrogate pairs") from None
    except ConfigError as error:
        raise SetupError(f"{path}: {error.key}: expected {error.expected}") from None
    return values


def extra_files(items: tuple[str, ...]) -> dict[str, bytes]:
    files = {}
    for item in items:
        path, equals, source = item.partition("=")
        path = path.strip("/")
        if not equals or not path or "/" in path:
            raise SetupError(f'--file: PATH=FILE was expected, with PATH a name in the board\'s /, not "{item}"')
        try:
            files[path] = Path(source).read_bytes()
        except OSError as error:
            raise SetupError(f"{source}: cannot be read ({error.strerror})") from None
    return files


def finish(outcomes: list[Outcome], as_json: bool, verb: str = "") -> None:
    """Prints what was done and ends the command with the worst exit code."""
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes]))
    else:
        print_table(
            [
                {
                    "port": outcome.port,
                    "sensor": str(outcome.sensor_id or "-"),
                    "copied": str(len(outcome.copied)),
                    "removed": str(len(outcome.removed)),
                    "key": outcome.key,
                    "route": outcome.route,
                    "seconds": f"{outcome.seconds:.1f}",
                    "result": "failed" if outcome.problem else verb or "done",
                }
                for outcome in outcomes
            ]
        )
    complain(outcomes)


def complain(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.problem:
            click.echo(f"gridecho flash: {outcome.problem}", err=True)
    worst = max((outcome.exit_code for outcome in outcomes), default=0)
    if worst:
        sys.exit(worst)


def print_table(rows: list[dict[str, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
