"""Pulls between machines, as network namespaces: the real remote on one, the relay on another that may take no connection."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.readings import Reading, encode

from tests.rigs import stored
from tests.rigs.waiting import HANG_S, wait_for

GRIDECHO = str(Path(sys.executable).with_name("gridecho"))
SENSOR, FRAMES = 7, 300
RELAY_HOST, REMOTE_HOST = "10.99.0.1", "10.99.0.2"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nsenter"),
    reason="network namespaces take root and the commands ip and nsenter",
)

# Runs beside the relay: sends what it reads, one datagram a line, each until it is acknowledged.
SEND = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(0.3)
for line in sys.stdin:
    for _ in range(400):
        sock.sendto(bytes.fromhex(line), ("127.0.0.1", 4690))
        try:
            if sock.recv(2048)[0] & 15 == 2: break
        except TimeoutError: pass
    else: sys.exit("not acknowledged")
"""


class Machine:
    """A network namespace without a name: it is gone with its last process, and the first one ends with this test's process."""

    def __init__(self):
        self._processes = [
            subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        ]
        self.pid = self._processes[0].pid
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.pid}/ns/net") != own)

    def do(self, *command, **options):
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", *map(str, command)],
            check=True,
            capture_output=True,
            text=True,
            timeout=HANG_S,
            **options,
        ).stdout

    def start(self, log, *command):
        with log.open("w") as file:
            entered = ["nsenter", "-t", str(self.pid), "-n", *map(str, command)]
            self._processes.append(subprocess.Popen(entered, stdout=file, stderr=file))

    def reaches(self, host, port):
        program = f"import socket; socket.create_connection(({host!r}, {port}), 1)"
        return (
            subprocess.run(
                ["nsenter", "-t", str(self.pid), "-n", sys.executable, "-c", program], capture_output=True, check=False
            ).returncode
            == 0
        )

    def status(self, url):
        """The status of an answer over HTTP."""
        program = f"import urllib3; print(urllib3.request('GET', {url!r}, retries=False).status)"
        return int(self.do(sys.executable, "-c", program))

    def close(self):
        self._processes[0].stdin.close()
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(HANG_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def machines():
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system gives no network namespaces")
    relay, remote = made = [Machine(), Machine()]
    try:
        relay.do("ip", "link", "add", "wan", "type", "veth", "peer", "name", "wan", "netns", remote.pid)
        for machine, host in ((relay, RELAY_HOST), (remote, REMOTE_HOST)):
            machine.do("ip", "address", "add", f"{host}/24", "dev", "wan")
            for name in ("lo", "wan"):
                machine.do("ip", "link", "set", name, "up")
        yield relay, remote
    finally:
        for machine in made:
            machine.close()


def datagrams(root, relay_id):
    siv = Siv(keys.siv_key(root, SENSOR, 1))
    up = Cmac(keys.link_key_up(root, SENSOR, 1, relay_id))
    for seq in range(FRAMES):
        time_s = 1_700_000_000 + 60 * seq
        header = frames.DataHeader(frames.STORE, 1, 1, SENSOR, 1, seq, time_s)
        yield frames.tag(frames.seal(header, encode([Reading(time_s, {0: 1000 + seq})]), siv), up).hex()


def rows(path, query):
    connection = sqlite3.connect(path, timeout=HANG_S)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("pull_url", "takes_connections", "way"),
    [
        (f"http://{RELAY_HOST}:4691", True, "direct"),
        ("", False, "heartbeat"),
        (f"http://{RELAY_HOST}:4691", False, "heartbeat"),
    ],
    ids=["reachable", "behind NAT", "believes that it is reachable"],
)
def test_the_remote_gets_what_it_pulls(machines, tmp_path, pull_url, takes_connections, way):
    on_relay, on_remote = machines
    remote, relay = tmp_path / "remote", tmp_path / "relay"
    if not takes_connections:
        # Whatever comes in, no port below 32768 ever answers over TCP; connections from here outward do work.
        on_relay.do("ip", "rule", "add", "ipproto", "tcp", "sport", "1-32767", "blackhole")
    on_remote.do(GRIDECHO, "remote", "init", "--dir", remote)
    (remote / "remote.toml").write_text(f'listen = "{REMOTE_HOST}:8080"\nmin_free_mb = 0\n')
    config = ("--config", remote / "remote.toml")
    code = on_remote.do(GRIDECHO, "remote", "enrol", "relay-code", "--name", "barn", "--json", *config)
    root_file = tmp_path / "sensor.key"
    sensor = (
        "--id",
        SENSOR,
        "--name",
        "mill",
        "--region",
        "north",
        "--category",
        "residential",
        "--root-file",
        root_file,
    )
    on_remote.do(GRIDECHO, "remote", "enrol", "sensor", *sensor, *config)
    on_remote.start(tmp_path / "remote.log", GRIDECHO, "remote", "run", *config)
    wait_for(lambda: on_relay.reaches(REMOTE_HOST, 8080))

    url = ("--remote", f"http://{REMOTE_HOST}:8080", "--insecure")
    at = ("--listen", "127.0.0.1:4690", "--status", "0.0.0.0:4691")
    on_relay.do(GRIDECHO, "relay", "init", "--dir", relay, "--code", json.loads(code)["code"], *url, *at)
    toml = relay / "relay.toml"
    toml.write_text(toml.read_text() + f'heartbeat_every_s = 0.3\nindex_every_s = 0.3\npull_url = "{pull_url}"\n')
    on_relay.start(tmp_path / "relay.log", GRIDECHO, "relay", "run", "--config", toml)
    wait_for((relay / "data" / "relay.json").exists)

    def status():
        return json.loads(on_relay.do(GRIDECHO, "relay", "status", "--config", toml, "--json"))

    wait_for(lambda: status()["sensors"] == 1)
    assert status()["name"] == "barn"
    assert on_remote.reaches(RELAY_HOST, 4691) is takes_connections
    if takes_connections:
        # Another machine on the LAN is told that the relay lives, and nothing more.
        asked = [
            on_remote.status(f"http://{RELAY_HOST}:4691{path}")
            for path in ("/healthz", "/", "/status.json", "/metrics")
        ]
        assert asked == [200, 403, 403, 403]
    (relay_id,) = rows(remote / "remote.sqlite", "SELECT id FROM relay")[0]
    root = bytes.fromhex(root_file.read_text().strip())
    lines = "\n".join(datagrams(root, relay_id))
    on_relay.do(sys.executable, "-c", SEND, input=lines)
    held = "SELECT count(*) FROM held"
    assert rows(relay / "data" / "relay.sqlite", held) == [(FRAMES,)]

    def pulled():
        span = ("--sensor", SENSOR, "--from", "2023-11-14T22:23:20", "--to", "2023-11-15T00:03:20")  # 100 minutes
        (outcome,) = json.loads(on_remote.do(GRIDECHO, "remote", "pull", *span, "--wait", HANG_S, "--json", *config))
        return outcome

    wait_for(
        lambda: json.loads(on_remote.do(GRIDECHO, "remote", "relays", "--json", *config))[0].get("index_data") == FRAMES
    )
    outcome = pulled()
    assert (outcome["way"], outcome["missing_because"]) == (way, None)
    assert outcome["frames"] == 101
    there = stored.ids(rows(remote / "remote.sqlite", stored.IDS))
    assert sorted(seq for _, _, seq in there) == list(range(10, 111))
    wait_for(lambda: rows(relay / "data" / "relay.sqlite", held) == [(FRAMES - 101,)])
    (state,) = json.loads(on_remote.do(GRIDECHO, "remote", "relays", "--json", *config))
    assert state["index_data"] == FRAMES - 101
    for log in ("remote.log", "relay.log"):
        assert "Traceback" not in (tmp_path / log).read_text()
