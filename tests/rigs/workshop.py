"""A remote that can be away, slow, broken or false; sensors that speak the core's own frames; relays on port 0."""

import json
import random
import socket
import sqlite3
import threading
import time
import zlib
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import urllib3
from gridecho import batch, frames, keys, orders, relay_keys
from gridecho.crypto import Cmac, Siv
from gridecho.holdings import Known, Pull, read_piece
from gridecho_common.secrets import write_secret
from gridecho_relay.service import Relay
from gridecho_relay.settings import load

from tests.rigs.forks import Forked
from tests.rigs.waiting import HANG_S, wait_for

RELAY_ID = 7


class FakeRemote:
    """Keys and batches as the remote serves them; `behave` names how batches are answered."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.behave = "well"
        self.takes_batches = threading.Event()  # cleared: it has a batch and does not say so yet
        self.takes_batches.set()
        self.most_frames = batch.MAX_FRAMES
        self.version = 1
        self.sensors: list[Sensor] = []
        self.arrived: Counter[bytes] = Counter()  # data ids
        self.answers = threading.Event()  # cleared: it takes connections and says nothing
        self.answers.set()
        self.waiting: set[str] = set()  # what was asked and is not answered now, by its last word
        self.batches = 0
        self.deflated = 0
        self.index: dict[bytes, int] = {}  # data id: generation time
        self.listing = self.known_to = 0
        self.told: list[tuple[int, int, int, int]] = []  # listing, start, end, runs of each piece, taken or not
        self.index_answers = "well"
        self.instead: tuple[int, dict[str, str], bytes] | None = None  # what every request gets: status, headers, body
        self.also_keys: list[object] = []  # entries of the lists beside the right ones
        self.also_orders: list[object] = []
        self.also_pulls: list[object] = []
        self.live: list[object] = []  # what heartbeats are told to be looked at
        self.in_order: list[str] = []  # what was asked, by its last word
        self.beats: list[dict[str, object]] = []
        self.beats_refused = 0
        self.pulls: dict[int, bytes] = {}
        self.pulled: dict[int, int] = {}
        self.codes: dict[str, dict[str, object]] = {}
        self.key_questions = 0
        self.order_questions = self.orders_given = 0
        self.orders_version = 1
        self.sealed: dict[int, tuple[int, bytes]] = {}
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        remote = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                remote.answers.wait(HANG_S)
                if remote.instead is not None:
                    self._instead(*remote.instead)
                    return
                self._answer(*remote.keys(self.path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                path = self.path.partition("?")[0]
                word = path.rpartition("/")[2]
                remote.waiting.add(word)
                remote.answers.wait(HANG_S)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "deflate":
                    remote.deflated += 1
                    body = zlib.decompress(body)
                remote.in_order.append(word)
                if remote.instead is not None:
                    self._instead(*remote.instead)
                    return
                if path == "/relay/v1/heartbeat":
                    self._answer(*remote.heartbeat(body, self.headers.get("Authorization", "")))
                elif path == "/relay/v1/index":
                    self._answer(*remote.tell(body))
                elif path == "/relay/v1/enrol":
                    self._answer(*remote.enrol_relay(json.loads(body)))
                else:
                    self._answer(*remote.take(path, body))
                remote.waiting.discard(word)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _instead(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            open_connections: set[socket.socket] = set()

            def process_request(self, request, address):
                self.open_connections.add(request)
                super().process_request(request, address)

            def handle_error(self, *_: object) -> None:
                pass  # a connection that this test cut

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_away(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            for connection in list(server.open_connections):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def enrol(self, sensor: "Sensor") -> None:
        self.sensors.append(sensor)
        self.version += 1

    def keys(self, path: str, authorization: str) -> tuple[int, bytes]:
        if path.startswith("/relay/v1/orders"):
            return self.orders(path, authorization)
        self.key_questions += 1
        asked = parse_qs(urlsplit(path).query)
        if (
            urlsplit(path).path != "/relay/v1/keys"
            or authorization != f"Bearer {relay_keys.relay_token(self.secret, RELAY_ID).hex()}"
        ):
            return 401, b""
        if asked == {"relay": [str(RELAY_ID)], "have": [str(self.version)]}:
            return 304, b""
        sensors = [
            {
                "sensor_id": sensor.sensor_id,
                "key_id": 0,
                "up": keys.link_key_up(sensor.root, sensor.sensor_id, 0, RELAY_ID).hex(),
                "down": keys.link_key_down(sensor.root, sensor.sensor_id, 0, RELAY_ID).hex(),
            }
            for sensor in self.sensors
        ]
        return 200, json.dumps({"version": self.version, "sensors": self.also_keys + sensors}).encode()

    def orders(self, path: str, authorization: str) -> tuple[int, bytes]:
        self.order_questions += 1
        if authorization != f"Bearer {relay_keys.relay_token(self.secret, RELAY_ID).hex()}":
            return 401, b""
        sensor_id = urlsplit(path).path.rpartition("/")[2]
        if sensor_id.isdecimal():
            self.orders_given += 1
            sealed = self.sealed.get(int(sensor_id))
            return (200, sealed[1]) if sealed else (404, b"")
        if parse_qs(urlsplit(path).query)["have"] == [str(self.orders_version)]:
            return 304, b""
        waiting = [
            {"sensor_id": sensor_id, "key_id": 0, "version": version} for sensor_id, (version, _) in self.sealed.items()
        ]
        return 200, json.dumps({"version": self.orders_version, "orders": self.also_orders + waiting}).encode()

    def order(self, sensor: "Sensor", version: int, content: bytes) -> None:
        order = orders.Order(orders.CONFIG, 0, sensor.sensor_id, version, len(content))
        siv = Siv(keys.order_key(sensor.root, sensor.sensor_id, 0))
        self.sealed[sensor.sensor_id] = version, b"".join(orders.seal_order(order, content, siv))
        self.orders_version += 1

    def heartbeat(self, body: bytes, authorization: str) -> tuple[int, bytes]:
        if authorization != f"Bearer {relay_keys.relay_token(self.secret, RELAY_ID).hex()}":
            self.beats_refused += 1
            return 401, b""
        beat = json.loads(body)
        assert beat["relay"] == RELAY_ID
        self.beats.append(beat)
        for one in beat["pulled"]:
            if self.pulls.pop(int(one["id"]), None) is not None:
                self.pulled[int(one["id"])] = one["frames"]
        answer = {
            "utc_ms": time.time_ns() // 1_000_000,
            "keys_version": self.version,
            "orders_version": self.orders_version,
            "pulls": self.also_pulls + [packed.hex() for packed in list(self.pulls.values())[:16]],
            "live": self.live,
            "group": None,
            "proxy": None,
            "of a later version": 1,
        }
        return 200, json.dumps(answer).encode()

    def want(self, pull_id: int, *wants: tuple[int, ...], utc_ms: int | None = None) -> bytes:
        """A pull request; it also waits for the next heartbeat."""
        utc_ms = time.time_ns() // 1_000_000 if utc_ms is None else utc_ms
        mac = Cmac(relay_keys.pull_key(self.secret, RELAY_ID))
        self.pulls[pull_id] = packed = Pull(RELAY_ID, pull_id, utc_ms, list(wants)).pack(mac)
        return packed

    def tell(self, body: bytes) -> tuple[int, bytes]:
        piece = read_piece(body, Cmac(relay_keys.batch_key(self.secret, RELAY_ID)))
        self.told.append((piece.listing, piece.start, piece.end, len(piece.runs)))
        if self.index_answers in ("is not there", "takes few runs") and (
            self.index_answers == "is not there" or len(piece.runs) > 3
        ):
            return (404, b"") if self.index_answers == "is not there" else (413, b"")
        if piece.listing > self.listing:
            self.index.clear()
            self.listing, self.known_to = piece.listing, 0
        if (piece.listing, piece.start) == (self.listing, self.known_to):
            for sensor_id, epoch, first_seq, count, first_s, step_s in piece.runs:
                key = sensor_id.to_bytes(4, "big") + epoch.to_bytes(4, "big")
                for i in range(count):
                    self.index[key + (first_seq + i).to_bytes(4, "big")] = first_s + i * step_s
            self.known_to = piece.end
        if self.index_answers == "is lost":
            self.index_answers = "well"
            return 502, b""
        known = Known(RELAY_ID, self.listing, self.known_to)
        return 200, known.pack(Cmac(relay_keys.receipt_key(self.secret, RELAY_ID)))

    def enrol_relay(self, asked: dict[str, object]) -> tuple[int, bytes]:
        found = self.codes.get(str(asked["code"]))
        if found is None or found.setdefault("nonce", asked["nonce"]) != asked["nonce"]:
            return 403, b""
        answer = {"relay_id": RELAY_ID, "secret": self.secret.hex(), "name": asked["name"]}
        return 200, json.dumps(answer).encode()

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.takes_batches.wait(HANG_S)
        if self.behave == "fails":
            return 500, b"<html>it broke</html>"
        assert path == "/relay/v1/batch"
        batch_id, got = batch.read_batch(body, Cmac(relay_keys.batch_key(self.secret, RELAY_ID)))
        if len(got) > self.most_frames:
            return 413, b""
        self.batches += 1
        relay_id, secret = RELAY_ID, self.secret
        if self.behave == "forges":
            secret = bytes(32)
        elif self.behave == "answers for another relay":
            relay_id = RELAY_ID + 1
        elif self.behave == "answers for another batch":
            batch_id = bytes(16)
        elif self.behave == "answers junk":
            return 200, b"thank you"
        elif self.behave == "answers without end":
            return 200, bytes(10_000)
        else:
            for frame in got:
                self.arrived[frame[4:16]] += 1
                self.index.pop(frame[4:16], None)
        receipt = batch.Receipt(relay_id, batch_id, len(got), 0, 0)
        return 200, receipt.pack(Cmac(relay_keys.receipt_key(secret, RELAY_ID)))


class Sensor:
    """One sensor's side of the link, with a socket of its own."""

    def __init__(self, sensor_id: int) -> None:
        self.sensor_id = sensor_id
        self.root = random.Random(sensor_id).randbytes(32)
        self.up = Cmac(keys.link_key_up(self.root, sensor_id, 0, RELAY_ID))
        self.down = Cmac(keys.link_key_down(self.root, sensor_id, 0, RELAY_ID))
        self.siv = Siv(keys.siv_key(self.root, sensor_id, 0))
        self.epoch = 1
        self.seq = 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(HANG_S)
        self.relay = ("127.0.0.1", 0)

    def data(self, op: int = frames.STORE, size: int = 20, count: int = 1, seq: int | None = None) -> bytes:
        """A new datagram with `size` bytes of what the relay cannot read."""
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        header = frames.DataHeader(op, 0, count, self.sensor_id, self.epoch, seq, 1_700_000_000 + seq)
        return frames.tag(frames.seal(header, bytes(size), self.siv), self.up)

    def probe(self, number: int = 1) -> bytes:
        return frames.Control(frames.PROBE, 0, 0, 0, self.sensor_id, self.epoch, number, 0, 0).pack(self.up)

    def send(self, datagram: bytes) -> None:
        self.sock.sendto(datagram, self.relay)

    def reply(self) -> frames.Control:
        return frames.read_control(self.sock.recv(2048), self.down)

    def ask(self, datagram: bytes) -> frames.Control:
        self.send(datagram)
        return self.reply()

    def hears_nothing(self, beside: "Sensor | None" = None) -> bool:
        """Whether nothing answers what it sent so far. Loopback and relay keep the order of datagrams: when a later one is
        acknowledged (of the sensor `beside` it, if this one would get no answer at all), an answer to these would be there.
        """
        other = beside or self
        reply = other.ask(other.data())
        self.sock.setblocking(False)
        try:
            self.sock.recv(2048)
        except BlockingIOError:
            return (reply.kind, reply.seq) == (frames.ACK, other.seq - 1)
        finally:
            self.sock.settimeout(HANG_S)
        return False

    def keep_sending(self, acked: list[bytes], ended: threading.Event) -> None:
        """Sends one datagram after the other until `ended`; the data ids of those that were acknowledged go to `acked`."""
        chance = random.Random(self.sensor_id)
        self.sock.settimeout(0.3)  # one that gets no answer is followed by the next; its answer may still come
        while not ended.is_set():
            self.send(self.data(chance.choice((frames.STORE, frames.SEND))))
            with suppress(TimeoutError):
                reply = self.reply()
                if reply.kind == frames.ACK:
                    acked.append(b"".join(n.to_bytes(4, "big") for n in (reply.sensor_id, reply.epoch, reply.seq)))
        self.sock.settimeout(HANG_S)


