"""Everything that the demo starts, in order, and stops, in the other order: register, remote, delays, relays, virtual boards."""

import json
import re
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import urllib3
from gridecho_bench.ports import free_port
from gridecho_board import Board, BoardError, resolve_runtime
from gridecho_common.secrets import write_secret
from gridecho_common.settings import split_address
from gridecho_flash.image import build_image, firmware_files
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.store import enrol, grants, roles, users
from gridecho_remote.store.database import Archive, create_archive
from gridecho_remote.use import setting_up
from gridecho_remote.use.site import site_of

from . import city
from .child import Child
from .ledger import Ledger
from .plan import Plan
from .series import meter_file

_START_S = 20.0
# Small, so that a newcomer sees stores fill and flush: about 40 readings, then all go to the remote.
_STORE_BYTES, _THRESHOLD_BYTES, _BUFFER_BYTES = 8192, 5120, 4096
_REGION = "demo/riverside"
T = TypeVar("T")
_USER, _OBSERVER = "visitor", "demo-observer"
# Whom the demo's register knows: a stranger's request for access is held against this.
STAFF = {
    "S-1001": {
        "person": {"name": "Ada Wong"},
        "post": {"department": "Statistics Office", "title": "analyst"},
        "active": True,
    },
    "S-1002": {
        "person": {"name": "Grace Lee"},
        "post": {"department": "Statistics Office", "title": "clerk"},
        "active": False,
    },
}
_STAFF_FIELDS = '{name = "person.name", organisation = "post.department", role = "post.title", active = "active"}'


