"""Several boards side by side: a thread each, ids that do not clash, progress, and one outcome a board."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import serial.tools.list_ports
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .errors import BrokenLinkError, FlashingError, SetupError
from .job import Outcome, Say
from .link import Link, Seen
from .places import Place

Work = Callable[[Link, Seen, "int | None", Say], Outcome]


def usb_ports() -> list[str]:
    """Serial ports with a USB device behind them, which a board may be."""
    return sorted(port.device for port in serial.tools.list_ports.comports() if port.vid is not None)


def choose_ports(given: Sequence[str], everyone: bool) -> list[str]:
    """The ports that a command is for. Raises SetupError if that is not clear."""
    if given and everyone:
        raise SetupError("--all and --port: give one of them")
    ports = list(dict.fromkeys(given)) or usb_ports()
    if not ports:
        raise SetupError("no board is connected; plug one in, or name its port with --port")
    if not given and not everyone and len(ports) > 1:
        raise SetupError(f"{len(ports)} ports may have a board ({', '.join(ports)}); choose with --port, or take --all")
    return ports


def run_boards(
    ports: Sequence[str], extra: list[str], first_id: int | None, place: Place | None, work: Work
) -> list[Outcome]:
    """Looks at every board, gives each its id, then does `work` on all of them at once. `extra`: files of / to hash.

    A board keeps the id that it has. One without gets `first_id`, or the next that is free, and None if that is None.
    """
    links: dict[str, Link] = {}
    seen: dict[str, Seen] = {}
    began = time.monotonic()
    with ExitStack() as stack:
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[step]}"),
            console=Console(stderr=True),
        )
        if sys.stderr.isatty():
            stack.enter_context(progress)
        bars = {port: progress.add_task(port, total=1, step="look") for port in ports}
        pool = ThreadPoolExecutor(len(ports))

        def look(port: str) -> Outcome | None:
            def do() -> None:
                links[port] = Link(port)
                try:
                    seen[port] = links[port].look(extra)
                except BrokenLinkError:
                    # A run that was killed may have left the board in the middle of something: once more, from the beginning.
                    links[port].abandon()
                    links[port] = Link(port)
                    seen[port] = links[port].look(extra)

            return _guarded(port, began, do)

        def go(port: str) -> Outcome:
            done: list[Outcome] = []

            def say(step: str, at: int, of: int) -> None:
                progress.update(bars[port], step=step, completed=at, total=of or 1)

            failed = _guarded(port, began, lambda: done.append(work(links[port], seen[port], ids[port], say)))
            outcome = failed or done[0]
            outcome.sensor_id = outcome.sensor_id if outcome.sensor_id is not None else ids[port]
            outcome.seconds = round(time.monotonic() - began, 2)
            say("failed" if outcome.problem else "done", 1, 1)
            return outcome

        try:
            outcomes = {port: outcome for port, outcome in zip(ports, pool.map(look, ports), strict=True) if outcome}
            there = [port for port in ports if port not in outcomes]
            ids = give_ids({port: seen[port].sensor_id for port in there}, first_id, place)
            outcomes |= dict(zip(there, pool.map(go, there), strict=True))
        except KeyboardInterrupt:
            progress.stop()
            print("stopped; the same command goes on where this one ended", file=sys.stderr, flush=True)
            os._exit(130)  # threads that wait for a board are not waited for
        finally:
            pool.shutdown(wait=False)
            for link in links.values():
                link.close()
    return [outcomes[port] for port in ports]


def give_ids(has: dict[str, int | None], first_id: int | None, place: Place | None) -> dict[str, int | None]:
    """An id for each board. Raises SetupError if two boards have the same one, or one board has another than it is to get."""
    owner: dict[int, str] = {}
    for port, sensor_id in has.items():
        if sensor_id is not None and owner.setdefault(sensor_id, port) != port:
            raise SetupError(
                f"{owner[sensor_id]} and {port} are both sensor {sensor_id}; erase one: gridecho flash erase"
            )
    if len(has) == 1 and first_id is not None:
        ((port, sensor_id),) = has.items()
        if sensor_id not in (None, first_id):
            raise SetupError(
                f"{port}: this board is sensor {sensor_id}; to make it {first_id}, erase it first: gridecho flash erase"
            )
        return {port: first_id}
    taken = set(owner) | (place.taken() if place is not None else set())
    ids = dict(has)
    for port, sensor_id in has.items():
        if sensor_id is None and first_id is not None:
            while first_id in taken:
                first_id += 1
            taken.add(first_id)
            ids[port] = first_id
    return ids


def _guarded(port: str, began: float, do: Callable[[], None]) -> Outcome | None:
    try:
        do()
    except FlashingError as error:
        return Outcome(port, problem=str(error), exit_code=error.exit_code, seconds=round(time.monotonic() - began, 2))
    return None
