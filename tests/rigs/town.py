"""A real system for a fleet: one remote and five relays as processes, fronts with delays, sensors that are processes too."""

import json
import re
import secrets
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import urllib3
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho.states import is_state
from gridecho_common.secrets import write_secret
from gridecho_common.settings import split_address
from gridecho_demo.child import Child
from gridecho_remote.store.database import create_archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor

from tests.rigs import stored
from tests.rigs.town_console import Console
from tests.rigs.waiting import HANG_S, wait_for

# Round trips in ms. Not in the order of the ids: a sensor that takes the first or the last must be seen. Wide apart, and below the
# limit: a busy machine adds tens of ms, and must not make another relay the fastest.
DELAYS_MS = {1: 160.0, 2: 60.0, 3: 2.0, 4: 200.0, 5: 120.0}
_HEADER = "1-0:1.8.0,1-0:1.7.0,1-0:32.7.0,1-0:31.7.0\n"


def reading(sensor_id: int, i: int) -> dict[int, int]:
    """What the meter of a sensor shows at its `i`-th reading; all of it can be told from the energy."""
    return {
        ENERGY_IMPORT: sensor_id * 100_000 + i,
        POWER_IMPORT: (sensor_id * 31 + i * 977) % 9001,
        VOLTAGE_L1: 225_000 + (sensor_id * 7 + i * 613) % 11_000,
        CURRENT_L1: i * i % 40_009,
    }


def series(sensor_id: int, first: int, count: int) -> bytes:
    """The readings from `first` on as a replay meter's file."""
    rows = (",".join(map(str, reading(sensor_id, i).values())) for i in range(first, first + count))
    return (_HEADER + "\n".join(rows) + "\n").encode()


class Piped(Child):
    """A child that answers each line of JSON with one."""

    def __init__(self, name: str, module: str, args: list[str], log: Path) -> None:
        super().__init__(name, module, args, log, pipes=True)

    def ask(self, command: dict[str, object]):  # type: ignore[no-untyped-def]
        self.stdin.write(json.dumps(command) + "\n")
        self.stdin.flush()
        answer = self.stdout.readline()
        assert answer, f"{self.name} ended: {self.last_words()}"
        return json.loads(answer)


class Wires:
    """Fronts of relays in one process with one weather."""

    def __init__(self, child: Piped, relays: dict[int, tuple[str, int]], delays_ms: dict[int, float]) -> None:
        self.open = True
        self._child = child
        self._ids = list(delays_ms)
        self.ports = {
            relay_id: child.ask({"open": relays[relay_id], "delay_ms": delay_ms})["port"]
            for relay_id, delay_ms in delays_ms.items()
        }

    def delay(self, relay_id: int, delay_ms: float) -> None:
        self._child.ask({"forwarder": self._ids.index(relay_id), "delay_ms": delay_ms})

    def follow(self, relay_id: int, address: tuple[str, int]) -> None:
        if self.open and relay_id in self._ids:
            self._child.ask({"forwarder": self._ids.index(relay_id), "relay": address})

    def weather(self) -> dict[str, int]:
        seen: dict[str, int] = self._child.ask({"weather": True})
        return seen

    def close(self) -> None:
        self.open = False
        self._child.stop()


class Group:
    """Sensors that were started together."""

    def __init__(self, consoles: dict[int, Console], pids: list[int]) -> None:
        self.consoles = consoles
        self.pids = pids

    def wait_all(self, condition: Callable[[Console], object], what: str) -> None:
        """Until it is true for all."""

        def all_of_them() -> bool:
            for console in self.consoles.values():
                console.update()
            return all(condition(console) for console in self.consoles.values())

        wait_for(
            all_of_them,
            lambda: f"{what}: targets {Counter(one.target for one in self.consoles.values())}:",
            every_s=0.2,
        )


