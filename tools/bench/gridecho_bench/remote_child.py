"""A measured party in a process of its own: an order as JSON on its standard input, figures as JSON on its standard output."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from .checkouts import environment
from .relay_child import RelayBenchError

_HOT_S, _MOST_TIMES = 1.0, 30

_Answer = TypeVar("_Answer")


def run_child(module: str, order: dict[str, Any], roots: Sequence[Path] = ()) -> dict[str, Any]:
    """What a module of this package answers; `roots` come before what is installed. Raises RelayBenchError with its last words."""
    done = subprocess.run(
        [sys.executable, "-m", f"gridecho_bench.{module}"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        env=environment(roots),
        check=False,
    )
    if done.returncode:
        said = re.findall(r"^[\w.]+: .*", done.stderr, re.MULTILINE)  # after the traceback, what was raised
        raise RelayBenchError(f"{module} ended early: {said[-1] if said else 'it said nothing'}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def serve(do: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """The child's side: does the one order that comes."""
    order = json.load(sys.stdin)
    json.dump(do[order["do"]](order), sys.stdout)


def hot_ms(ask: Callable[[], _Answer]) -> tuple[_Answer, float]:
    """(answer, the median of the milliseconds that it takes after a first time), of a second of times or thirty."""
    answer = ask()
    took: list[float] = []
    while sum(took) < _HOT_S and len(took) < _MOST_TIMES:
        begun = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begun)
    return answer, 1000 * median(took)


def peak_rss_mb() -> float | None:
    """The most memory that this process ever had; None where the system does not tell. `ru_maxrss` would count its parent's."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def drop_cache(files: Sequence[Path]) -> None:
    """Takes the files out of the system's page cache, where it can be asked to."""
    for path in files:
        if hasattr(os, "posix_fadvise"):
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)  # what is not on disk yet stays
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)
