"""Groups of relays as processes of their own, a remote, sensors that send; and what the remote's database says of the terms."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import urllib3
from gridecho_bench.ports import free_port
from gridecho_common.secrets import read_secret
from gridecho_remote import open_archive
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.groups import add_group, find_group, join
from gridecho_remote.store.terms import rotate

from tests.rigs.group_records import Records
from tests.rigs.load import Load, root_of
from tests.rigs.processes import GRIDECHO, RelayProcess, frames_in
from tests.rigs.waiting import HANG_S, wait_for

HEARTBEAT_S = 0.5


class Site(Records):
    """`groups` has the members' relay ids by the name of their group. Each relay has sensors of its own: `sensors_of`."""

    def __init__(
        self,
        folder: Path,
        groups: Mapping[str, Sequence[int]],
        sensors_each: int = 3,
        after_s: int = 2,
        period_s: int = 1,
        group_urls: Mapping[int, str] | None = None,
        **relay_settings: object,
    ) -> None:
        """`group_urls` are said by relays in place of their own."""
        self.folder = folder
        self.groups = dict(groups)
        self.sensors_each = sensors_each
        relay_ids = [relay_id for members in groups.values() for relay_id in members]
        remote = folder / "remote"
        remote.mkdir(parents=True)
        subprocess.run([*GRIDECHO, "remote", "init", "--dir", str(remote)], check=True, capture_output=True)
        port, metrics = free_port(), free_port()
        self.remote_url, self.metrics_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/metrics"
        self.remote_config = remote / "remote.toml"
        self.remote_config.write_text(
            f'listen = "127.0.0.1:{port}"\nmetrics = "127.0.0.1:{metrics}"\nmin_free_mb = 0\npull_addresses = ["127.0.0.1"]\n'
        )
        self.database = remote / "remote.sqlite"
        self.remote_log = remote / "remote.log"
        self._remote: subprocess.Popen[bytes] | None = None
        self.relays: dict[int, RelayProcess] = {}
        self.urls: dict[int, str] = {}
        for relay_id in relay_ids:
            status = f"127.0.0.1:{free_port()}"
            self.urls[relay_id] = f"http://{status}"
            settings = {
                "relay_id": relay_id,
                "status": status,
                "group_url": (group_urls or {}).get(relay_id, self.urls[relay_id]),
                "pull_url": self.urls[relay_id],
                "heartbeat_every_s": HEARTBEAT_S,
            } | relay_settings
            self.relays[relay_id] = RelayProcess(folder / f"relay-{relay_id}", self.remote_url, **settings)
        archive = open_archive(self.database, read_secret(remote / "remote.key"))
        with archive.db.atomic():
            for relay_id, relay in self.relays.items():
                enrol_relay(archive, relay_id, f"relay {relay_id}", relay.secret)
                for sensor_id in self.sensors_of(relay_id):
                    enrol_sensor(archive, sensor_id, f"sensor {sensor_id}", "x", "y", root_of(sensor_id), 0)
        self.group_ids: dict[str, int] = {}
        for name, members in groups.items():
            now_ms = time.time_ns() // 1_000_000
            group = add_group(archive, name, now_ms, after_s=after_s, period_s=period_s)
            join(archive, group, members, now_ms)
            self.group_ids[name] = group.id
        archive.close()
        super().__init__(self.database, self.group_ids)

    def sensors_of(self, relay_id: int) -> list[int]:
        return [100 * relay_id + n for n in range(self.sensors_each)]

    def start(self) -> None:
        """The remote and all relays, until each knows its proxy."""
        self.start_remote()
        for relay in self.relays.values():
            relay.start(wait=False)
        for relay in self.relays.values():
            relay.wait_up()
        wait_for(lambda: all(self.term_of(name) for name in self.groups), "a first term in every group")
        sensors = self.sensors_each * len(self.relays)
        for relay in self.relays.values():
            wait_for(lambda relay=relay: relay.report()["term"] and relay.report()["sensors"] == sensors, "the keys")

    def start_remote(self) -> None:
        with self.remote_log.open("ab") as log:
            self._remote = subprocess.Popen(
                [*GRIDECHO, "remote", "run", "--config", str(self.remote_config)], stdout=log, stderr=log
            )
        wait_for(self._remote_answers, "the remote's start")

    def _remote_answers(self) -> bool:
        assert self._remote is not None
        assert self._remote.poll() is None, self.remote_log.read_text()
        try:
            urllib3.request("GET", self.metrics_url, timeout=HANG_S, retries=False)
        except urllib3.exceptions.HTTPError:
            return False
        return True

    def load(self, relay_id: int, **how: object) -> Load:
        """Sensors of a relay that send to it; not started."""
        relay = self.relays[relay_id]
        return Load(self.sensors_of(relay_id), relay.port, relay_id=relay_id, **how)  # type: ignore[arg-type]

    def signal(self, relay_id: int, number: int) -> None:
        os.kill(self.relays[relay_id].pid, number)

    def make_proxy(self, name: str, relay_id: int) -> None:
        """Rotates by hand until this relay is the proxy of the group."""
        archive = open_archive(self.database, read_secret(self.remote_config.parent / "remote.key"))
        try:
            group = find_group(archive, name)

            def is_proxy() -> bool:
                term = self.term_of(name)
                if term is not None and term.proxy == relay_id:
                    return True
                with contextlib.suppress(RemoteError):
                    rotate(archive, group, time.time_ns() // 1_000_000)
                return False

            wait_for(is_proxy, f"relay {relay_id} as proxy")
        finally:
            archive.close()

    # --- what the remote says ---

    def metric(self, name: str) -> float:
        """A gauge or counter of the remote."""
        text = urllib3.request("GET", self.metrics_url, timeout=HANG_S, retries=False).data.decode()
        (line,) = [line for line in text.splitlines() if line.startswith(f"gridecho_remote_{name} ")]
        return float(line.split()[1])

    # --- the end ---

    def check_all_there(self, acked: Iterable[bytes]) -> None:
        """What was acknowledged is at the remote, once; nothing is left on a relay, and nothing strange came."""

        def empty() -> bool:
            for relay in self.relays.values():
                report = relay.report()
                if report["readings_held"]:
                    os.kill(relay.pid, signal.SIGUSR1)
            return not any(relay.report()["readings_held"] for relay in self.relays.values())

        wait_for(empty, "empty relays", every_s=0.2)
        wait_for(lambda: self.query("SELECT COUNT(*) FROM holding") == [(0,)], "an index that names nothing")
        self.check_whole(acked)
        for relay in self.relays.values():
            assert not frames_in(relay.database)
        self.check_logs()

    def check_logs(self) -> None:
        for relay in self.relays.values():
            relay.check_log()
        text = self.remote_log.read_text()
        assert "Traceback" not in text, text[-3000:]

    def close(self) -> None:
        for relay in self.relays.values():
            with contextlib.suppress(OSError, ValueError):
                os.kill(relay.pid, signal.SIGCONT)
            relay.close()
        if self._remote is not None and self._remote.poll() is None:
            self._remote.terminate()
            try:
                self._remote.wait(HANG_S)
            except subprocess.TimeoutExpired:
                self._remote.kill()
                self._remote.wait()


@contextlib.contextmanager
def running(site: Site) -> Iterator[Site]:
    """The site, started, and closed whatever happens."""
    try:
        site.start()
        yield site
    finally:
        site.close()
