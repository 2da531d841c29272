"""The commands of `gridecho flash` that talk to boards."""

import json
from pathlib import Path

import click
from gridecho.fileset import pack_set

from .command_parts import (
    FILE,
    complain,
    config_option,
    dry_option,
    enrol_options,
    extra_files,
    files_option,
    finish,
    opened_place,
    print_table,
    read_settings,
    said_in_a_sentence,
    wait_option,
    which_option,
)
from .errors import SetupError
from .fleet import choose_ports, run_boards, usb_ports
from .image import firmware_files
from .interpreter import write_interpreter
from .job import Outcome, Say, Task, bring, compare
from .link import Link, Seen
from .places import Labels
from .plan import STARTER, changes


@click.command()
@which_option
@config_option
@click.option("--sensor-id", type=click.IntRange(1, 2**32 - 1), help="The board's id; of several, the first one's.")
@files_option
@enrol_options
@wait_option
@dry_option
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
    with said_in_a_sentence():
        settings = read_settings(config) if config is not None else None
        first_id = sensor_id or (settings or {}).get("sensor_id")
        with opened_place(enrol, enrol_file, to) as place:
            task = Task(
                firmware_files(), extra_files(extra), settings, place, Labels(name, region, category),
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

            finish(run_boards(choose_ports(ports, everyone), _hashed(task), first_id, place, work), as_json)


@click.command()
@which_option
@config_option
@files_option
@wait_option
@dry_option
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
    with said_in_a_sentence():
        settings = read_settings(config) if config is not None else None
        task = Task(firmware_files(), extra_files(extra), settings, dry_run=dry_run, wait_s=wait_s)

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            if own_id is None:
                raise SetupError(f"{link.port}: is no sensor yet; make one of it with: gridecho flash board")
            return bring(link, seen, own_id, task, say)

        finish(run_boards(choose_ports(ports, everyone), _hashed(task), None, None, work), as_json)


@click.command()
@which_option
@enrol_options
@wait_option
@dry_option
def rekey(
    ports: tuple[str, ...], everyone: bool, as_json: bool, enrol: Path | None, enrol_file: Path | None, to: str | None,
    name: str, region: str, category: str, wait_s: float, dry_run: bool,
) -> None:  # fmt: skip
    """Give a sensor a new root key, or take a new board for a sensor that is enrolled. What it sent before stays readable.

    \b
    Example:
      gridecho flash rekey --port /dev/ttyUSB0 --enrol remote
    """
    with said_in_a_sentence(), opened_place(enrol, enrol_file, to) as place:
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

        finish(run_boards(choose_ports(ports, everyone), _hashed(task), None, place, work), as_json)


@click.command()
@which_option
@files_option
@enrol_options
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
    with said_in_a_sentence(), opened_place(enrol, enrol_file, to) as place:
        wanted = {**firmware_files(), **extra_files(extra)}

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            said = compare(link, seen, wanted, place)
            return Outcome(
                link.port, problem=f"{link.port}: " + "; ".join(said) if said else None, exit_code=int(bool(said))
            )

        finish(run_boards(choose_ports(ports, everyone), list(wanted), None, None, work), as_json, "as it should be")


@click.command()
@which_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(ports: tuple[str, ...], everyone: bool, as_json: bool, yes: bool) -> None:
    """Erase a board's files, with its key and its unsent readings. The interpreter stays.

    \b
    Example:
      gridecho flash erase --port /dev/ttyUSB0
    """
    with said_in_a_sentence():
        chosen = choose_ports(ports, everyone)
        if not yes:
            click.confirm(f"Erase {', '.join(chosen)}, with key and unsent readings?", abort=True, err=True)

        def work(link: Link, seen: Seen, own_id: int | None, say: Say) -> Outcome:
            say("erase", 0, 1)
            link.soft_reset()
            link.call("erase()")
            return Outcome(link.port, seen.sensor_id, removed=list(seen.files))

        finish(run_boards(chosen, [], None, None, work), as_json, "erased")


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
    with said_in_a_sentence():
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
            print_table([{key: str(value) for key, value in row.items()} for row in rows.values()])
        complain(outcomes)


@click.command()
@click.option("--port", required=True, help="The serial port of the chip.")
@click.option(
    "--image", required=True, type=FILE, help="A .bin for this chip from micropython.org/download, 1.24 or newer."
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
    with said_in_a_sentence():
        write_interpreter(port, image, baud, erase=not keep_files)
    click.echo(f"{port}: written; go on with: gridecho flash board --port {port}")


@click.command()
@click.option("-o", "--output", required=True, type=FILE, help="The set to write.")
def package(output: Path) -> None:
    """Pack this version's firmware into one file, which the remote sends to sensors over the air.

    boot.py and main.py are not in it: they change by cable only.

    \b
    Example:
      gridecho flash package -o firmware.set
      gridecho remote firmware push all --set firmware.set
    """
    with said_in_a_sentence():
        files = {path: content for path, content in firmware_files().items() if path.startswith("lib/")}
        packed = pack_set(files)
        beside = output.with_name(output.name + ".new")
        try:
            beside.write_bytes(packed)
            beside.replace(output)
        except OSError as error:
            raise SetupError(f"{output}: cannot be written ({error.strerror})") from None
    click.echo(f"{output}: {len(files)} files, {len(packed):,} bytes")


def _hashed(task: Task) -> list[str]:
    return list(task.files(1))


COMMANDS: tuple[click.Command, ...] = (board, upgrade, rekey, verify, erase, find, interpreter, package)
