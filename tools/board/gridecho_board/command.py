"""The command `gridecho board`."""

import json
import re
import signal
import sys
import threading
from pathlib import Path

import click

from . import Board, BoardError

_BYTES = re.compile(r"(\d+)([kKmM]?)")


def _heap_bytes(ctx: click.Context, param: click.Parameter, value: str) -> int:
    match = _BYTES.fullmatch(value)
    size = int(match[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[match[2].lower()] if match else 0
    if size < 32 * 1024:
        raise click.BadParameter(f'a size of at least 32k, such as "148k", was expected, not "{value}"')
    return size


@click.command()
@click.option(
    "--image",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its flash; `gridecho flash image` makes one. What the firmware writes stays in it.",
)
@click.option("--link", type=click.Path(path_type=Path), help="Make this symbolic link to the port.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "micropython", "cpython"]),
    default="auto",
    show_default=True,
    help="cpython runs the same files for debugging and coverage; it has no REPL, so mpremote cannot be used with it.",
)
@click.option(
    "--heap", callback=_heap_bytes, default="148k", show_default=True, help="Its heap; an ESP32 without PSRAM has 148k."
)
@click.option("--console", is_flag=True, help="Show what the board prints.")
@click.option("--json", "as_json", is_flag=True, help="Print port, process id and runtime as one line of JSON.")
def board(image: Path, link: Path | None, runtime: str, heap: int, console: bool, as_json: bool) -> None:
    """Run a virtual board until Ctrl-C: the firmware, its flash, and its REPL on a port for mpremote.

    Everything of mpremote works but `mount`, which needs a line that leaves every byte as it is.

    \b
    Example:
      gridecho flash image -o board.img --config config.json --key sensor.key
      gridecho board --image board.img --console
      mpremote connect /dev/pts/5 fs ls
    """
    try:
        kept = Board(image, runtime=runtime, heap_bytes=heap, link=link, on_line=print if console else None)
        _keep(kept, as_json)
    except BoardError as error:
        click.echo(f"gridecho board: {error}", err=True)
        sys.exit(2)


def _keep(board: Board, as_json: bool) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with board:
        if as_json:
            click.echo(json.dumps({"port": board.port, "pid": board.pid, "runtime": board.runtime}))
        elif board.runtime == "cpython":
            click.echo(f"board on CPython, console at {board.port} (no REPL). Ctrl-C stops it.")
        else:
            click.echo(f"board at {board.port}; connect with: mpremote connect {board.port}\nCtrl-C stops it.")
        sys.stdout.flush()
        while not ended.wait(0.5):
            if not board.running:
                raise BoardError(f"{board.image}: the board does not start any more")
