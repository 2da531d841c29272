"""A PostgreSQL server for a while: in a temporary folder, reached by a socket in it, with the settings of its defaults."""

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

from .relay_child import RelayBenchError

_START_S = 30.0
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


@contextmanager
def private_server() -> Iterator[str]:
    """Its URL, while it runs. Raises RelayBenchError if it does not start."""
    found = programs()
    if found is None:
        raise RelayBenchError(missing(), 2)
    user = _unprivileged()
    with tempfile.TemporaryDirectory(prefix="gridecho-bench-pg-") as folder:
        if user is not None:
            os.chown(folder, user, -1)
        log = Path(folder) / "log"
        data = Path(folder) / "data"
        with log.open("w", encoding="utf-8") as said:
            make: list[str | Path] = [
                found / "initdb",
                "-D",
                data,
                "-U",
                "bench",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ]
            if subprocess.run(make, user=user, cwd=folder, stdout=said, stderr=said, check=False).returncode:
                raise RelayBenchError(f"PostgreSQL cannot make a database: {_last(log)}")
            server = subprocess.Popen(
                [found / "postgres", "-D", data, "-k", folder, "-h", ""],
                user=user,
                cwd=folder,
                stdout=said,
                stderr=said,
            )
        try:
            _wait_until_up(found, folder, server, log)
            yield f"postgresql://bench@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait()


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


def _wait_until_up(found: Path, folder: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end_s = time.monotonic() + _START_S
    while subprocess.run([found / "pg_isready", "-q", "-h", folder], check=False).returncode:
        if server.poll() is not None or time.monotonic() > end_s:
            raise RelayBenchError(f"PostgreSQL did not start: {_last(log)}")
        time.sleep(0.05)


def _last(log: Path) -> str:
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return said[-1] if said else "it said nothing"
