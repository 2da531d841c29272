"""`gridecho demo`."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.live import Live

from .plan import APART_MS, Plan, make_plan


@click.command(
    epilog="\b\nExamples:\n"
    "  gridecho demo\n"
    "  gridecho demo --data household.csv.gz --sensors 6 --relays 3 --for 60 --json out.json"
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replay this household series (columns local_time, active_power_kW, voltage_V, current_A). "
    "Without it readings are drawn from a standard load profile.",
)
@click.option("--sensors", type=click.IntRange(1, 100), default=6, show_default=True, help="How many sensors.")
@click.option(
    "--households",
    type=click.IntRange(0, 500),
    default=60,
    show_default=True,
    help="How many households the city has around these sensors, with weeks of readings; 0: no city, and with --for, "
    "--data or --speed there is none either.",
)
@click.option("--relays", type=click.IntRange(1, 16), default=3, show_default=True, help="How many relays.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "micropython", "cpython"]),
    default="auto",
    show_default=True,
    help="What the sensors' firmware runs on; auto is MicroPython where its VM exists.",
)
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), help="Times faster than life; default: a reading a second."
)
@click.option(
    "--apart-ms",
    type=click.FloatRange(min=1),
    default=APART_MS,
    show_default=True,
    help="How much longer the round trip to each relay is than to the next nearer one; on a busy machine more is needed "
    "for sensors to tell them apart.",
)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=5),
    help="Run for so many seconds, make the fastest relay the slowest half-way, then count every reading.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the counts here; needs --for."
)
@click.option(
    "--send-limit-ms",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="What 99 of 100 SEND readings may take from the meter to the page.",
)
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep databases, flash images and logs in this new folder."
)
def demo(
    data: Path | None,
    sensors: int,
    households: int,
    relays: int,
    runtime: str,
    speed: float | None,
    apart_ms: float,
    for_s: float | None,
    json_file: Path | None,
    send_limit_ms: int,
    keep: Path | None,
) -> None:
    """A remote, relays and sensors on this machine, with a page to look at.

    Goes on until Ctrl-C, or for the seconds of --for: then it holds every reading at the remote against the input, and the
    exit code is 0 only if nothing was lost, doubled or changed and every sensor was on the fastest relay, before and after.
    """
    if json_file is not None and for_s is None:
        raise click.UsageError("--json needs --for: without an end there is nothing to count")
    plan = make_plan(data, sensors, relays, speed, for_s, apart_ms, households)
    # A stop by SIGTERM takes the same way out as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="gridecho-demo-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        if keep is not None:
            try:
                keep.mkdir(mode=0o700)
            except OSError as error:
                raise click.BadParameter(f"{keep}: a new folder was expected ({error.strerror})") from None
            folder = keep.absolute()
        code = _run(plan, folder, runtime, json_file, send_limit_ms)
    sys.exit(code)


def _run(plan: Plan, folder: Path, runtime: str, json_file: Path | None, send_limit_ms: int) -> int:
    from .verdict import Verdict
    from .world import World

    console = Console(stderr=True)
    try:
        with World(plan, folder, runtime, lambda line: console.print(f"[dim]{line}[/dim]", highlight=False)) as world:
            if plan.for_s is None:
                _show(console, world, lambda: False)
                return 0
            verdict = Verdict(world)
            _show(console, world, verdict.turn)
            result = verdict.result(send_limit_ms)
    except KeyboardInterrupt:
        console.print("stopped: every process that the demo started has ended")
        return 0 if plan.for_s is None else 130
    text = json.dumps(result, indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n", encoding="utf-8")
    console.print(text, highlight=False)
    failed = [name for name, holds in result["holds"].items() if not holds]
    if failed:
        console.print(f"[red]does not hold: {', '.join(failed)}[/red]")
        return 1
    console.print("[green]all of it holds[/green]")
    return 0


def _show(console: Console, world, over: Callable[[], bool]) -> None:  # type: ignore[no-untyped-def]
    from .display import picture

    begun = time.monotonic()
    if not console.is_terminal:
        console.print(f"page {world.url}  user {world.user}  one-time password {world.password}", soft_wrap=True)
        for user, password in world.others.items():
            console.print(f"also user {user}  one-time password {password}", soft_wrap=True)
        while not over():
            world.check()
            time.sleep(0.2)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not over():
            world.check()
            live.update(picture(world, time.monotonic() - begun))
            time.sleep(0.25)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
