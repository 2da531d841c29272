"""pyserial's own RFC 2217 server before a pty, as a terminal server before a board's serial port."""

import os
import select
import socket
import threading
from contextlib import suppress

import serial
import serial.rfc2217


class _Pty(serial.Serial):  # type: ignore[misc]
    """A pty as a serial port: it has no modem lines."""

    cts = dsr = ri = cd = False

    def _update_rts_state(self) -> None: ...

    def _update_dtr_state(self) -> None: ...


class _Connection:
    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self.lock:
            self.client.sendall(data)


class Server:
    """Serves the pty at `path` to one client after the other; `url` is for pyserial. A context manager."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._server.getsockname()[1]}"
        self.served = 0
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        if self._client is not None:
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            port = _Pty(self._path, timeout=0)
            with client, port:
                self.served += 1
                self._client = client
                self._carry(client, port)

    def _carry(self, client: socket.socket, port: serial.Serial) -> None:
        connection = _Connection(client)
        manager = serial.rfc2217.PortManager(port, connection)
        try:
            while True:
                ready, _, _ = select.select([client, port.fileno()], [], [])
                if client in ready:
                    data = client.recv(4096)
                    if not data:
                        return
                    port.write(b"".join(manager.filter(data)))
                if port.fileno() in ready:
                    connection.write(b"".join(manager.escape(os.read(port.fileno(), 4096))))
        except OSError:
            return
