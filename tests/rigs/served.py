"""A fleet's remote as a process, and a line to it that breaks."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.rigs.fleet import Fleet
from tests.rigs.processes import GRIDECHO
from tests.rigs.waiting import HANG_S


@contextmanager
def served(fleet: Fleet) -> Iterator[str]:
    """The address of a remote that serves the fleet's database, by the real clock."""
    key = fleet.folder / "remote.key"
    key.write_text(fleet.kek.hex())
    key.chmod(0o600)
    config = fleet.folder / "remote.toml"
    zone = fleet.settings.time_zone
    config.write_text(
        f'listen = "127.0.0.1:0"\ndatabase = "{fleet.database}"\nkey_file = "{key}"\ntime_zone = "{zone}"\n'
    )
    command = [*GRIDECHO, "remote", "run", "--json", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"].rstrip("/")
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=HANG_S)
    assert "Traceback" not in errors, errors


class Breaking:
    """A port that leads to a remote, and breaks each of its first connections off after so many bytes of what comes back."""

    def __init__(self, url: str, after: list[int]) -> None:
        self._to = (str(urlsplit(url).hostname), int(urlsplit(url).port or 80))
        self.after = list(after)
        self.broken = 0
        self.asked: list[str] = []  # the first line of what each connection began with
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._server.accept()
                most = self.after.pop(0) if self.after else None
                threading.Thread(target=self._lead, args=(here, most), daemon=True).start()

    def _lead(self, here: socket.socket, most: int | None) -> None:
        with here, socket.create_connection(self._to) as there:
            threading.Thread(target=self._there, args=(here, there), daemon=True).start()
            with suppress(OSError):
                while (piece := there.recv(8_192)) and (most is None or most > 0):
                    here.sendall(piece if most is None else piece[:most])
                    if most is not None:
                        most -= len(piece)
                if most is not None and most <= 0:
                    self.broken += 1
                for each in (here, there):
                    each.shutdown(socket.SHUT_RDWR)

    def _there(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while piece := here.recv(8_192):
                self.asked.append(piece.split(b"\r\n")[0].decode())
                there.sendall(piece)
            there.shutdown(socket.SHUT_WR)
