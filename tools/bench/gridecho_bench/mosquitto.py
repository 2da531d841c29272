"""What people use instead of a relay: Mosquitto, and behind it a paho-mqtt subscriber that stores readings in SQLite."""

import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from . import mosquitto_publisher as publisher
from . import mosquitto_subscriber as subscriber
from .ports import free_port
from .relay_child import Child, RelayBenchError

MAX_INFLIGHT = (
    0,
    1500,
)  # messages that the subscriber has and did not acknowledge yet; 0: no limit. The better one counts
CONNECTIONS = 4
WINDOW = 2048  # readings without a PUBACK, over all connections
MOST_PER_S = 40_000  # readings published for each second that a run is to take
_START_S = 10.0

# Persistence as Debian ships it. By default Mosquitto drops what waits beyond 1,000 messages, holds back what comes after 20 that
# the subscriber has not acknowledged, and lets the kernel wait for more to send.
_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_inflight_messages {max_inflight}
max_queued_messages 0
set_tcp_nodelay true
user {user}
log_dest stderr
log_type error
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """Distinct readings in the subscriber's database, in how many commits, and the rate from first publish to last commit."""

    readings: int
    commits: int
    per_s: float


def check_there() -> str:
    """Mosquitto's program. Raises RelayBenchError that says what to install."""
    # Debian keeps it where only root's PATH looks.
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise RelayBenchError("Mosquitto is not there; install it with: sudo apt-get install mosquitto", 2)
    if importlib.util.find_spec("paho") is None:
        raise RelayBenchError("paho-mqtt is not there; install it with: pip install 'gridecho[bench]'", 2)
    return program


class Broker:
    """Mosquitto on a free port of 127.0.0.1, with a folder of its own."""

    def __init__(self, program: str, folder: Path, max_inflight: int) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        config = folder / "mosquitto.conf"
        user = "root" if os.geteuid() == 0 else "mosquitto"  # else it would leave root and could not write here
        config.write_text(
            _CONFIG.format(port=self.port, folder=folder, user=user, max_inflight=max_inflight), encoding="utf-8"
        )
        self._log = folder / "mosquitto.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RelayBenchError(f"Mosquitto did not start: {'; '.join(said[-2:]) or 'it said nothing'}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def run_mosquitto(program: str, folder: Path, sensors: int, count: int, max_inflight: int) -> Stored:
    """`count` readings from publishers through the broker into SQLite. Raises RelayBenchError if any is missing there."""
    database = folder / "readings.sqlite"
    with Broker(program, folder, max_inflight) as broker:
        take = subscriber.Spec(broker.port, str(database), count)
        give = publisher.Spec(broker.port, sensors, count, CONNECTIONS, WINDOW)
        with Child("mosquitto_subscriber", json.dumps(asdict(take))) as taking:
            taking.line("ready")
            with Child("mosquitto_publisher", json.dumps(asdict(give))) as giving:
                giving.line("ready")
                giving.go()
                given = publisher.Outcome(**json.loads(giving.line()))
                taken = subscriber.Outcome(**json.loads(taking.line()))
    connection = sqlite3.connect(database)
    try:
        (readings,) = connection.execute("SELECT count(DISTINCT payload) FROM reading").fetchone()
    finally:
        connection.close()
    if readings != count or given.acknowledged != count:
        raise RelayBenchError(f"of {count} readings Mosquitto took {given.acknowledged} and {readings} were stored")
    return Stored(readings, taken.commits, round(readings / (taken.last_s - given.first_s), 1))
