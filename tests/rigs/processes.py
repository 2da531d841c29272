"""A relay and a remote as processes of their own, and the one place that knows how a relay's tables are read."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridecho_bench.ports import free_port
from gridecho_common.secrets import read_secret, write_secret
from gridecho_remote import open_archive
from gridecho_remote.store.database import Archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor

from tests.rigs import stored
from tests.rigs.forks import Forked, gridecho
from tests.rigs.load import RELAY_ID, root_of
from tests.rigs.waiting import HANG_S, wait_for

GRIDECHO = [sys.executable, "-m", "gridecho_cli"]


def frames_in(database: Path, as_it_is: bool = True) -> list[bytes]:
    """The frames that a relay has on disk: STORE and SEND."""
    connection = sqlite3.connect(database, timeout=HANG_S)
    try:
        if not as_it_is:
            connection.execute("PRAGMA synchronous=OFF")
        # One statement, so that a frame that moves between the tables is seen once.
        rows = connection.execute("SELECT frame FROM held UNION ALL SELECT frame FROM outbox")
        return [frame for (frame,) in rows]
    finally:
        connection.close()


def held_in(database: Path) -> int:
    """How many frames a relay has as STORE."""
    connection = sqlite3.connect(database, timeout=HANG_S)
    try:
        return int(connection.execute("SELECT count(*) FROM held").fetchone()[0])
    finally:
        connection.close()


def frames_left(data_dir: Path, scratch: Path) -> list[bytes]:
    """The frames of a relay that does not run, read from a copy: reading recovers, and that is left to the relay."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in ("relay.sqlite", "relay.sqlite-wal"):
        if (data_dir / name).exists():
            shutil.copyfile(data_dir / name, scratch / name)
    return frames_in(scratch / "relay.sqlite", as_it_is=False)


