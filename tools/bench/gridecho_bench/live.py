"""How soon those who look at readings as they come have them: a real remote, batches of its relays, and a reader for each stream.

The remote is a process of its own. Viewers have a token each with several streams, as people with several pages; every stream is of
one sensor. A relay brings the readings of its sensors in one batch a second, the relays one after the other. The clock runs from
before a batch is sent until its reading has been read from the stream.
"""

import json
import secrets
import selectors
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import urllib3
from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode
from gridecho_common.secrets import write_secret
from gridecho_demo.child import Child
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store import tokens
from gridecho_remote.store.database import Archive, create_archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.models import User
from gridecho_remote.store.users import add_user, change_password, user_id

from .groups import quantile
from .groups_rig import machine
from .ports import free_port
from .relay_child import RelayBenchError
from .relay_datagrams import cpu_s

Say = Callable[[str], None]

_OF_A_PERSON = 5
_WARM_S = 3.0
_WAIT_S = 30.0
_KEY = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """So many streams of so many sensors, each of which makes a reading a second, for `seconds`."""

    viewers: int = 500
    sensors: int = 100
    relays: int = 10
    seconds: float = 30.0


def measure(plan: Plan, folder: Path, say: Say) -> dict[str, Any]:
    """The figures. Raises RelayBenchError."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    say("a remote with its sensors and viewers")
    site = _Site(plan, folder, port)
    viewers = _Viewers(url, site)
    child = Child("remote", "gridecho_cli", ["remote", "run", "--config", str(folder / "remote.toml")], folder / "log")
    try:
        _wait_up(port)
        say(f"{plan.viewers} streams")
        viewers.come()
        stop = Event()
        sender = Thread(target=site.send, args=(url, stop), daemon=True)
        sender.start()
        say(f"{plan.seconds:g} s of readings")
        viewers.read(time.monotonic() + _WARM_S)
        viewers.begin()
        before_s, begun_s = cpu_s(child.pid) or 0.0, time.monotonic()
        viewers.read(begun_s + plan.seconds)
        spent_s, took_s = (cpu_s(child.pid) or 0.0) - before_s, time.monotonic() - begun_s
        stop.set()
        sender.join(_WAIT_S)
        viewers.read(time.monotonic() + 1.0)
        more = {"cpu": round(spent_s / took_s, 3), "batch_p99_ms": site.batch_p99_ms()}
        return asdict(plan) | machine() | viewers.figures() | more
    finally:
        viewers.close()
        child.stop()


class _Site:
    """The remote's folder, and what its relays send."""

    def __init__(self, plan: Plan, folder: Path, port: int) -> None:
        self.plan = plan
        (folder / "remote.toml").write_text(f'listen = "127.0.0.1:{port}"\nmin_free_mb = 0\n')
        self._secrets = {n: secrets.token_bytes(32) for n in range(1, plan.relays + 1)}
        roots = {n: secrets.token_bytes(32) for n in range(1, plan.sensors + 1)}
        self._sivs = {n: Siv(keys.siv_key(root, n, _KEY)) for n, root in roots.items()}
        self.tokens: list[str] = []
        self.sent: dict[tuple[int, int], float] = {}
        self._took_s: list[float] = []
        archive = create_archive(folder / "remote.sqlite", write_secret(folder / "remote.key"))
        try:
            with archive.db.atomic():
                for relay_id, secret in self._secrets.items():
                    enrol_relay(archive, relay_id, f"relay {relay_id}", secret)
                for sensor_id, root in roots.items():
                    enrol_sensor(archive, sensor_id, f"sensor {sensor_id}", "bench", "residential", root, _KEY)
                add_user(archive, "viewer")
                change_password(archive, user_id(archive, "viewer"), secrets.token_urlsafe(16))
                (one,) = User.select().dicts().execute(archive.db)
                for n in range(-(-plan.viewers // _OF_A_PERSON)):
                    self.tokens.append(self._person(archive, one, f"viewer-{n}"))
        finally:
            archive.close()

    def _person(self, archive: Archive, one: dict[str, Any], name: str) -> str:
        """Another one like the first, whose password is hashed, which takes long."""
        User.insert(one | {"id": None, "name": name, "key": name}).execute(archive.db)
        add_grant(archive, name, region="bench")
        token, now_s = tokens.new(), int(time.time())
        tokens.add(archive, user_id(archive, name), token, Scope(), now_s, now_s + 86_400, name="bench")
        return token

    def send(self, url: str, stop: Event) -> None:
        """Batches until told to stop: each relay one a second, one after the other."""
        pool = urllib3.PoolManager(timeout=_WAIT_S, retries=False)
        step_s, begun_s, turn = 1 / self.plan.relays, time.monotonic(), 0
        while not stop.wait(max(0.0, begun_s + turn * step_s - time.monotonic())):
            relay_id, seq = turn % self.plan.relays + 1, turn // self.plan.relays
            mine = [n for n in self._sivs if n % self.plan.relays + 1 == relay_id]
            body = pack_batch(relay_id, [self._frame(n, seq) for n in mine], self._mac(relay_id))[1]
            token = relay_keys.relay_token(self._secrets[relay_id], relay_id).hex()
            at_s = time.monotonic()
            self.sent.update(((n, seq), at_s) for n in mine)
            address = f"{url}/relay/v1/batch?relay={relay_id}"
            answer = pool.request("POST", address, body=body, headers={"Authorization": f"Bearer {token}"})
            if answer.status != 200:
                return
            self._took_s.append(time.monotonic() - at_s)
            turn += 1

    def batch_p99_ms(self) -> float:
        """What a batch took, its answer included."""
        return quantile(sorted(1_000 * took_s for took_s in self._took_s), 0.99)

    def _mac(self, relay_id: int) -> Cmac:
        return Cmac(relay_keys.batch_key(self._secrets[relay_id], relay_id))

    def _frame(self, sensor_id: int, seq: int) -> bytes:
        reading = Reading(int(time.time()), {ENERGY_IMPORT: seq, POWER_IMPORT: 300 + seq % 50})
        header = DataHeader(SEND, _KEY, 1, sensor_id, 1, seq, reading.time_s)
        return seal(header, encode([reading]), self._sivs[sensor_id])


class _Viewers:
    """All streams, read by one thread."""

    def __init__(self, url: str, site: _Site) -> None:
        self._url, self._site, self._sent = urlsplit(url), site, site.sent
        self._selector = selectors.DefaultSelector()
        self._rest: defaultdict[int, bytes] = defaultdict(bytes)
        self._took_s: list[float] = []
        self._told: dict[int, set[tuple[int, int]]] = {}
        self._since_s = 0.0

    def come(self) -> None:
        """Opens all of them. Raises RelayBenchError."""
        site, parts = self._site, self._url
        for n in range(site.plan.viewers):
            sock = socket.create_connection((parts.hostname or "", parts.port or 80), _WAIT_S)
            self._told[n] = set()
            self._selector.register(sock, selectors.EVENT_READ, n)
            head = (
                f"GET /api/v1/sensors/{n % site.plan.sensors + 1}/live HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                f"Authorization: Bearer {site.tokens[n // _OF_A_PERSON]}\r\n\r\n"
            )
            sock.sendall(head.encode())
            first = sock.recv(1 << 16)
            if not first.startswith(b"HTTP/1.1 200"):
                raise RelayBenchError(f"a stream was refused: {first[:40]!r}")
            sock.setblocking(False)

    def close(self) -> None:
        """Ends all of them."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def begin(self) -> None:
        """What is sent from now on counts."""
        self._since_s = time.monotonic()
        self._took_s = []

    def read(self, until_s: float) -> None:
        """Reads all streams until then. Raises RelayBenchError if one ends."""
        while (left_s := until_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                now_s = time.monotonic()
                if not data:
                    raise RelayBenchError("a stream ended")
                self._take(key.data, data, now_s)

    def _take(self, n: int, data: bytes, now_s: float) -> None:
        *lines, self._rest[n] = (self._rest[n] + data).split(b"\n")
        for line in lines:
            if not line.startswith(b"data: "):
                continue
            told = json.loads(line[6:])
            for one in told["readings"]:
                key = told["sensor"], one["seq"]
                if key in self._told[n]:
                    raise RelayBenchError("a reading was told twice")
                self._told[n].add(key)
                if self._sent[key] >= self._since_s:
                    self._took_s.append(now_s - self._sent[key])

    def figures(self) -> dict[str, Any]:
        """Events, their quantiles, and how many readings that were sent did not come."""
        took = sorted(1_000 * took_s for took_s in self._took_s)
        if not took:
            raise RelayBenchError("nothing came")
        of_sensor: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
        for key in self._sent:
            of_sensor[key[0]].add(key)
        sensors = len(of_sensor)
        lost = sum(len(of_sensor[n % sensors + 1] - told) for n, told in self._told.items())
        at = {f"p{percent}_ms": quantile(took, percent / 100) for percent in (50, 99)}
        return {"events": len(took), **at, "worst_ms": round(took[-1], 1), "lost": lost}


def _wait_up(port: int) -> None:
    end_s = time.monotonic() + _WAIT_S
    while time.monotonic() < end_s:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RelayBenchError("the remote does not start")