class Workshop:
    """What a test needs to run relays against the fake remote, in this process or in another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = FakeRemote(write_secret(folder / "relay.secret"))
        self._relays: list[tuple[Relay, threading.Thread]] = []
        self._sensors: list[Sensor] = []
        self._processes: list[Forked] = []
        self.log = folder / "relay.log"  # of its processes, one after the other

    def sensor(self, sensor_id: int = 1, enrol: bool = True) -> Sensor:
        sensor = Sensor(sensor_id)
        self._sensors.append(sensor)
        if enrol:
            self.remote.enrol(sensor)
        return sensor

    def config(self, **changed: object) -> Path:
        values = {
            "relay_id": RELAY_ID,
            "listen": "127.0.0.1:0",
            "status": "127.0.0.1:0",
            "remote": self.remote.url,
            "heartbeat_every_s": 0.1,
            "index_every_s": 0.1,
        } | changed
        path = self.folder / "relay.toml"
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        return path

    def relay(self, **changed: object) -> Relay:
        """A relay in a thread of this process; knows all sensors enrolled so far."""
        relay = Relay(load(self.config(**changed)))
        thread = threading.Thread(target=relay.run)
        thread.start()
        self._relays.append((relay, thread))
        if self.remote._server is not None:
            wait_for(lambda: relay.report()["sensors"] == len(self.remote.sensors))
        for sensor in self._sensors:
            sensor.relay = ("127.0.0.1", int(relay.listen.rpartition(":")[2]))
        return relay

    def stop(self, relay: Relay) -> None:
        for entry in [entry for entry in self._relays if entry[0] is relay]:
            self._relays.remove(entry)
            relay.stop()
            entry[1].join(HANG_S)
            assert not entry[1].is_alive()
            assert relay.report()["errors"] == 0

    def process(self, **changed: object) -> Forked:
        """`gridecho relay run` in a process of its own; knows all sensors enrolled so far."""
        process = Forked(["relay", "run", "--config", str(self.config(**changed))], self.log)
        self._processes.append(process)
        published = self.folder / "data" / "relay.json"

        def up() -> dict[str, object] | None:
            assert process.poll() is None, self.log.read_text()
            try:
                found = dict(json.loads(published.read_text()))
            except FileNotFoundError:
                return None
            return found if found["pid"] == process.pid else None

        self.status_url, listen = (str(wait_for(up)[name]) for name in ("status", "listen"))
        wait_for(lambda: self.status()["sensors"] == len(self.remote.sensors))
        for sensor in self._sensors:
            sensor.relay = ("127.0.0.1", int(listen.rpartition(":")[2]))
        return process

    def status(self) -> dict[str, object]:
        """What the page of the last process says of it to programs."""
        return dict(urllib3.request("GET", f"{self.status_url}/status.json", timeout=HANG_S, retries=False).json())

    def rows(self) -> list[bytes]:
        """The data ids that are on disk now, seen through a connection of this test's own."""
        connection = sqlite3.connect(self.folder / "data" / "relay.sqlite", timeout=HANG_S)
        try:
            return [
                row[0]
                for row in connection.execute(
                    "SELECT substr(frame, 5, 12) FROM held UNION ALL SELECT substr(frame, 5, 12) FROM outbox"
                )
            ]
        finally:
            connection.close()

    def close(self) -> None:
        self.remote.answers.set()
        self.remote.takes_batches.set()
        for process in self._processes:
            process.kill()
            process.wait(HANG_S)
        for relay, _ in list(self._relays):
            self.stop(relay)
        self.remote.go_away()
        for sensor in self._sensors:
            sensor.sock.close()
