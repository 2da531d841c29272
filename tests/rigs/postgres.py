"""A private PostgreSQL server on a Unix socket, with a database for each test; nothing of it is left afterwards."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.rigs.waiting import HANG_S, wait_for

PASSWORD = "a-secret-of-the-database"
_FORGETFUL = ("synchronous_commit=off",)  # what was committed last is gone if the server is killed
_STARTING_S = 600  # a younger folder may be of a server that is being made
_PLACE = Path("/usr/lib/postgresql")  # where Debian has all its versions
# A crash of the machine in the middle of a test costs nobody anything.
_KEEP = """
DO $$ DECLARE one text; BEGIN
  CREATE SCHEMA kept;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', one);
  END LOOP;
END $$
"""
_PUT_BACK = """
DO $$ DECLARE one text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid();
  SET LOCAL session_replication_role = replica;  -- foreign keys are not looked at meanwhile
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DELETE FROM public.%I', one);
    EXECUTE format('INSERT INTO public.%1$I SELECT * FROM kept.%1$I', one);
  END LOOP;
  FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER SEQUENCE public.%I RESTART', one);
  END LOOP;
END $$
"""
_OPTIONS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=32MB", "max_connections=300")


def folder_of_programs() -> Path | None:
    """Where the newest server that is installed has its programs."""
    found = [one for one in _PLACE.glob("*/bin") if (one / "initdb").exists()]
    return max(found, key=lambda one: int(one.parent.name), default=None)


class PostgresServer:
    """`close` when done. `log` is where it writes its log. One that keeps what it committed may be killed and started again."""

    def __init__(self, programs: Path, keeps: bool = False) -> None:
        self.programs = programs
        self._options = _OPTIONS if keeps else _OPTIONS + _FORGETFUL
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix="gridecho-pg-"))  # a socket's path has 107 bytes at most
        self.log = self.folder / "log"
        self._numbers = itertools.count(1)
        self._filled: dict[Callable[[str], None], str] = {}
        self._owner: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses root
            names = [one.pw_name for one in pwd.getpwall()]
            owner = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        arguments = ["-D", "data", "-U", "gridecho", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-A", "trust"]
        self._run("initdb", *arguments)
        self.start()

    def start(self) -> None:
        """Also after `stop` and `kill`, with all that was there."""
        options = [part for option in self._options for part in ("-c", option)]
        server = [str(self.programs / "postgres"), "-D", "data", "-k", str(self.folder), *options]
        if shutil.which("setpriv"):
            server = ["setpriv", "--pdeathsig", "QUIT", *server]  # it goes with the tests, however they end
        with self.log.open("a") as log:
            self._server = subprocess.Popen(server, cwd=self.folder, stdout=log, stderr=log, **self._owner)
        wait_for(lambda: (self.folder / ".s.PGSQL.5432").exists() or self._server.poll() is not None)
        wait_for(lambda: self._server.poll() is not None or self._answers())
        assert self._server.poll() is None, self.log.read_text()

    def stop(self) -> None:
        """Whoever is connected is cut off."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As an immediate shutdown does; what was committed is there again at the start, if this one `keeps` it."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        self._server.send_signal(how)
        self._server.wait(HANG_S)

    def url(self, name: str) -> str:
        """The URL of a database on it, with a password."""
        return f"postgresql://gridecho:{PASSWORD}@/{name}?host={self.folder}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def filled(self, fill: Callable[[str], None]) -> str:
        """The URL of a database as `fill` fills an empty one; the same one again each time, with its first rows put back.

        A copy of a template takes half a second on a busy machine, this some milliseconds.
        """
        url = self._filled.get(fill)
        if url is None:
            self._filled[fill] = url = self.database()
            fill(url)
            self._run_in(url, _KEEP)
        else:
            self._run_in(url, _PUT_BACK)
        return url

    def sql(self, statement: str) -> None:
        """Runs a statement, outside a transaction."""
        self._run_in(self.url("postgres"), statement)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], cwd=self.folder, capture_output=True, text=True, **self._owner
        )
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _run_in(url: str, statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _sweep() -> None:
    """Removes what runs left that were killed; their servers went with them."""
    for folder in Path(tempfile.gettempdir()).glob("gridecho-pg-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STARTING_S and not _is_alive(folder / "data" / "postmaster.pid"):
                shutil.rmtree(folder)


def _is_alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text().split()[0]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for this worker's tests, started by the first that wants it."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql); make test installs it where it may")
    server = PostgresServer(programs)
    yield server
    server.close()
