"""A real remote and a real relay, each a process, and virtual boards whose firmware and settings are changed from the remote."""

import json
import re
import secrets
from functools import cache
from pathlib import Path
from typing import Any

import urllib3
from click.testing import CliRunner
from gridecho_board import Board
from gridecho_common.secrets import write_secret
from gridecho_demo.child import Child
from gridecho_flash.image import build_image, firmware_files
from gridecho_remote import create_archive, open_archive
from gridecho_remote.commands.remote import remote as remote_command
from gridecho_remote.store import enrol, orders
from gridecho_remote.store.queries import count_readings

from tests.rigs.waiting import HANG_S, wait_for

RELAY_ID = 3
SENSORS = (11, 12, 13, 14, 15, 16, 17, 18)


@cache
def firmware() -> dict[str, bytes]:
    return firmware_files()


class Site:
    """One remote and one relay; boards are made by the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = {sensor_id: secrets.token_bytes(32) for sensor_id in SENSORS}
        self._boards: list[Board] = []
        key = write_secret(folder / "remote.key")
        (folder / "remote.toml").write_text('listen = "127.0.0.1:0"\n')
        archive = create_archive(folder / "remote.sqlite", key)
        for sensor_id, root in self.roots.items():
            enrol.enrol_sensor(archive, sensor_id, f"House {sensor_id}", "north/city-a", "residential", root)
        enrol.enrol_relay(archive, RELAY_ID, "Relay", write_secret(folder / "relay.secret"))
        archive.close()
        self._remote = self._child("remote", ["remote", "run", "--config", str(folder / "remote.toml")])
        wait_for(self._url)
        settings = {
            "relay_id": RELAY_ID,
            "listen": "127.0.0.1:0",
            "status": "127.0.0.1:0",
            "remote": self._url(),
            "heartbeat_every_s": 0.2,
            # All goes on to the remote at once.
            "store_bytes": 4096,
            "threshold_bytes": 4096,
            "buffer_bytes": 4096,
        }
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (folder / "relay.toml").write_text(text)
        self.relay = self._child("relay", ["relay", "run", "--config", str(folder / "relay.toml")])
        wait_for((folder / "data/relay.json").exists)
        listen = json.loads((folder / "data/relay.json").read_text())["listen"]
        self.relay_port = int(listen.rpartition(":")[2])
        self.archive = open_archive(folder / "remote.sqlite", key)

    def _child(self, name: str, words: list[str]) -> Child:
        return Child(name, "gridecho_cli", words, self.folder / f"{name}.log")

    def _url(self) -> str:
        found = re.search(r"http://[\d.]+:\d+", (self.folder / "remote.log").read_text())
        return found[0] if found else ""

    def config(self, sensor_id: int, **changed: object) -> dict[str, object]:
        return {
            "sensor_id": sensor_id,
            "relays": [{"id": RELAY_ID, "host": "127.0.0.1", "port": self.relay_port}],
            "meter": {"type": "replay", "file": "meter.csv", "loop": True},
            "period_ms": 1000,
            "trial_s": 5,
            **changed,
        }

    def board(self, sensor_id: int, **changed: object) -> Board:
        """A board that runs and has brought a reading to the relay."""
        image = self.folder / f"sensor-{sensor_id}.img"
        rows = "".join(f"{1000 + i},{350 + i % 7}\n" for i in range(50))
        own = {
            "config.json": json.dumps(self.config(sensor_id, **changed)).encode(),
            "key": self.roots[sensor_id],
            "epoch": b"0",
            "meter.csv": ("1-0:1.8.0,1-0:1.7.0\n" + rows).encode(),
        }
        build_image(image, {**firmware(), **own})
        board = Board(image, runtime="micropython")
        self._boards.append(board)
        board.start()
        board.wait_line("acked")
        return board

    def push(self, *words: str) -> int:
        """`gridecho remote ... push`; the version of the order."""
        done = CliRunner().invoke(remote_command, [*words, "--config", str(self.folder / "remote.toml"), "--json"])
        assert done.exit_code == 0, done.output
        said = json.loads(done.output)
        return int((said[0] if isinstance(said, list) else said)["version"])

    def push_config(self, sensor_id: int, config: dict[str, object]) -> int:
        file = self.folder / "pushed.json"
        file.write_text(json.dumps(config))
        return self.push("config", "push", str(sensor_id), str(file))

    def push_firmware(self, sensor_id: int, content: bytes) -> int:
        file = self.folder / "pushed.set"
        file.write_bytes(content)
        return self.push("firmware", "push", str(sensor_id), "--set", str(file))

    def order_state(self, sensor_id: int, version: int) -> str:
        found = [
            info.state for info in orders.orders(self.archive) if (info.sensor, info.version) == (sensor_id, version)
        ]
        return found[0]

    def state(self, sensor_id: int) -> dict[int, int]:
        """What the sensor last told of itself."""
        return orders.sensor_state(self.archive, sensor_id)

    def relay_report(self) -> dict[str, Any]:
        """What the relay says of itself."""
        status = json.loads((self.folder / "data/relay.json").read_text())["status"]
        report: dict[str, Any] = urllib3.request("GET", f"{status}/status.json", timeout=HANG_S, retries=False).json()
        return report

    def readings(self, sensor_id: int) -> int:
        return count_readings(self.archive, sensor_id)

    def close(self) -> None:
        for board in self._boards:
            board.stop()
        self.archive.close()
        for child in (self.relay, self._remote):
            child.stop()


def off(board: Board) -> None:
    """Power off, but not between the acknowledgement that ends a trial and the flash that says so."""
    for _ in range(2):
        board.wait_line("status", after=board.line_count)
    board.stop()