class RelayProcess:
    """`gridecho relay run`, which may be killed and started again on the same port."""

    def __init__(self, folder: Path, remote_url: str, **changed: object) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.secret_file = folder / "relay.secret"
        self.secret = read_secret(self.secret_file) if self.secret_file.exists() else write_secret(self.secret_file)
        self.port = free_port(socket.SOCK_DGRAM)
        self.data_dir = Path(str(changed.get("data_dir", folder / "data")))
        self.config = folder / "relay.toml"
        self.log = folder / "relay.log"
        self._process: Forked | subprocess.Popen[bytes] | None = None
        values = {
            "relay_id": RELAY_ID,
            "listen": f"127.0.0.1:{self.port}",
            "status": "127.0.0.1:0",
            "remote": remote_url,
            "data_dir": str(self.data_dir),
            "heartbeat_every_s": 0.2,
            "index_every_s": 0.2,
        } | changed
        self.config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))

    @property
    def database(self) -> Path:
        return self.data_dir / "relay.sqlite"

    @property
    def pid(self) -> int:
        """Of the relay itself, not of what it runs under."""
        return int(json.loads((self.data_dir / "relay.json").read_text())["pid"])

    @property
    def status_url(self) -> str:
        return str(json.loads((self.data_dir / "relay.json").read_text())["status"])

    def start(self, under: Sequence[str] = (), command: Sequence[str] = GRIDECHO, wait: bool = True) -> None:
        """Starts it; `under` is put before the command, `command` is what else than gridecho runs."""
        (self.data_dir / "relay.json").unlink(missing_ok=True)
        run = ["relay", "run", "--config", str(self.config)]
        if under or command is not GRIDECHO:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen([*under, *command, *run], stdout=log, stderr=log)
        else:
            self._process = Forked(run, self.log)
        if wait:
            self.wait_up()

    def wait_up(self) -> None:
        def up() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()
            return (self.data_dir / "relay.json").exists()

        wait_for(up, "the relay's start")

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9; to be started again."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, within_s: float = HANG_S) -> None:
        """SIGTERM, and the end of what it runs under."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            self._process.wait(within_s)

    def close(self) -> None:
        """Whatever happened: nothing of it runs after this."""
        if self._process is not None and self._process.poll() is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except (OSError, ValueError):
                self._process.kill()
            self._process.wait(HANG_S)

    def flush(self, within_s: float = HANG_S) -> None:
        """`gridecho relay flush --wait`."""
        gridecho("relay", "flush", "--config", str(self.config), "--wait", str(within_s))

    def report(self) -> dict[str, object]:
        """`gridecho relay status --json`, without the cost of a process."""
        import urllib3

        return dict(urllib3.request("GET", f"{self.status_url}/status.json", timeout=HANG_S, retries=False).json())

    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def check_log(self) -> None:
        """Nothing in it that nobody expects."""
        text = self.log.read_text()
        assert "Traceback" not in text, text[-3000:]


class RemoteProcess:
    """`gridecho remote run` over a new database, an SQLite file if none is named, with these relays (secrets by id) and sensors."""

    def __init__(
        self, folder: Path, relays: Mapping[int, bytes], sensors: Iterable[int], database: str = "", **changed: object
    ) -> None:
        gridecho("remote", "init", "--dir", str(folder), *(["--database", database] if database else []))
        self._place(folder, database, changed)
        with self.archive() as archive, archive.db.atomic():
            for relay_id, secret in relays.items():
                enrol_relay(archive, relay_id, f"relay {relay_id}", secret)
            for sensor_id in sensors:
                enrol_sensor(archive, sensor_id, "sensor", "x", "y", root_of(sensor_id), 0)

    def another(self, folder: Path) -> "RemoteProcess":
        """One more before the same database, which is on a server."""
        folder.mkdir()
        shutil.copy(self._key_file, folder)
        other = RemoteProcess.__new__(RemoteProcess)
        other._place(folder, self._database, self._changed)
        return other

    def _place(self, folder: Path, database: str, changed: Mapping[str, object]) -> None:
        self._database, self._changed = database, changed
        self._key_file = folder / "remote.key"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "remote.toml"
        values = {
            "listen": f"127.0.0.1:{self.port}",
            "database": database or "remote.sqlite",
            "pull_addresses": ["127.0.0.1"],
            "min_free_mb": 0,
        } | changed
        self.config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        self.log = folder / "remote.log"
        self._process: Forked | None = None

    @contextmanager
    def archive(self) -> Iterator[Archive]:
        """The database, open beside the remote. Not for longer than it takes: a kill leaves nothing to recover meanwhile."""
        archive = open_archive(self._database or self.config.parent / "remote.sqlite", read_secret(self._key_file))
        try:
            yield archive
        finally:
            archive.close()

    def start(self, wait: bool = True) -> None:
        self._process = Forked(["remote", "run", "--config", str(self.config)], self.log)
        if wait:
            self.wait_up()

    def wait_up(self) -> None:
        wait_for(self._answers, "the remote's start")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(HANG_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.archive() as archive:
            return archive.connection().execute(query, values).fetchall()

    def stored(self, since_ms: int = 0) -> set[bytes]:
        """The data ids that are there as readings, each once; of blocks of which something came since."""
        return stored.packed_ids(self.query(f"{stored.IDS} WHERE stored_ms >= ?", since_ms))

    def count(self) -> int:
        return self.query("SELECT COALESCE(SUM(last_seq - first_seq + 1), 0) FROM block")[0][0]

    def quarantined(self) -> int:
        """Frames that do not open, or say something else under a data id that is taken."""
        return self.query("SELECT COUNT(*) FROM quarantine")[0][0]

    def index(self, relay_id: int = RELAY_ID) -> dict[bytes, int]:
        """What the holdings index says that a relay holds: the generation time by data id."""
        rows = self.query(
            "SELECT sensor_id, epoch, first_seq, last_seq, first_s, step_s FROM holding WHERE relay_id = ?", relay_id
        )
        return {
            b"".join(n.to_bytes(4, "big") for n in (sensor_id, epoch, seq)): first_s + (seq - first_seq) * step_s
            for sensor_id, epoch, first_seq, last_seq, first_s, step_s in rows
            for seq in range(first_seq, last_seq + 1)
        }
