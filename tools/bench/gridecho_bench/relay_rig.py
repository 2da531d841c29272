"""A real relay in a process and a folder of its own, and a remote beside it that knows its sensors and takes no reading."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gridecho import holdings, relay_keys
from gridecho.crypto import Cmac
from gridecho_common.secrets import write_secret

from .relay_child import RelayBenchError
from .relay_datagrams import cpu_s
from .relay_traffic import Traffic

_START_S = 20.0
_FILES = ("relay.sqlite", "relay.sqlite-wal", "relay.sqlite-shm")


class PoliteRemote:
    """Answers a relay's questions for keys, orders and heartbeats, and its index; 404 for all else."""

    def __init__(self, traffic: Traffic, secret: bytes) -> None:
        self.index_pieces = 0
        self._batch_mac = Cmac(relay_keys.batch_key(secret, traffic.relay_id))
        self._receipt_mac = Cmac(relay_keys.receipt_key(secret, traffic.relay_id))
        self._known = (0, 0)
        self._keys = json.dumps(
            {
                "version": 1,
                "sensors": [
                    {"sensor_id": sensor_id, "key_id": key_id, "up": up.hex(), "down": down.hex()}
                    for sensor_id, key_id, up, down in traffic.link_keys()
                ],
            }
        ).encode()
        remote = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._answer(*remote.get(self.path))

            def do_POST(self) -> None:
                path = self.path.partition("?")[0]
                self._answer(*remote.post(path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                pass  # the relay was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def get(self, path: str) -> tuple[int, bytes]:
        """(status, body) of a GET."""
        if path.startswith("/relay/v1/keys"):
            return (304, b"") if path.endswith("have=1") else (200, self._keys)
        if path.startswith("/relay/v1/orders?"):
            return (304, b"") if path.endswith("have=1") else (200, b'{"version": 1, "orders": []}')
        return 404, b""

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) of a POST."""
        if path == "/relay/v1/heartbeat":
            answer: dict[str, Any] = {"utc_ms": time.time_ns() // 1_000_000, "keys_version": 1, "orders_version": 1}
            return 200, json.dumps(answer | {"pulls": [], "group": None, "proxy": None}).encode()
        if path == "/relay/v1/index":
            piece = holdings.read_piece(body, self._batch_mac)
            listing, known = self._known
            if (piece.listing > listing and piece.start == 0) or (piece.listing, piece.start) == (listing, known):
                self._known = piece.listing, piece.end
                self.index_pieces += 1
            return 200, holdings.Known(piece.relay_id, *self._known).pack(self._receipt_mac)
        return 404, b""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RelayRig:
    """`gridecho relay run` from the start until the `with` ends."""

    def __init__(self, folder: Path, traffic: Traffic) -> None:
        folder.mkdir(parents=True)
        self.data = folder / "data"
        self._log = folder / "relay.log"
        self._remote = PoliteRemote(traffic, write_secret(folder / "relay.secret"))
        values = {
            "relay_id": traffic.relay_id,
            "name": "bench",
            "listen": "127.0.0.1:0",
            "status": "127.0.0.1:0",
            "remote": self._remote.url,
        }
        config = folder / "relay.toml"
        config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gridecho_cli", "relay", "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid
        self.port = self._wait_until_up()

    def _wait_until_up(self) -> int:
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                found = json.loads((self.data / "relay.json").read_text(encoding="utf-8"))
                return int(found["listen"].rpartition(":")[2])
            except (OSError, ValueError):
                time.sleep(0.02)
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self.kill()
        raise RelayBenchError(f"the relay did not start: {said[-1] if said else 'it said nothing'}")

    @property
    def index_pieces(self) -> int:
        """How often the relay told the remote what it holds."""
        return self._remote.index_pieces

    def cpu_s(self) -> float | None:
        """CPU time of the relay so far."""
        return cpu_s(self.pid)

    def disk_bytes(self) -> int:
        """What its database takes now: the file, its write-ahead log and the log's index."""
        return sum((self.data / name).stat().st_size for name in _FILES if (self.data / name).exists())

    def kill(self) -> None:
        """Ends it as a power cut would, but for the page cache: nothing that is not in its files then was saved."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self._process.wait()
        self._remote.close()

    def stored(self) -> set[bytes]:
        """The data ids that are in the killed relay's database."""
        connection = sqlite3.connect(self.data / "relay.sqlite")
        try:
            return {
                row[0]
                for table in ("held", "outbox")
                for row in connection.execute(f"SELECT substr(frame, 5, 12) FROM {table}")  # noqa: S608  # nosec B608  # names of ours, values are bound
            }
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
