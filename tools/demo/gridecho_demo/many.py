"""Sensors by the hundred: the firmware's own app.build and loop on CPython, forked from one process that has it imported.

Each has a process and a flash folder of its own, which is its working folder, and real sockets and clock. Driven by lines of JSON:
    {"start": [folder, ...], "apart_s": 0.02}  ->  {"pids": [...]}  each writes `console` beside its folder `flash`
    {"stop": [pid, ...]}                       ->  {"stopped": n}   power off
All are built first, then begin one after another: a board's start is not slowed by its neighbours' either.
A line of a console begins with the machine's monotonic time in seconds, so that those of all sensors can be compared.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import gridecho_board

_PR_SET_PDEATHSIG = 1  # prctl(2)

Prepare = Callable[[Callable[[str], None]], None]

sys.path.append(str(Path(gridecho_board.__file__).parent / "shims"))  # machine and network
from gridecho_node import app  # noqa: E402

# A board imports these when it needs them; here they are in memory before the fork, or each sensor would compile them.
_LATER = (
    *(f"gridecho.{name}" for name in ("checks", "config", "meter_settings", "registers")),
    *(f"gridecho_node.{name}" for name in ("backlog", "meters.replay", "spool")),
)


def _run(folder: str, built: int, begin: int, prepare: Prepare) -> NoReturn:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    console = os.open(Path(folder, "console"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(console, 1)  # the pipes are the parent's; a traceback goes to the console too
    os.dup2(console, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(Path(folder, "flash"))

    def say(line: str) -> None:
        os.write(console, b"%.6f %s\n" % (time.monotonic(), line.encode()))

    prepare(say)
    one = app.build(say)[0]
    os.write(built, b".")
    os.read(begin, 1)
    say("on")
    while True:
        one.step()


def _fork(folder: str, built: int, begin: int, prepare: Prepare) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _run(folder, built, begin, prepare)
    except BaseException:  # noqa: BLE001  # shown, and this process must not go on as its parent
        sys.excepthook(*sys.exc_info())
        os.write(built, b"!")
        os._exit(1)


def _start(folders: list[str], apart_s: float, prepare: Prepare) -> list[int]:
    (built, tell_built), (begin, tell_begin) = os.pipe(), os.pipe()
    pids = [_fork(folder, tell_built, begin, prepare) for folder in folders]
    waiting = len(pids)
    while waiting:
        waiting -= len(os.read(built, waiting))
    for _ in pids:
        os.write(tell_begin, b".")
        time.sleep(apart_s)
    for end in (built, tell_built, begin, tell_begin):
        os.close(end)
    return pids


def main(prepare: Prepare = lambda say: None) -> None:
    """Until stdin ends; then all sensors end. Each calls `prepare` with what writes a line to its console, before it is built."""
    for name in _LATER:
        importlib.import_module(name)
    gc.freeze()  # what the firmware collects at rest is then its own
    running: set[int] = set()
    for line in sys.stdin:
        command = json.loads(line)
        if "start" in command:
            pids = _start(command["start"], command["apart_s"], prepare)
            running.update(pids)
            print(json.dumps({"pids": pids}), flush=True)
        else:
            for pid in command["stop"]:
                running.discard(pid)
                os.kill(pid, signal.SIGKILL)  # ours, and not reaped yet, so nobody else's
                os.waitpid(pid, 0)
            print(json.dumps({"stopped": len(command["stop"])}), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
