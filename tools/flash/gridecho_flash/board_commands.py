"""The commands of `gridecho flash` that talk to boards."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from gridecho.fileset import pack_set
from gridecho_common.board_json import board_json
from gridecho_node.config import ConfigError, read_config
from rich.console import Console
from rich.table import Table

from .errors import FlashingError, SetupError
from .fleet import choose_ports, run_boards, usb_ports
from .image import ImageError, firmware_files
from .interpreter import write_interpreter
from .job import Outcome, Say, Task, bring, compare
from .link import Link, Seen
from .manifest import ManifestError
from .places import AtRemote, InFile, Labels, Place
from .plan import STARTER, changes

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_which = _options(
    click.option(
        "--port",
        "ports",
        multiple=True,
        help="What `mpremote connect` takes: /dev/ttyUSB0, socket://host:port, rfc2217://... Repeat for more boards.",
    ),
    click.option("--all", "everyone", is_flag=True, help="Every board on USB, side by side."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts."),
)
_dry = click.option("--dry-run", is_flag=True, help="Say what would be done; the board only restarts.")
_wait = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 600),
    default=30,
    show_default=True,
    help="Seconds to wait for the first relay's answer; 0 does not look.",
)
_config = click.option("--config", type=_FILE, help="Becomes config.json, with the sensor's own id in it.")
_files = click.option(
    "--file",
    "extra",
    multiple=True,
    metavar="PATH=FILE",
    help="Put FILE at PATH on the board, such as meter.csv=house1.csv.",
)
_enrol = _options(
    click.option(
        "--enrol", type=click.Path(path_type=Path), help="The remote: its remote.toml, or the folder of that."
    ),
    click.option(
        "--enrol-file", type=_FILE, help="Write the sealed keys to this file instead, to be imported at the remote."
    ),
    click.option(
        "--to", help="With --enrol-file: the remote's enrolment key (gridecho remote enrol key), or a file with it."
    ),
    click.option("--name", default="Sensor {id}", show_default=True, help="What people call the sensor."),
    click.option("--region", default="", help='Where it is, as "province/city/district".'),
    click.option("--category", default="residential", show_default=True, help="What it measures."),
)


@click.command()
@_which
@_config
@click.option("--sensor-id", type=click.IntRange(1, 2**32 - 1), help="The board's id; of several, the first one's.")
@_files
@_enrol
@_wait
@_dry
def board(
    ports: tuple[str, ...], everyone: bool, as_json: bool, config: Path | None, sensor_id: int | None,
    extra: tuple[str, ...], enrol: Path | None, enrol_file: Path | None, to: str | None,
    name: str, region: str, category: str, wait_s: float, dry_run: bool,
) -> None:  # fmt: skip
    """Make a sensor of a board with MicroPython: firmware, settings, root key, and its first probe.

    What is on the board already is not copied again; a run that was cut off is completed by the next. A key and an epoch stay.

    \b
    Example:
      gridecho flash board --port /dev/ttyUSB0 --config config.json --sensor-id 7 --enrol remote --region north/city-a
      gridecho flash board --all --config config.json --enrol-file site.enrol --to site.pub --region north/city-a
    """
    with _said_in_a_sentence():
        settings = _read_config(config) if config is not None else None
        first_id = sensor_id or (settings or {}).get("sensor_id")
        with _place(enrol, enrol_file, to) as place:
            task = Task(
                firmware_files(), _extra_files(extra), settings, place, Labels(name, region, category),
                dry_run=dry_run, wait_s=wait_s,
            )  # fmt: skip

            def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
                if settings is None and "config.json" not in seen.files:
                    raise SetupError(f"{link.port}: this board has no config.json yet; give one with --config")
                if place is None and seen.key is None:
                    raise SetupError(
                        f"{link.port}: this board has no key; say where to enrol it with --enrol or --enrol-file"
                    )
                if seen.key is None and not region:
                    raise SetupError(f"{link.port}: a sensor to be enrolled needs its --region")
                return bring(link, seen, own_id, task, say)

            _finish(run_boards(choose_ports(ports, everyone), _hashed(task), first_id, place, work), as_json)


@click.command()
@_which
@_config
@_files
@_wait
@_dry
def upgrade(
    ports: tuple[str, ...],
    everyone: bool,
    as_json: bool,
    config: Path | None,
    extra: tuple[str, ...],
    wait_s: float,
    dry_run: bool,
) -> None:
    """Bring a sensor's files up to this version. Key, epoch, route and unsent readings stay, and config.json unless given.

    \b
    Example:
      gridecho flash upgrade --all
    """
    with _said_in_a_sentence():
        settings = _read_config(config) if config is not None else None
        task = Task(firmware_files(), _extra_files(extra), settings, dry_run=dry_run, wait_s=wait_s)

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            if own_id is None:
                raise SetupError(f"{link.port}: is no sensor yet; make one of it with: gridecho flash board")
            return bring(link, seen, own_id, task, say)

        _finish(run_boards(choose_ports(ports, everyone), _hashed(task), None, None, work), as_json)


@click.command()
@_which
@_enrol
@_wait
@_dry
def rekey(
    ports: tuple[str, ...], everyone: bool, as_json: bool, enrol: Path | None, enrol_file: Path | None, to: str | None,
    name: str, region: str, category: str, wait_s: float, dry_run: bool,
) -> None:  # fmt: skip
    """Give a sensor a new root key, or take a new board for a sensor that is enrolled. What it sent before stays readable.

    \b
    Example:
      gridecho flash rekey --port /dev/ttyUSB0 --enrol remote
    """
    with _said_in_a_sentence(), _place(enrol, enrol_file, to) as place:
        if place is None:
            raise SetupError("say where to enrol the new key with --enrol or --enrol-file")
        task = Task(
            firmware_files(),
            place=place,
            labels=Labels(name, region, category),
            rekey=True,
            dry_run=dry_run,
            wait_s=wait_s,
        )

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            if own_id is None:
                raise SetupError(f"{link.port}: is no sensor yet; make one of it with: gridecho flash board")
            if place.known(own_id) is None and not region:
                raise SetupError(f"{link.port}: sensor {own_id} is not enrolled there yet, and needs its --region")
            return bring(link, seen, own_id, task, say)

        _finish(run_boards(choose_ports(ports, everyone), _hashed(task), None, place, work), as_json)


@click.command()
@_which
@_files
@_enrol
def verify(
    ports: tuple[str, ...], everyone: bool, as_json: bool, extra: tuple[str, ...], enrol: Path | None, enrol_file: Path | None,
    to: str | None, name: str, region: str, category: str,
) -> None:  # fmt: skip
    """Compare a board with this version of the firmware, and its key with the remote's. Exit code 1 if something differs.

    The board restarts afterwards, for reading it stops the sensor.

    \b
    Example:
      gridecho flash verify --port /dev/ttyUSB0 --enrol remote
    """
    with _said_in_a_sentence(), _place(enrol, enrol_file, to) as place:
        wanted = {**firmware_files(), **_extra_files(extra)}

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            said = compare(link, seen, wanted, place)
            return Outcome(
                link.port, problem=f"{link.port}: " + "; ".join(said) if said else None, exit_code=int(bool(said))
            )

        _finish(run_boards(choose_ports(ports, everyone), list(wanted), None, None, work), as_json, "as it should be")


@click.command()
@_which
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(ports: tuple[str, ...], everyone: bool, as_json: bool, yes: bool) -> None:
    """Erase a board's files, with its key and its unsent readings. The interpreter stays.

    \b
    Example:
      gridecho flash erase --port /dev/ttyUSB0
    """
    with _said_in_a_sentence():
        chosen = choose_ports(ports, everyone)
        if not yes:
            click.confirm(f"Erase {', '.join(chosen)}, with key and unsent readings?", abort=True, err=True)

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            say("erase", 0, 1)
            link.soft_reset()
            link.call("erase()")
            return Outcome(link.port, seen.sensor_id, removed=list(seen.files))

        _finish(run_boards(chosen, [], None, None, work), as_json, "erased")


@click.command()
@click.option("--port", "ports", multiple=True, help="Look here too, or only here; without it at every USB port.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def find(ports: tuple[str, ...], as_json: bool) -> None:
    """List the boards that are connected: interpreter, sensor id, and whether their firmware is this version.

    A sensor that runs is restarted by it.

    \b
    Example:
      gridecho flash find
    """
    with _said_in_a_sentence():
        firmware = firmware_files()
        rows: dict[str, dict[str, object]] = {}

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            if STARTER not in seen.files or own_id is None:
                state = "none"
            else:
                state = "older or changed" if changes(seen, firmware) else "this version"
            rows[link.port] = {
                "port": link.port,
                "machine": seen.machine,
                "micropython": ".".join(map(str, seen.version)),
                "id": seen.id,
                "sensor": seen.sensor_id,
                "firmware": state,
                "free_bytes": seen.free_bytes,
            }
            return Outcome(link.port)

        where = list(ports) or usb_ports()
        if not where:
            raise SetupError("no board is connected; plug one in, or name its port with --port")
        outcomes = run_boards(where, list(firmware), None, None, work)
        if as_json:
            click.echo(json.dumps([rows.get(o.port, {"port": o.port, "problem": o.problem}) for o in outcomes]))
        elif rows:
            _table([{key: str(value) for key, value in row.items()} for row in rows.values()])
        _complain(outcomes)


@click.command()
@click.option("--port", required=True, help="The serial port of the chip.")
@click.option(
    "--image", required=True, type=_FILE, help="A .bin for this chip from micropython.org/download, 1.24 or newer."
)
@click.option(
    "--baud",
    type=click.IntRange(9600, 3_000_000),
    default=460800,
    show_default=True,
    help="Bits a second while writing; less for a long cable.",
)
@click.option(
    "--keep-files", is_flag=True, help="Do not erase the chip first: the file system stays, with key and readings."
)
def interpreter(port: str, image: Path, baud: int, keep_files: bool) -> None:
    """Write a MicroPython image to an ESP32 with esptool. Erases the whole chip first, with its files.

    \b
    Example:
      gridecho flash interpreter --port /dev/ttyUSB0 --image ESP32_GENERIC-20241025-v1.24.0.bin
    """
    with _said_in_a_sentence():
        write_interpreter(port, image, baud, erase=not keep_files)
    click.echo(f"{port}: written; go on with: gridecho flash board --port {port}")


@click.command()
@click.option("-o", "--output", required=True, type=_FILE, help="The set to write.")
def package(output: Path) -> None:
    """Pack this version's firmware into one file, which the remote sends to sensors over the air.

    boot.py and main.py are not in it: they change by cable only.

    \b
    Example:
      gridecho flash package -o firmware.set
      gridecho remote firmware push all --set firmware.set
    """
    with _said_in_a_sentence():
        files = {path: content for path, content in firmware_files().items() if path.startswith("lib/")}
        packed = pack_set(files)
        beside = output.with_name(output.name + ".new")
        try:
            beside.write_bytes(packed)
            beside.replace(output)
        except OSError as error:
            raise SetupError(f"{output}: cannot be written ({error.strerror})") from None
    click.echo(f"{output}: {len(files)} files, {len(packed):,} bytes")


COMMANDS: tuple[click.Command, ...] = (board, upgrade, rekey, verify, erase, find, interpreter, package)


@contextmanager
def _said_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (FlashingError, ImageError, ManifestError) as error:
        click.echo(f"gridecho flash: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 2))


@contextmanager
def _place(enrol: Path | None, enrol_file: Path | None, to: str | None) -> Iterator[Place | None]:
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


def _read_config(path: Path) -> dict[str, Any]:
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


def _extra_files(items: tuple[str, ...]) -> dict[str, bytes]:
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


def _hashed(task: Task) -> list[str]:
    return list(task.files(1))


def _finish(outcomes: list[Outcome], as_json: bool, verb: str = "") -> None:
    """Prints what was done and ends the command with the worst exit code."""
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes]))
    else:
        _table(
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
    _complain(outcomes)


def _complain(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.problem:
            click.echo(f"gridecho flash: {outcome.problem}", err=True)
    worst = max((outcome.exit_code for outcome in outcomes), default=0)
    if worst:
        sys.exit(worst)


def _table(rows: list[dict[str, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
