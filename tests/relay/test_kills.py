"""Twenty kill -9 of a real relay and a real remote in turn, under load: all that was acknowledged is at the remote, once."""

import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.readings import Reading, encode
from gridecho_common.secrets import read_secret, write_secret
from gridecho_remote import open_archive
from gridecho_remote.enrol import enrol_relay, enrol_sensor

KILLS = 20
ROOTS = {sensor_id: bytes([sensor_id]) * 32 for sensor_id in (1, 2, 3)}
GRIDECHO = str(Path(sys.executable).with_name("gridecho"))


class Load(threading.Thread):
    """A sensor that sends each datum until it is acknowledged, with either tag, and some once more as SEND after that."""

    def __init__(self, sensor_id: int, port: int) -> None:
        super().__init__()
        root = ROOTS[sensor_id]
        self.acked: set[tuple[int, int]] = set()
        self.ending = threading.Event()
        self._id, self._to = sensor_id, ("127.0.0.1", port)
        self._up, self._down = (Cmac(make(root, sensor_id, 1, 7)) for make in (keys.link_key_up, keys.link_key_down))
        self._siv = Siv(keys.siv_key(root, sensor_id, 1))

    def run(self) -> None:
        chance, seq = random.Random(self._id), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            while not self.ending.is_set():
                self._send(sock, chance.choice((frames.STORE, frames.SEND)), seq)
                if self._is_acked(sock, seq):
                    self.acked.add((self._id, seq))
                    if chance.random() < 0.2:
                        self._send(sock, frames.SEND, seq)
                    seq += 1
                time.sleep(0.002)

    def _send(self, sock: socket.socket, op: int, seq: int) -> None:
        time_s = 1_700_000_000 + seq
        header = frames.DataHeader(op, 1, 1, self._id, 1, seq, time_s)
        frame = frames.seal(header, encode([Reading(time_s, {2: seq})]), self._siv)
        sock.sendto(frames.tag(frame, self._up), self._to)

    def _is_acked(self, sock: socket.socket, seq: int) -> bool:
        with suppress(OSError):
            while True:
                reply = frames.read_control(sock.recv(2048), self._down)
                if reply.seq == seq:
                    return reply.kind == frames.ACK
        return False


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path):
    remote, relay = tmp_path / "remote", tmp_path / "relay"
    subprocess.run([GRIDECHO, "remote", "init", "--dir", str(remote)], check=True, capture_output=True)
    # The same ports after each kill: each finds the other again.
    http, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    (remote / "remote.toml").write_text(f'listen = "127.0.0.1:{http}"\nmin_free_mb = 0\n')
    archive = open_archive(remote / "remote.sqlite", read_secret(remote / "remote.key"))
    relay.mkdir()
    enrol_relay(archive, 7, "relay", write_secret(relay / "relay.secret"))
    for sensor_id, root in ROOTS.items():
        enrol_sensor(archive, sensor_id, "sensor", "x", "y", root)
    archive.close()
    (relay / "relay.toml").write_text(
        f'relay_id = 7\nlisten = "127.0.0.1:{udp}"\nstatus = "127.0.0.1:0"\nremote = "http://127.0.0.1:{http}"\n'
        "heartbeat_every_s = 0.2\nstore_bytes = 60000\nthreshold_bytes = 20000\nbuffer_bytes = 40000\n"
    )
    configs = {"remote": remote / "remote.toml", "relay": relay / "relay.toml"}
    chance = random.Random(9)
    loads = [Load(sensor_id, udp) for sensor_id in ROOTS]
    with (tmp_path / "log").open("w") as log:

        def start(what: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen([GRIDECHO, what, "run", "--config", configs[what]], stdout=log, stderr=log)

        running = {what: start(what) for what in configs}
        try:
            for load in loads:
                load.start()
            time.sleep(3)
            for n in range(KILLS):
                what = ("relay", "remote")[n % 2]
                running[what].kill()
                running[what].wait()
                running[what] = start(what)
                time.sleep(2 + chance.random())
            for load in loads:
                load.ending.set()
                load.join()
            done = [GRIDECHO, "relay", "flush", "--config", str(configs["relay"]), "--wait", "30"]
            subprocess.run(done, check=True, capture_output=True)
        finally:
            for load in loads:
                load.ending.set()
            for process in running.values():
                process.send_signal(signal.SIGTERM)
            for process in running.values():
                process.wait(20)
    connection = sqlite3.connect(remote / "remote.sqlite")
    there = connection.execute("SELECT sensor_id, seq FROM datum").fetchall()
    strange = connection.execute("SELECT COUNT(*) FROM quarantine").fetchone()
    connection.close()
    acked = set().union(*(load.acked for load in loads))
    assert len(acked) > 100
    assert len(there) == len(set(there))
    assert acked <= set(there)
    assert strange == (0,)
    assert "Traceback" not in (tmp_path / "log").read_text()