class World:
    """The running system of one plan, in one folder. Use it as a context: leaving it leaves no process."""

    def __init__(self, plan: Plan, folder: Path, runtime: str, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.url = ""
        self.user = _USER
        self.password = ""  # the visitor's, good for one login
        self.others: dict[str, str] = {}  # one-time passwords of other people of the city, by name
        self.observer_password = secrets.token_urlsafe(24)
        self.observer = _OBSERVER
        self.ledgers = {sensor_id: Ledger() for sensor_id in plan.sensor_ids}
        self.boards: dict[int, Board] = {}
        self._folder = folder
        self._runtime = resolve_runtime(runtime)
        self._say = say
        self._shim: Child | None = None
        self._remote: Child | None = None
        self._register: Child | None = None
        self._households: Child | None = None
        self._inputs = dict(plan.inputs)
        self._relays: dict[int, Child] = {}
        self._fronts: dict[int, int] = {}
        self._status_urls: dict[int, str] = {}
        self._http = urllib3.PoolManager(timeout=3, retries=False)

    def __enter__(self) -> "World":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def set_delay(self, relay_id: int, delay_ms: float) -> None:
        """Changes the delay that is added to a relay's round trip."""
        self._ask_shim({"forwarder": self.plan.relay_ids.index(relay_id), "delay_ms": delay_ms})

    def wire_counts(self) -> list[dict[str, int]]:
        """What went through each relay's forwarder: {"data": DATA datagrams, "data_bytes": ..., "all_bytes": ...}."""
        counts: list[dict[str, int]] = self._ask_shim({"counts": True})["counts"]
        return counts

    def relay_status(self, relay_id: int) -> dict[str, object]:
        """What the relay's /status.json says."""
        answer = self._http.request("GET", self._status_urls[relay_id] + "/status.json")
        status: dict[str, object] = answer.json()
        return status

    def held(self) -> int:
        """How many readings the relays hold now, stored or on their way to the remote."""
        return sum(int(str(self.relay_status(relay_id)["readings_held"])) for relay_id in self.plan.relay_ids)

    def flush(self) -> None:
        """Makes every relay send all that it holds."""
        for relay in self._relays.values():
            relay.signal(signal.SIGUSR1)

    def check(self) -> None:
        """Raises click.ClickException if something that should run has ended."""
        for child in (self._shim, self._register, self._remote, self._households, *self._relays.values()):
            if child is not None and child.ended() is not None:
                raise click.ClickException(f"{child.name} ended by itself: {child.last_words()}")

    def stop(self) -> None:
        """Stops everything that was started; may be called again."""
        for board in self.boards.values():
            board.stop()
        for child in (self._households, *self._relays.values(), self._remote, self._register, self._shim):
            if child is not None:
                child.stop()
        self.boards, self._relays, self._remote, self._register, self._shim = {}, {}, None, None, None
        self._households = None

    def _start(self) -> None:
        self._say(f"register: knows {len(STAFF)} people, who may ask for access")
        register = self._start_register()
        self._say("remote: making keys, users and grants")
        roots = self._make_remote(register)
        config = self._folder / "remote" / "remote.toml"
        self._remote = self._child("remote", "gridecho_cli", ["remote", "run", "--config", str(config)])
        self._shim = self._child("delays", "gridecho_demo.shim", [], pipes=True)
        # Port 0 is any free one; the remote says which.
        self.url = self._wait_for("the remote", lambda: self._said("remote", r"http://[\d.]+:\d+"))
        for relay_id in self.plan.relay_ids:
            self._start_relay(relay_id)
        for relay_id in self.plan.relay_ids:
            self._wait_for(f"relay {relay_id}", lambda relay_id=relay_id: self._place_relay(relay_id))  # type: ignore[misc]
        self._say(f"sensors: {len(self.plan.sensor_ids)} boards on {self._runtime}, with a flash image each")
        firmware = firmware_files(bytecode=self._runtime == "micropython")
        for sensor_id in self.plan.sensor_ids:
            self._start_board(sensor_id, roots[sensor_id], firmware)
        self._start_households(roots)

    def _start_register(self) -> str:
        """The URL at which somebody of the staff is looked up."""
        file = self._folder / "staff.json"
        file.write_text(json.dumps(STAFF))
        self._register = self._child("register", "gridecho_demo.registry", [str(file)])
        return self._wait_for("the register", lambda: self._said("register", r"http://\S+"))

    def _make_remote(self, register: str) -> dict[int, bytes]:
        folder = self._folder / "remote"
        folder.mkdir(mode=0o700)
        (folder / "remote.toml").write_text(
            f'listen = "127.0.0.1:0"\npull_addresses = ["127.0.0.1"]\n'
            f"registry_url = {json.dumps(register)}\nregistry_fields = {_STAFF_FIELDS}\n"
        )
        archive = create_archive(folder / "remote.sqlite", write_secret(folder / "remote.key"))
        try:
            everyone = self._everyone()
            roots = {sensor_id: secrets.token_bytes(32) for sensor_id in everyone}
            for sensor_id, root in roots.items():
                region = city.region_of(sensor_id, len(everyone)) if self.plan.city else _REGION
                enrol.enrol_sensor(archive, sensor_id, f"House {sensor_id}", region, "residential", root)
            relays = {}
            for relay_id in self.plan.relay_ids:
                relay_folder = self._folder / f"relay-{relay_id}"
                relay_folder.mkdir(mode=0o700)
                relays[relay_id] = write_secret(relay_folder / "relay.secret")
                enrol.enrol_relay(archive, relay_id, f"Relay {relay_id}", relays[relay_id])
            self.password = users.add_user(archive, self.user)
            users.add_user(archive, self.observer)
            users.change_password(archive, users.user_id(archive, self.observer), self.observer_password)
            for name in (self.user, self.observer):
                grants.add_grant(archive, name, region=_REGION.partition("/")[0])
            for role in city.runs_it():
                roles.give(archive, users.user_id(archive, self.user), role)
            if self.plan.city:
                self._found_city(archive, roots, relays)
        finally:
            archive.close()
        return roots

    def _everyone(self) -> list[int]:
        return sorted({*self.plan.sensor_ids, *self.plan.city})

    def _found_city(self, archive: Archive, roots: dict[int, bytes], relays: dict[int, bytes]) -> None:
        """Gives the city its past and its people. What its meters show from now on goes on from there."""
        site = site_of(read_remote_settings(self._folder / "remote" / "remote.toml"), archive)
        setting_up.describe(site, OPERATOR, "Gridecho demo")
        now_s = int(site.clock())
        for done, (sensor_id, series) in enumerate(self.plan.city.items(), 1):
            past = city.past_of(sensor_id, roots[sensor_id], series, now_s)
            city.settle(site, relays, past.frames)
            step_s = 1 if sensor_id in self.plan.inputs else city.PERIOD_S
            self._inputs[sensor_id] = city.goes_on(series, now_s, step_s, past.energy_wh)
            if done % 20 == 0:
                self._say(f"city: ten weeks of {done} of {len(self.plan.city)} households")
        city.group_relays(site, list(relays))
        self.others = dict(city.inhabit(site, list(self.plan.city), now_s))

    def _start_households(self, roots: dict[int, bytes]) -> None:
        """The city's other sensors: the firmware under CPython, forked from one process, a reading a minute of each."""
        folders = []
        for sensor_id in self.plan.city:
            if sensor_id in self.plan.inputs:
                continue
            flash = self._folder / f"household-{sensor_id}" / "flash"
            flash.mkdir(parents=True, mode=0o700)
            for name, content in self._flash(sensor_id, roots[sensor_id], 1000 * city.PERIOD_S).items():
                (flash / name).write_bytes(content)
            folders.append(str(flash.parent))
        if folders:
            self._say(f"city: {len(folders)} more households")
            self._households = self._child("households", "gridecho_demo.many", [], pipes=True)
            self._households.stdin.write(json.dumps({"start": folders, "apart_s": 0.02}) + "\n")
            self._households.stdin.flush()
            self._households.stdout.readline()

    def _said(self, name: str, pattern: str) -> str | None:
        said = re.search(pattern, (self._folder / f"{name}.log").read_text())
        return said[0] if said else None

    def _start_relay(self, relay_id: int) -> None:
        folder = self._folder / f"relay-{relay_id}"
        settings = {
            "relay_id": relay_id,
            "name": f"Relay {relay_id}",
            "listen": "127.0.0.1:0",
            "status": "127.0.0.1:0",
            "remote": self.url,
            "store_bytes": _STORE_BYTES,
            "threshold_bytes": _THRESHOLD_BYTES,
            "buffer_bytes": _BUFFER_BYTES,
        }
        if self.plan.city:  # where other relays and the remote call this one has to be known before it starts
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            settings |= {"status": f"127.0.0.1:{port}", "group_url": url, "pull_url": url}
        # JSON's strings and numbers are TOML's.
        (folder / "relay.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
        self._say(f"relay {relay_id}: {self.plan.delays_before_ms[relay_id]:.0f} ms away")
        arguments = ["relay", "run", "--config", str(folder / "relay.toml")]
        self._relays[relay_id] = self._child(f"relay {relay_id}", "gridecho_cli", arguments)

    def _place_relay(self, relay_id: int) -> bool:
        """Puts a started relay behind its delay; True once it knows all sensors."""
        if relay_id not in self._fronts:
            where = self._folder / f"relay-{relay_id}" / "data" / "relay.json"
            if not where.exists():
                return False
            addresses = json.loads(where.read_text())
            relay = split_address(addresses["listen"])
            answer = self._ask_shim({"open": relay, "delay_ms": self.plan.delays_before_ms[relay_id]})
            self._fronts[relay_id] = answer["port"]
            self._status_urls[relay_id] = addresses["status"]
        return self.relay_status(relay_id)["sensors"] == len(self._everyone())

    def _start_board(self, sensor_id: int, root: bytes, firmware: dict[str, bytes]) -> None:
        image = self._folder / f"sensor-{sensor_id}.img"
        build_image(image, {**firmware, **self._flash(sensor_id, root, self.plan.period_ms)})
        board = Board(image, runtime=self._runtime, on_line=self.ledgers[sensor_id].line)
        self.boards[sensor_id] = board
        try:
            board.start()
        except BoardError as error:
            raise click.ClickException(f"sensor {sensor_id}: {error}") from None

    def _flash(self, sensor_id: int, root: bytes, period_ms: int) -> dict[str, bytes]:
        """What a sensor's flash holds beside the firmware."""
        plan = self.plan
        config = {
            "sensor_id": sensor_id,
            "relays": [
                {"id": relay_id, "host": "127.0.0.1", "port": self._fronts[relay_id]} for relay_id in plan.relay_ids
            ],
            "meter": {"type": "replay", "file": "meter.csv", "loop": plan.for_s is None},
            "period_ms": period_ms,
            "rtt_limit_ms": plan.rtt_limit_ms,
            "rules": {"change_w": plan.change_w},
        }
        return {
            "config.json": json.dumps(config).encode(),
            "key": root,
            "epoch": str(city.EPOCH if plan.city else 0).encode(),
            "meter.csv": meter_file(self._inputs[sensor_id]),
        }

    def _child(self, name: str, module: str, arguments: list[str], pipes: bool = False) -> Child:
        return Child(name, module, arguments, self._folder / f"{name.replace(' ', '-')}.log", pipes)

    def _ask_shim(self, command: dict[str, object]):  # type: ignore[no-untyped-def]
        if self._shim is None:
            raise RuntimeError("the delays are not running")
        self._shim.stdin.write(json.dumps(command) + "\n")
        self._shim.stdin.flush()
        return json.loads(self._shim.stdout.readline())

    def _wait_for(self, what: str, ready: Callable[[], T | None]) -> T:
        """What `ready` gives as soon as it is something."""
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            self.check()
            found = ready()
            if found:
                return found
            time.sleep(0.03)
        raise click.ClickException(f"{what} did not start within {_START_S:.0f} s; its log is in {self._folder}")
