"""What is revoked while it is downloaded: a second after the revocation was answered not a byte of it comes any more."""

import socket
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fcntl import ioctl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.use import granting

from tests.rigs.hostile.person import Person
from tests.rigs.load import RELAY_ID
from tests.rigs.people import PASSWORD, add_people, beside, fill
from tests.rigs.processes import RemoteProcess
from tests.rigs.waiting import HANG_S, wait_for

DOWNLOADS, OTHERS = 50, 2
FIRST_S = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
COUNT, STEP_S = 525_600, 60  # a year
SENSOR = 7
PROMISED_S = 1.0
_TURN_S, _AT_ONCE = 0.02, 4096


@dataclass
class Reader:
    """Somebody who downloads slowly, with a system that takes little ahead of them."""

    sock: socket.socket
    closed: bool
    count: int = 0  # bytes that were read
    answered_s: float | None = None  # when the revocation was
    had: int | None = None  # what had come when the second was over
    newest: tuple[int, float] = (0, 0.0)  # what had come, and since when it was no more
    ended: bool = False
    tail: bytes = b""
    lines: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def came(self) -> int:
        """All bytes that this machine has, those that nobody read yet too."""
        return self.count + int.from_bytes(ioctl(self.sock, termios.FIONREAD, bytes(4)), "little")

    def turn(self, most: int = _AT_ONCE) -> None:
        """Looks what came, and reads a little of it."""
        if self.ended:
            return
        came, now_s = self.came, time.monotonic()
        if came > self.newest[0]:
            self.newest = came, now_s
        if self.answered_s is not None and self.had is None and now_s > self.answered_s + PROMISED_S:
            self.had = came
        try:
            part = self.sock.recv(most)
        except BlockingIOError:
            return
        except ConnectionResetError:
            part = b""
        self.count += len(part)
        self.lines += part.count(b"\n")
        self.tail = (self.tail + part)[-7:]
        self.ended = not part or self.tail == b"\r\n0\r\n\r\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def remotes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[RemoteProcess]]:
    """Two before one database: half of a process's 64 threads are for downloads."""
    there = str(tmp_path / "remote.sqlite")
    url = request.getfixturevalue("postgres").database() if request.param == "postgresql" else there
    first = RemoteProcess(tmp_path / "remote", {RELAY_ID: bytes(32)}, [SENSOR], url, threads=64)
    with beside(first) as site:
        fill(site, bytes(32), SENSOR, FIRST_S, COUNT, STEP_S)
    made = [first, first.another(tmp_path / "other")]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.close()


def begin(remote: RemoteProcess, number: int) -> Reader:
    """A download of the year."""
    person = Person(remote.url)
    person.log_in(f"user {number}", PASSWORD)
    closed = number % 8 > 3
    path = f"/api/v1/sensors/{SENSOR}/readings.{'parquet' if number % 2 else 'csv'}"
    parts = urlsplit(remote.url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _AT_ONCE)
    sock.connect((parts.hostname, parts.port))
    more = "Connection: close\r\n" if closed else ""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {person.cookie}\r\n{more}\r\n".encode())
    sock.setblocking(False)
    return Reader(sock, closed)


def test_fifty_revocations_beside_fifty_downloads(remotes: list[RemoteProcess]) -> None:
    remote = remotes[0]
    with beside(remote) as site:
        add_people(site.archive, [f"user {n}" for n in range(DOWNLOADS + OTHERS)])
        numbers = [
            granting.grant(site, OPERATOR, f"user {n}", Scope(sensors=frozenset({SENSOR})))
            for n in range(DOWNLOADS + OTHERS)
        ]
    readers = [begin(remotes[n // 2 % 2], n) for n in range(DOWNLOADS + OTHERS)]
    ending = threading.Event()

    def read() -> None:
        while not ending.is_set():
            for one in readers:
                one.turn()
            ending.wait(_TURN_S)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        wait_for(lambda: all(one.count > 50_000 for one in readers), "all of them under way", hang_s=300)
        assert not any(one.ended for one in readers)
        gate = threading.Barrier(DOWNLOADS)

        def revoke(number: int) -> None:
            with beside(remote) as site:
                gate.wait(HANG_S)
                if number % 5:
                    granting.revoke(site, OPERATOR, numbers[number])
                else:
                    granting.narrow(site, OPERATOR, numbers[number], export=False)
                readers[number].answered_s = time.monotonic()

        revoking = [threading.Thread(target=revoke, args=(n,)) for n in range(DOWNLOADS)]
        for one in revoking:
            one.start()
        for one in revoking:
            one.join()
        wait_for(lambda: all(one.had is not None or one.ended for one in readers[:DOWNLOADS]), "a second later")
        wait_for(lambda: all(one.ended for one in readers[:DOWNLOADS]), "their ends")
    finally:
        ending.set()
        reading.join()
    late = [one.count - one.had for one in readers[:DOWNLOADS] if one.had is not None]
    assert all(one.answered_s is not None for one in readers[:DOWNLOADS])
    last_s = [one.newest[1] - one.answered_s for one in readers[:DOWNLOADS] if one.answered_s is not None]
    print(
        f"\nthe last byte came {sorted(last_s)[DOWNLOADS // 2]:.2f} s (median), {max(last_s):.2f} s (most) after the answer"
    )
    assert not any(late), f"bytes that came when a second was over: {sorted(late)}"
    assert all(one.tail != b"\r\n0\r\n\r\n" for one in readers[:DOWNLOADS]), "nobody takes it for the whole"
    check_others(readers[DOWNLOADS:])
    ended = "SELECT count(*) FROM audit WHERE what = 'sensors.export.ended'"
    wait_for(lambda: remote.query(ended)[0][0] == DOWNLOADS + OTHERS, "a row for each end")
    for one in readers:
        one.sock.close()


def check_others(readers: list[Reader]) -> None:
    """Those of which nothing was revoked have all of it."""
    for one in readers:
        one.sock.setblocking(True)
        while not one.ended:
            with suppress(BlockingIOError):
                one.turn(1 << 16)
    assert all(one.tail == b"\r\n0\r\n\r\n" or one.closed for one in readers)
    csv, parquet = readers
    assert csv.lines > COUNT
    assert parquet.count > 1_000_000
