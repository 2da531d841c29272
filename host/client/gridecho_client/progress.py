"""A bar for people at a terminal, on the error stream; nothing where there is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[int, float], None]  # rows so far, and which part of the span they fill, from 0 to 1


@contextmanager
def shown(title: str, wanted: bool | None) -> Iterator[Told]:
    """Gives what to call with how far it is. `wanted`: None shows it at a terminal only."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda _rows, _part: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(title, total=1, rows=0)
        yield lambda rows, part: bars.update(bar, completed=min(1, max(0, part)), rows=rows)
