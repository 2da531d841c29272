"""Processes that end with the demo: started in a session of their own, so that Ctrl-C reaches the demo alone; it ends them."""

import ctypes
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_STOP_S = 8.0


class Child:
    """One `python -m MODULE ARGS`; its stderr goes to a log file. Even if the demo is killed, the kernel ends it."""

    def __init__(self, name: str, module: str, args: list[str], log: Path, pipes: bool = False) -> None:
        self.name = name
        self.log = log
        self._log_file = log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gridecho_demo.child", str(os.getpid()), module, *args],
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else self._log_file,
            stderr=self._log_file,
            start_new_session=True,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def stdin(self) -> IO[str]:
        """Its standard input, where it was started with pipes."""
        if self._process.stdin is None:
            raise ValueError("started without pipes")
        return self._process.stdin

    @property
    def stdout(self) -> IO[str]:
        """Its standard output, where it was started with pipes."""
        if self._process.stdout is None:
            raise ValueError("started without pipes")
        return self._process.stdout

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def last_words(self) -> str:
        """The last line of its log, for an error message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it has not ended in 8 s; reaped either way."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log_file.close()


def _run(parent: int, module: str, args: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return  # the demo ended before this line
    sys.argv = [module, *args]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
