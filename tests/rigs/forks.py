"""Starts `gridecho ...` within milliseconds: a process loads the modules once, then forks for every start.

What runs then is a process of its own like any other: with its own pid, log and signals, to be killed and started again. Only what
it imports is there already, which is most of what a start costs. `Forked` may be used like a subprocess.Popen.

The process behind it is this file, run as a module: a line of JSON on its stdin is a start, or asks how a process ended.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

# What is loaded for a subcommand before its first start.
_MODULES = {
    "relay": ("gridecho_relay.command", "gridecho_relay.service"),
    "remote": ("gridecho_remote.commands.remote", "gridecho_remote.jobs.tidying", "gridecho_remote.server"),
    "group": ("gridecho_remote.commands.groups",),
}


class _Parent:
    """The process that forks; started when it is first needed, ends with the tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: dict[str, object]) -> int:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.rigs.forks"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=REPOSITORY,
                )
                atexit.register(self._close)
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            assert answer, "the process that forks is gone"
            return int(answer)

    def _close(self) -> None:
        if self._process is not None:
            self._process.communicate()


_parent = _Parent()


class Forked:
    """`gridecho ARGUMENTS`, its output in a log."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.args = ["gridecho", *arguments]
        self.returncode: int | None = None
        start = {"arguments": list(arguments), "log": str(log), "cwd": os.getcwd(), "env": dict(os.environ)}
        self.pid = _parent.ask(start)
        self._end = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], timeout)[0]:
            self.returncode = _parent.ask({"ended": self.pid})
            os.close(self._end)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def gridecho(*arguments: str) -> str:
    """What the command said; AssertionError if it did not end well."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = Forked(arguments, log)
        try:
            code = process.wait(5 * HANG_S)
        finally:
            process.kill()
        said = log.read_text()
    assert code == 0, f"gridecho {' '.join(arguments)}: {said}"
    return said


def _serve() -> list[str]:
    """Forks until its stdin ends. Returns in each process that it forked, with the arguments of that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        question = json.loads(line)
        if "ended" in question:
            _, status = os.waitpid(question["ended"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        arguments = question["arguments"]
        for module in _MODULES.get(arguments[0], ()):
            import_module(module)
        pid = os.fork()
        if not pid:
            _become(question)
            return list(arguments)
        print(pid, flush=True)
    os._exit(0)


def _become(question: dict[str, object]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(str(question["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
        os.set_inheritable(target, True)
    os.close(nothing)
    os.close(log)
    os.chdir(str(question["cwd"]))
    os.environ.clear()
    os.environ.update(dict(question["env"]))  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.argv[1:] = _serve()
    sys.argv[0] = "gridecho"
    import_module("gridecho_cli").main()