class Town:
    """Remote and relays know `sensor_ids` from the start. `close` ends every process."""

    def __init__(self, folder: Path, sensor_ids: Iterable[int]) -> None:
        self.folder = folder
        self.roots = {sensor_id: secrets.token_bytes(32) for sensor_id in sensor_ids}
        self._http = urllib3.PoolManager(timeout=HANG_S, retries=False)
        self._relays: dict[int, Child] = {}
        self._wires: list[Wires] = []
        self._started = 0
        self._make_remote()
        config = folder / "remote" / "remote.toml"
        self._remote = self._child("remote", ["remote", "run", "--config", str(config)])
        self._power = Piped("sensors", "tests.rigs.town_sensors", [], folder / "sensors.log")
        try:
            wait_for(self._remote_url, self._remote.last_words)
            for relay_id in DELAYS_MS:
                self._configure(relay_id)
                self._start_relay(relay_id)
            for relay_id in DELAYS_MS:
                self._wait_for_relay(relay_id)
        except BaseException:
            self.close()
            raise

    # --- relays ---

    def freeze(self, relay_id: int) -> None:
        self._relays[relay_id].signal(signal.SIGSTOP)

    def thaw(self, relay_id: int) -> None:
        self._relays[relay_id].signal(signal.SIGCONT)

    def kill(self, relay_id: int) -> None:
        """SIGKILL; what it had acknowledged is on its disk."""
        self._relays[relay_id].signal(signal.SIGKILL)
        self._relays[relay_id].stop()

    def restart(self, relay_id: int) -> None:
        """A killed one again, on its data, at another port."""
        self._start_relay(relay_id)
        self._wait_for_relay(relay_id)
        for wires in self._wires:
            wires.follow(relay_id, self._address(relay_id))

    def status(self, relay_id: int) -> dict[str, int]:
        answer = self._http.request("GET", json.loads(self._published(relay_id).read_text())["status"] + "/status.json")
        status: dict[str, int] = answer.json()
        return status

    def empty_relays(self) -> None:
        """All that they hold goes to the remote."""

        def empty() -> bool:
            held = [relay_id for relay_id in self._relays if self.status(relay_id)["readings_held"]]
            for relay_id in held:
                self._relays[relay_id].signal(signal.SIGUSR1)
            return not held

        wait_for(empty, "empty relays", every_s=0.3)
        for relay_id in self._relays:
            assert self.status(relay_id)["errors"] == 0

    # --- sensors ---

    def wires(
        self, delays_ms: dict[int, float], seed: int = 0, loss: int = 0, duplicates: int = 0, jitter_ms: int = 0
    ) -> Wires:
        """Fronts for some of the relays."""
        name = f"wires-{len(self._wires)}"
        arguments = [str(seed), str(loss), str(duplicates), str(jitter_ms)]
        child = Piped(name, "tests.rigs.town_weather", arguments, self.folder / f"{name}.log")
        wires = Wires(child, {relay_id: self._address(relay_id) for relay_id in delays_ms}, delays_ms)
        self._wires.append(wires)
        return wires

    def flash(self, sensor_id: int, wires: Wires, period_ms: int, **settings: object) -> dict[str, bytes]:
        """What a sensor's flash holds beside firmware and series."""
        config = {
            "sensor_id": sensor_id,
            "relays": [{"id": key, "host": "127.0.0.1", "port": port} for key, port in wires.ports.items()],
            "meter": {"type": "replay", "file": "meter.csv", "loop": False},
            "period_ms": period_ms,
            **settings,
        }
        return {"config.json": json.dumps(config).encode(), "key": self.roots[sensor_id], "epoch": b"0"}

    def sensors(self, wires: dict[int, Wires], period_ms: int, readings: int, apart_s: float) -> Group:
        """Powers on these sensors one after another, each with a series of so many readings. They go on until `stop`."""
        folders = {}
        for sensor_id, its in wires.items():
            folders[sensor_id] = self.folder / f"sensor-{sensor_id}"
            flash = folders[sensor_id] / "flash"
            flash.mkdir(parents=True)
            files = self.flash(sensor_id, its, period_ms)
            for name, content in {**files, "meter.csv": series(sensor_id, 0, readings)}.items():
                (flash / name).write_bytes(content)
        pids = self._power.ask({"start": [str(folder) for folder in folders.values()], "apart_s": apart_s})["pids"]
        return Group({key: Console(folder / "console") for key, folder in folders.items()}, pids)

    def stop(self, group: Group) -> None:
        self._power.ask({"stop": group.pids})
        group.pids = []

    # --- the remote ---

    def arrived(self, sensor_id: int) -> list[Reading]:
        """Every reading of the sensor at the remote, in the order of the data ids; its own state left out."""
        rows = self._ask_remote(f"{stored.BLOCKS} WHERE sensor_id = ?", (sensor_id,))
        every = [one for datum in stored.data(rows) for one in datum.readings()]
        return [one for one in every if not is_state(max(one.values))]

    def reported_route(self, sensor_id: int) -> int | None:
        """The relay of the newest route that the sensor reported."""
        rows = self._ask_remote(
            "SELECT relay_id FROM route WHERE sensor_id = ? ORDER BY epoch DESC, seq DESC, item DESC LIMIT 1",
            (sensor_id,),
        )
        return rows[0][0] if rows else None

    def quarantined(self) -> int:
        return int(self._ask_remote("SELECT count(*) FROM quarantine", ())[0][0])

    def close(self) -> None:
        for relay_id in self._relays:
            self.thaw(relay_id)
        self._power.stop()
        for wires in self._wires:
            if wires.open:
                wires.close()
        for child in (*self._relays.values(), self._remote):
            child.stop()

    # --- within ---

    def _make_remote(self) -> None:
        folder = self.folder / "remote"
        folder.mkdir(mode=0o700)
        (folder / "remote.toml").write_text('listen = "127.0.0.1:0"\n')
        archive = create_archive(folder / "remote.sqlite", write_secret(folder / "remote.key"))
        try:
            for sensor_id, root in self.roots.items():
                enrol_sensor(archive, sensor_id, f"House {sensor_id}", "fleet", "residential", root)
            for relay_id in DELAYS_MS:
                place = self.folder / f"relay-{relay_id}"
                place.mkdir(mode=0o700)
                enrol_relay(archive, relay_id, f"Relay {relay_id}", write_secret(place / "relay.secret"))
        finally:
            archive.close()

    def _remote_url(self) -> str | None:
        said = re.search(r"http://[\d.]+:\d+", (self.folder / "remote.log").read_text())
        return said[0] if said else None

    def _configure(self, relay_id: int) -> None:
        settings = {
            "relay_id": relay_id,
            "listen": "127.0.0.1:0",
            "status": "127.0.0.1:0",
            "remote": self._remote_url(),
            "heartbeat_every_s": 0.5,
        }
        path = self.folder / f"relay-{relay_id}" / "relay.toml"
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))

    def _start_relay(self, relay_id: int) -> None:
        config = self.folder / f"relay-{relay_id}" / "relay.toml"
        self._published(relay_id).unlink(missing_ok=True)  # of one that was killed
        self._relays[relay_id] = self._child(f"relay-{relay_id}", ["relay", "run", "--config", str(config)])

    def _wait_for_relay(self, relay_id: int) -> None:
        def ready() -> bool:
            assert self._relays[relay_id].ended() is None, self._relays[relay_id].last_words()
            try:
                return self.status(relay_id)["sensors"] == len(self.roots)
            except (FileNotFoundError, urllib3.exceptions.HTTPError):
                return False  # it does not say yet where it is, or does not answer there yet

        wait_for(ready, f"the start of relay {relay_id}")

    def _published(self, relay_id: int) -> Path:
        return self.folder / f"relay-{relay_id}" / "data" / "relay.json"

    def _address(self, relay_id: int) -> tuple[str, int]:
        return split_address(json.loads(self._published(relay_id).read_text())["listen"])

    def _child(self, name: str, arguments: list[str]) -> Child:
        self._started += 1
        log = self.folder / (f"{name}.log" if name == "remote" else f"{name}-{self._started}.log")
        return Child(name, "gridecho_cli", arguments, log)

    def _ask_remote(self, statement: str, values: tuple[int, ...]) -> list[tuple]:  # type: ignore[type-arg]
        connection = sqlite3.connect(f"file:{self.folder}/remote/remote.sqlite?mode=ro", uri=True, timeout=HANG_S)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()
