"""A remote and many relays as processes in a folder of their own, with their relays in groups or each by itself."""

import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import urllib3
from gridecho_common.secrets import write_secret
from gridecho_demo.child import Child
from gridecho_remote.store.database import Archive, create_archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.groups import add_group, join

from .groups_traffic import root_of
from .ports import free_port
from .relay_child import RelayBenchError
from .relay_datagrams import cpu_s

_START_S = 60.0
_EMPTY_S = 60.0
_AT_ONCE = 6  # relays that start side by side


class GroupsRig:
    """Everything runs from `with` until its end. Without `groups` every relay talks to the remote itself.

    `enrol` puts more into the remote's database before it starts, and `changed` are more lines of its settings.
    """

    def __init__(
        self,
        folder: Path,
        relays: int,
        groups: int,
        after_s: int,
        enrol: Callable[[Archive], None] = lambda archive: None,
        changed: str = "",
    ) -> None:
        self.folder = folder
        self.relay_ids = list(range(1, relays + 1))
        self._http = urllib3.PoolManager(num_pools=relays + 2, timeout=10, retries=False)
        self._children: dict[int, Child] = {}
        port, metrics = free_port(), free_port()
        self.remote_url, self._metrics_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/metrics"
        remote = folder / "remote"
        remote.mkdir(mode=0o700, parents=True)
        config = remote / "remote.toml"
        config.write_text(f'listen = "127.0.0.1:{port}"\nmetrics = "127.0.0.1:{metrics}"\nmin_free_mb = 0\n{changed}')
        self.database = remote / "remote.sqlite"
        self._enrol(groups, after_s, enrol)
        self._remote = Child("remote", "gridecho_cli", ["remote", "run", "--config", str(config)], remote / "log")

    def _enrol(self, groups: int, after_s: int, enrol: Callable[[Archive], None]) -> None:
        archive = create_archive(self.database, write_secret(self.database.with_name("remote.key")))
        try:
            with archive.db.atomic():
                for relay_id in self.relay_ids:
                    place = self._place(relay_id)
                    place.mkdir(mode=0o700)
                    enrol_relay(archive, relay_id, f"relay {relay_id}", write_secret(place / "relay.secret"))
                    enrol_sensor(archive, relay_id, f"sensor {relay_id}", "bench", "residential", root_of(relay_id), 0)
            now_ms = time.time_ns() // 1_000_000
            for number in range(groups):
                group = add_group(archive, f"group {number + 1}", now_ms, after_s, None, max(1, after_s // 10))
                join(archive, group, self.relay_ids[number::groups], now_ms)
            enrol(archive)
        finally:
            archive.close()

    def __enter__(self) -> Self:
        try:
            self._wait(self._remote_answers, _START_S, self._remote)
            for at in range(0, len(self.relay_ids), _AT_ONCE):
                for relay_id in self.relay_ids[at : at + _AT_ONCE]:
                    self._start(relay_id)
                for relay_id in self.relay_ids[at : at + _AT_ONCE]:
                    self._wait(partial(self._is_ready, relay_id), _START_S, self._children[relay_id])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes."""
        for child in (*self._children.values(), self._remote):
            child.signal(signal.SIGTERM)
        for child in (*self._children.values(), self._remote):
            child.stop()

    def address(self, relay_id: int) -> tuple[str, int]:
        """Where a relay takes datagrams."""
        host, _, port = self._published(relay_id)["listen"].rpartition(":")
        return host, int(port)

    def metrics(self) -> dict[str, float]:
        """What the remote says of itself, by name without its prefix."""
        text = self._http.request("GET", self._metrics_url).data.decode()
        lines = (line.split() for line in text.splitlines() if line.startswith("gridecho_remote_"))
        return {name.removeprefix("gridecho_remote_"): float(value) for name, value in lines}

    def cpu_s(self) -> tuple[float, float]:
        """CPU time so far: of the remote, of all relays. 0 where the system does not tell."""
        return cpu_s(self._remote.pid) or 0.0, sum(cpu_s(child.pid) or 0.0 for child in self._children.values())

    def empty(self) -> None:
        """Makes all relays send what they hold. Raises RelayBenchError if they do not."""
        end_s = time.monotonic() + _EMPTY_S
        holding = list(self.relay_ids)
        while holding:
            holding = [relay_id for relay_id in holding if self._status(relay_id)["readings_held"]]
            for relay_id in holding:
                self._children[relay_id].signal(signal.SIGUSR1)
            if time.monotonic() > end_s:
                raise RelayBenchError(f"{len(holding)} relays still hold readings after {_EMPTY_S:.0f} s")
            time.sleep(0.2)

    def _place(self, relay_id: int) -> Path:
        return self.folder / f"relay-{relay_id}"

    def _start(self, relay_id: int) -> None:
        port = free_port()
        settings = {
            "relay_id": relay_id,
            "listen": "127.0.0.1:0",
            "status": f"127.0.0.1:{port}",
            "group_url": f"http://127.0.0.1:{port}",
            "remote": self.remote_url,
        }
        path = self._place(relay_id) / "relay.toml"
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
        command = ["relay", "run", "--config", str(path)]
        self._children[relay_id] = Child(f"relay {relay_id}", "gridecho_cli", command, self._place(relay_id) / "log")

    def _is_ready(self, relay_id: int) -> bool:
        try:
            status = self._status(relay_id)
        except (OSError, ValueError, urllib3.exceptions.HTTPError):
            return False
        # A relay in a group that has no proxy yet asks again with its next heartbeat.
        return bool(status["sensors"] >= len(self.relay_ids) and (status["group"] is None or status["term"]))

    def _remote_answers(self) -> bool:
        try:
            return bool(self.metrics())
        except urllib3.exceptions.HTTPError:
            return False

    def _status(self, relay_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.request("GET", self._published(relay_id)["status"] + "/status.json").json()
        return answer

    def _published(self, relay_id: int) -> dict[str, str]:
        found: dict[str, str] = json.loads((self._place(relay_id) / "data" / "relay.json").read_text())
        return found

    def _wait(self, ready: Callable[[], bool], within_s: float, child: Child) -> None:
        end_s = time.monotonic() + within_s
        while not ready():
            if child.ended() is not None or time.monotonic() > end_s:
                raise RelayBenchError(f"{child.name} did not start: {child.last_words()}")
            time.sleep(0.05)


def machine() -> dict[str, int]:
    """What the figures depend on."""
    return {"cores": os.cpu_count() or 0}
