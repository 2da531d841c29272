"""A PostgreSQL server for the bench: one that is there, or one in a temporary folder with a socket in it, as it is by default."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .relay_child import RelayBenchError
from .remote_child import drop_cache

_START_S = 30.0
_DATABASE = "gridecho_bench"
_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of the newest server's programs; None: there is none."""
    there = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if there:
        return max(there, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def missing(url: str = "") -> str:
    """What is not there, in a sentence; empty: a server can be used."""
    if not find_spec("psycopg"):
        return "psycopg is not installed: pip install 'gridecho[bench]'"
    if not url and programs() is None:
        return "there is no PostgreSQL server here: apt-get install postgresql, or name one by --postgresql"
    return ""


class Server:
    """A server that is there, by its URL; it has a database of the bench while one is asked for."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new and empty database, which is dropped at the end."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_DATABASE}")
        try:
            yield urlsplit(self.url)._replace(path=f"/{_DATABASE}").geturl()
        finally:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {_DATABASE} WITH (FORCE)")

    def forget(self) -> bool:
        """Whether it could be made to have nothing in memory; another's server cannot."""
        return False

    def close(self) -> None:
        """Ends what was started."""


class PrivateServer(Server):
    """One that runs until it is closed. Raises RelayBenchError if it does not start."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise RelayBenchError(missing(), 2)
        self._programs, self._user = found, _unprivileged()
        self._folder = tempfile.TemporaryDirectory(prefix="gridecho-bench-pg-")
        self._place = Path(self._folder.name)
        super().__init__(f"postgresql://bench@/postgres?host={self._place}")
        if self._user is not None:
            os.chown(self._place, self._user, -1)
        make: list[str | Path] = ["-D", self._place / "data", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"]
        if self._started("initdb", *make, "--no-sync").wait():
            raise RelayBenchError(f"PostgreSQL cannot make a database: {self._last_words()}")
        self._start()

    def forget(self) -> bool:
        """It begins anew, its files out of the page cache."""
        self._stop()
        drop_cache([path for path in (self._place / "data").rglob("*") if path.is_file()])
        self._start()
        return True

    def close(self) -> None:
        """It ends, and nothing of it is left."""
        self._stop()
        self._folder.cleanup()

    def _start(self) -> None:
        self._server = self._started("postgres", "-D", self._place / "data", "-k", self._place, "-h", "")
        end_s = time.monotonic() + _START_S
        while subprocess.run([self._programs / "pg_isready", "-q", "-h", self._place], check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > end_s:
                self._stop()
                raise RelayBenchError(f"PostgreSQL did not start: {self._last_words()}")
            time.sleep(0.05)

    def _stop(self) -> None:
        self._server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        self._server.wait()

    def _started(self, program: str, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        with (self._place / "log").open("a", encoding="utf-8") as log:
            command = [self._programs / program, *arguments]
            if shutil.which("setpriv"):
                command = ["setpriv", "--pdeathsig", "QUIT", *command]  # it goes with the bench, however that ends
            return subprocess.Popen(command, user=self._user, cwd=self._place, stdout=log, stderr=log)

    def _last_words(self) -> str:
        said = (self._place / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"


def _unprivileged() -> int | None:
    """Who is to run the server, for root may not."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise RelayBenchError("PostgreSQL does not run as root, and there is no user postgres or nobody here", 2)
