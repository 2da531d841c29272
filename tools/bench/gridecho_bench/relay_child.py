"""A process of the bench: a module of this package with its order as JSON, that says lines and waits for `go`."""

import subprocess
import sys
from types import TracebackType
from typing import Self

_LAST_S = 10.0


class RelayBenchError(Exception):
    """The bench cannot give true figures: one sentence why. `exit_code` is 2 for what the user can mend."""

    def __init__(self, why: str, exit_code: int = 1) -> None:
        super().__init__(why)
        self.exit_code = exit_code


class Child:
    """`python -m gridecho_bench.MODULE SPEC`; ended at the end of the `with` if it has not by itself."""

    def __init__(self, module: str, spec: str = "", env: dict[str, str] | None = None) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"gridecho_bench.{module}", *([spec] if spec else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.pid = self._process.pid

    def line(self, expected: str = "") -> str:
        """The next line it says. Raises RelayBenchError if it is not `expected`, or if the process ended."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        line = self._process.stdout.readline().strip()
        if not line or expected not in ("", line):
            self._process.kill()
            said = self._process.communicate()[1].strip().splitlines()
            raise RelayBenchError(f"{self._module} ended early: {said[-1] if said else line or 'it said nothing'}")
        return line

    def go(self) -> None:
        """Lets it begin."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._process.communicate(timeout=_LAST_S)  # its standard input ends
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.communicate()
