"""What the tests of flashing flash against: a remote and a relay as processes on loopback, and blank virtual boards."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from gridecho_board import Board
from gridecho_common.secrets import read_secret, write_secret
from gridecho_flash.command import flash as flash_command
from gridecho_flash.image import BLOCK_BYTES
from gridecho_remote.store import enrol
from gridecho_remote.store.database import Archive, create_archive, open_archive
from gridecho_remote.use.enrolment_files import key_check

from tests.rigs.waiting import HANG_S, wait_for

GRIDECHO = [sys.executable, "-m", "gridecho_cli"]
REGION = "north/city-a"


class Site:
    """A remote and one relay; `remote` is the remote's folder. Sensors find the relay at `host`."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.host = host
        self.remote = folder / "remote"
        self.remote.mkdir()
        (self.remote / "remote.toml").write_text('listen = "127.0.0.1:0"\n')
        relay = folder / "relay"
        relay.mkdir()
        archive = create_archive(self.remote / "remote.sqlite", write_secret(self.remote / "remote.key"))
        enrol.enrol_relay(archive, 1, "Relay 1", write_secret(relay / "relay.secret"))
        archive.close()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("remote", "run", "--config", str(self.remote / "remote.toml"))
        url = wait_for(lambda: re.search(r"http://[\d.]+:\d+", (folder / "remote.log").read_text()))[0]
        settings = (
            f'relay_id = 1\nlisten = "{host}:0"\nstatus = "127.0.0.1:0"\nremote = "{url}"\nheartbeat_every_s = 0.2\n'
        )
        (relay / "relay.toml").write_text(
            settings + "store_bytes = 8192\nthreshold_bytes = 8000\nbuffer_bytes = 4096\n"
        )
        self._start("relay", "run", "--config", str(relay / "relay.toml"))
        addresses = relay / "data" / "relay.json"
        wait_for(lambda: addresses.exists() and addresses.read_text())
        self.relay_port = int(json.loads(addresses.read_text())["listen"].rpartition(":")[2])

    def _start(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.log").open("wb") as log:
            self._processes.append(subprocess.Popen([*GRIDECHO, *words], stdout=log, stderr=log))

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(HANG_S)

    def archive(self) -> Archive:
        return open_archive(self.remote / "remote.sqlite", read_secret(self.remote / "remote.key"))

    def check(self, sensor_id: int) -> str | None:
        """The check value of the key that the remote has."""
        archive = self.archive()
        try:
            key = enrol.sensor_key(archive, sensor_id)
            return None if key is None else key_check(key[1])
        finally:
            archive.close()

    def readings(self, sensor_id: int) -> int:
        archive = self.archive()
        try:
            query = "SELECT COALESCE(SUM(readings), 0) FROM block WHERE sensor_id = ?"
            return int(archive.connection().execute(query, (sensor_id,)).fetchone()[0])
        finally:
            archive.close()

    def write_config(self, path: Path, **more: object) -> Path:
        config = {
            "relays": [{"id": 1, "host": self.host, "port": self.relay_port}],
            "meter": {"type": "replay", "file": "meter.csv"},
            "period_ms": 200,
            "rtt_limit_ms": 2000,
            **more,
        }
        path.write_text(json.dumps(config))
        return path


def blank(path: Path, kb: int = 1024) -> Path:
    path.write_bytes(b"\xff" * (kb * 1024 // BLOCK_BYTES) * BLOCK_BYTES)
    return path


def flash(*words: object, code: int = 0) -> Any:
    """Runs `gridecho flash` within this process; its JSON where `--json` was asked for, else its output."""
    done = CliRunner().invoke(flash_command, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in words else done.output


def flash_process(*words: object, code: int = 0, env: dict[str, str] | None = None) -> Any:
    """The same in a process of its own."""
    done = subprocess.run(
        [*GRIDECHO, "flash", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if "--json" in words else done.stdout + done.stderr


def power_off(board: Board) -> Path:
    board.stop()
    return board.image
