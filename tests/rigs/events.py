"""A reader of server-sent events, as a browser reads them (WHATWG HTML, section 9.2.6), at any remote over HTTP."""

import json
import socket
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.rigs.waiting import HANG_S


class Event(NamedTuple):
    """One event: its name ("message" if it has none), its data as JSON, and the id to come again with."""

    name: str
    data: Any
    at: str


class Reader:
    """An open stream. `status` and `headers` (lower case) are of its answer; `at` is the last id; `beats` counts comments."""

    def __init__(self, url: str, cookie: str = "", at: str = "", source: str = "", **headers: str) -> None:
        parts = urlsplit(url)
        self.at, self.beats, self.is_over = at, 0, False
        self._sock = socket.create_connection(
            (parts.hostname, parts.port or 80), HANG_S, (source, 0) if source else None
        )
        said = {"Host": parts.netloc, "Accept": "text/event-stream"} | headers
        said |= {"Cookie": f"gridecho={cookie}"} if cookie else {}
        said |= {"Last-Event-ID": at} if at else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self._sock.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode())
        self._file = self._sock.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while (line := self._file.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self._lines: list[str] = []

    def problem(self) -> Any:
        """The body of an answer that is no stream."""
        return json.loads(self._file.read(int(self.headers["content-length"])))

    def next(self) -> Event | None:
        """The next event, waited for; None: the stream is over."""
        name, data, at = "message", [], self.at
        while (line := self._line()) is not None:
            field, _, value = line.partition(": ")
            if not line:
                self.at = at
                if data:
                    return Event(name, json.loads("\n".join(data)), at)
                name = "message"
            elif line.startswith(":"):
                self.beats += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                at = value
        self.is_over = True
        return None

    def until(self, name: str) -> Event:
        """The next event of this name."""
        while True:
            found = self.next()
            assert found is not None, f"the stream ended before {name}"
            if found.name == name:
                return found

    def began(self) -> "Reader":
        """Once the remote tells what is new from now on: then it has given a first id."""
        before = self.at
        while self.at == before and not self.is_over:
            line = self._line()
            if line is None:
                self.is_over = True
            elif line.startswith("id: "):
                self.at = line[4:]
        return self

    def close(self) -> None:
        """Gone without a word."""
        with suppress(OSError):
            self._file.close()
            self._sock.close()

    def _line(self) -> str | None:
        while not self._lines or "\n" not in self._lines[0]:
            chunk = self._chunk()
            if chunk is None:
                return None
            self._lines = [self._lines[0] + chunk if self._lines else chunk]
        line, _, rest = self._lines[0].partition("\n")
        self._lines = [rest]
        return line

    def _chunk(self) -> str | None:
        try:
            size = self._file.readline()
            if not size.strip() or not int(size, 16):
                return None
            chunk = self._file.read(int(size, 16))
            self._file.readline()
        except (ConnectionError, ValueError):
            return None
        return chunk.decode()


def seqs(reader: Reader, count: int = 1) -> list[int]:
    """The numbers of so many readings, at least, that a stream of one sensor tells next: what comes at a time is one event."""
    found: list[int] = []
    while len(found) < count:
        event = reader.next()
        assert event is not None and event.name == "message", event
        found += [one["seq"] for one in event.data["readings"]]
    return found
