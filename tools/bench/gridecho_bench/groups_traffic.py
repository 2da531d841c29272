"""Sensors for many relays, one each: every second datum is SEND, the others STORE; sent again until acknowledged."""

import selectors
import socket
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.errors import ProtocolError
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading, encode

EPOCH = 1
_AGAIN_S = 1.0
_LAST_S = 30.0  # for the last acknowledgements
_LOOK_S = 0.002


def root_of(sensor_id: int) -> bytes:
    """A sensor's root key."""
    return sensor_id.to_bytes(32, "big")


class _Sensor:
    """One sensor, of the relay with the same number."""

    def __init__(self, sensor_id: int, address: tuple[str, int]) -> None:
        root = root_of(sensor_id)
        self.sensor_id = sensor_id
        self.up = Cmac(keys.link_key_up(root, sensor_id, 0, sensor_id))
        self.down = Cmac(keys.link_key_down(root, sensor_id, 0, sensor_id))
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(address)
        self.waiting: dict[int, tuple[bytes, float]] = {}  # seq: datagram, when it is sent again
        self._siv = Siv(keys.siv_key(root, sensor_id, 0))

    def send(self, seq: int) -> None:
        now_s = time.time()
        op = frames.SEND if seq % 2 else frames.STORE
        header = frames.DataHeader(op, 0, 1, self.sensor_id, EPOCH, seq, int(now_s))
        body = encode([Reading(int(now_s), {POWER_IMPORT: seq})])
        datagram = frames.tag(frames.seal(header, body, self._siv), self.up)
        self.waiting[seq] = datagram, time.monotonic() + _AGAIN_S
        self.sock.send(datagram)

    def send_again(self, now_s: float) -> None:
        for seq, (datagram, due_s) in list(self.waiting.items()):
            if due_s <= now_s:
                self.waiting[seq] = datagram, now_s + _AGAIN_S
                self.sock.send(datagram)

    def acknowledged(self) -> int | None:
        """The seq of an ACK that came and that was waited for."""
        try:
            reply = frames.read_control(self.sock.recv(2048), self.down)
        except (OSError, ProtocolError):
            return None
        known = reply.kind == frames.ACK and self.waiting.pop(reply.seq, None) is not None
        return reply.seq if known else None


@dataclass(slots=True)
class Sent:
    """What was acknowledged, and when a SEND datum left its sensor (Unix seconds), by (sensor id, seq)."""

    acked: set[tuple[int, int]] = field(default_factory=set)
    left_s: dict[tuple[int, int], float] = field(default_factory=dict)


def send(addresses: Mapping[int, tuple[str, int]], per_s: float, seconds: float, first_seq: int = 0) -> Sent:
    """Every sensor sends `per_s` data a second for so many seconds, numbered on from `first_seq`.

    Returns when all are acknowledged, or half a minute later.
    """
    sent = Sent()
    sensors = {sensor_id: _Sensor(sensor_id, address) for sensor_id, address in addresses.items()}
    with selectors.DefaultSelector() as selector:
        for sensor in sensors.values():
            selector.register(sensor.sock, selectors.EVENT_READ, sensor)
        begun_s = time.monotonic()
        apart_s = 1 / (per_s * len(sensors))  # one after the other, so that they do not come in bursts
        order, number, looked_s = list(sensors.values()), 0, begun_s
        while True:
            now_s = time.monotonic()
            over = now_s - begun_s >= seconds
            if over and (not any(one.waiting for one in order) or now_s - begun_s > seconds + _LAST_S):
                break
            while not over and begun_s + number * apart_s <= now_s:
                sensor, seq = order[number % len(order)], first_seq + number // len(order)
                if seq % 2:
                    sent.left_s[sensor.sensor_id, seq] = time.time()
                sensor.send(seq)
                number += 1
            for key, _ in selector.select(0.005 if over else max(0.0, begun_s + number * apart_s - time.monotonic())):
                seq_acked = key.data.acknowledged()
                if seq_acked is not None:
                    sent.acked.add((key.data.sensor_id, seq_acked))
            if now_s - looked_s > _AGAIN_S / 4:
                looked_s = now_s
                for one in order:
                    one.send_again(now_s)
    for sensor in sensors.values():
        sensor.sock.close()
    return sent


class Watch(threading.Thread):
    """Sees each datum at the remote as soon as a query would: `seen_s` by (sensor id, seq), Unix seconds."""

    def __init__(self, database: Path) -> None:
        super().__init__(daemon=True)
        self.seen_s: dict[tuple[int, int], float] = {}
        self._database = database
        self._stopping = threading.Event()

    def run(self) -> None:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as connection:
            version = since_ms = -1
            while not self._stopping.wait(_LOOK_S):
                (now_version,) = connection.execute("PRAGMA data_version").fetchone()
                if now_version == version:
                    continue
                version, at_s = now_version, time.time()
                query = "SELECT sensor_id, first_seq, last_seq, stored_ms FROM block WHERE stored_ms >= ?"
                for sensor_id, first, last, stored_ms in connection.execute(query, (since_ms - 5_000,)):
                    for seq in range(first, last + 1):
                        self.seen_s.setdefault((sensor_id, seq), at_s)
                    since_ms = max(since_ms, stored_ms)

    def stop(self) -> None:
        """Ends it."""
        self._stopping.set()
        self.join()
