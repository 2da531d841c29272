"""What is revoked while it is downloaded, or told as it comes: a second after the revocation was answered nothing of it comes."""

import json
import selectors
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator
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

MANY, OTHERS = 50, 2
FIRST_S = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
COUNT, STEP_S = 525_600, 60  # a year
SENSOR = 7
PROMISED_S = 1.0
_TURN_S, _AT_ONCE = 0.02, 4096
_STORED_EVERY_S = 0.05


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
    made = [first, first.another(tmp_path / "other")]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.close()


def ask(remote: RemoteProcess, number: int, path: str, *, closed: bool = False, takes_bytes: int = 0) -> socket.socket:
    """A connection of somebody's, on which they have asked."""
    person = Person(remote.url)
    person.log_in(f"user {number}", PASSWORD)
    parts = urlsplit(remote.url)
    sock = socket.socket()
    if takes_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes_bytes)
    sock.connect((parts.hostname, parts.port))
    more = "Connection: close\r\n" if closed else ""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {person.cookie}\r\n{more}\r\n".encode())
    sock.setblocking(False)
    return sock


def download(remote: RemoteProcess, number: int) -> Reader:
    """A download of the year."""
    closed = number % 8 > 3
    path = f"/api/v1/sensors/{SENSOR}/readings.{'parquet' if number % 2 else 'csv'}"
    return Reader(ask(remote, number, path, closed=closed, takes_bytes=_AT_ONCE), closed)


def granted(remote: RemoteProcess) -> list[int]:
    """The grants of so many people, one each."""
    with beside(remote) as site:
        add_people(site.archive, [f"user {n}" for n in range(MANY + OTHERS)])
        scope = Scope(sensors=frozenset({SENSOR}))
        return [granting.grant(site, OPERATOR, f"user {n}", scope) for n in range(MANY + OTHERS)]


def revoke_at_once(remote: RemoteProcess, grants: list[int], less: str, answered: Callable[[int], None]) -> None:
    """All of these at the same time; of each fifth only `less` is taken. `answered` is called right after each."""
    gate = threading.Barrier(len(grants))

    def revoke(number: int) -> None:
        with beside(remote) as site:
            gate.wait(HANG_S)
            if number % 5:
                granting.revoke(site, OPERATOR, grants[number])
            else:
                granting.narrow(site, OPERATOR, grants[number], **{less: False})
            answered(number)

    revoking = [threading.Thread(target=revoke, args=(n,)) for n in range(len(grants))]
    for one in revoking:
        one.start()
    for one in revoking:
        one.join()


def test_fifty_revocations_beside_fifty_downloads(remotes: list[RemoteProcess]) -> None:
    remote = remotes[0]
    with beside(remote) as site:
        fill(site, bytes(32), SENSOR, FIRST_S, COUNT, STEP_S)
    numbers = granted(remote)
    readers = [download(remotes[n // 2 % 2], n) for n in range(MANY + OTHERS)]
    ending = threading.Event()

    def read() -> None:
        while not ending.is_set():
            for one in readers:
                one.turn()
            ending.wait(_TURN_S)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        wait_for(
            lambda: all(one.count > 50_000 for one in readers),
            lambda: f"all of them under way, not {[(one.count, one.ended) for one in readers]}",
            hang_s=300,
        )
        assert not any(one.ended for one in readers)

        def answered(number: int) -> None:
            readers[number].answered_s = time.monotonic()

        revoke_at_once(remote, numbers[:MANY], "export", answered)
        wait_for(lambda: all(one.had is not None or one.ended for one in readers[:MANY]), "a second later")
        wait_for(lambda: all(one.ended for one in readers[:MANY]), "their ends")
    finally:
        ending.set()
        reading.join()
    late = [one.count - one.had for one in readers[:MANY] if one.had is not None]
    assert all(one.answered_s is not None for one in readers[:MANY])
    last_s = [one.newest[1] - one.answered_s for one in readers[:MANY] if one.answered_s is not None]
    print(
        f"\nthe last byte came {sorted(last_s)[MANY // 2]:.2f} s (median), {max(last_s):.2f} s (most) after the answer"
    )
    assert not any(late), f"bytes that came when a second was over: {sorted(late)}"
    assert all(one.tail != b"\r\n0\r\n\r\n" for one in readers[:MANY]), "nobody takes it for the whole"
    check_others(readers[MANY:])
    ended = "SELECT count(*) FROM audit WHERE what = 'sensors.export.ended'"
    wait_for(lambda: remote.query(ended)[0][0] == MANY + OTHERS, "a row for each end")
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


@dataclass
class Listener:
    """Somebody who is told of the sensor as its readings come."""

    sock: socket.socket
    answered_s: float | None = None
    text: bytes = b""
    ended_s: float | None = None  # when its last event came
    newest_s: float = 0.0  # when readings came last
    events: int = 0  # with readings
    seqs: list[int] = field(default_factory=list)
    why: str = ""

    def take(self) -> None:
        """Reads what came."""
        now_s = time.monotonic()
        part = self.sock.recv(1 << 16)
        assert part or self.ended_s is not None, "it ended without a word"
        *whole, self.text = (self.text + part).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in whole:
            fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
            if b"data" not in fields:
                continue
            assert self.ended_s is None, "there was more after the end"
            said = json.loads(fields[b"data"])
            if fields.get(b"event") == b"end":
                self.ended_s, self.why = now_s, said["code"]
            else:
                self.newest_s = now_s
                self.events += 1
                self.seqs += [one["seq"] for one in said["readings"]]


class Storing(threading.Thread):
    """Stores a reading of now over and over, until `ending`."""

    def __init__(self, remote: RemoteProcess) -> None:
        super().__init__()
        self._remote, self.ending, self.count = remote, threading.Event(), 0

    def run(self) -> None:
        with beside(self._remote) as site:
            while not self.ending.wait(_STORED_EVERY_S):
                fill(site, bytes(32), SENSOR, int(time.time()), 1, 1, self.count)
                self.count += 1


def listen(listeners: list[Listener], ending: threading.Event) -> None:
    """Reads all of them as they come."""
    with selectors.DefaultSelector() as selector:
        for one in listeners:
            selector.register(one.sock, selectors.EVENT_READ, one)
        while not ending.is_set():
            for key, _ in selector.select(_TURN_S):
                key.data.take()
                if key.data.ended_s is not None:
                    selector.unregister(key.fileobj)


def test_fifty_revocations_beside_fifty_streams(remotes: list[RemoteProcess]) -> None:
    numbers = granted(remotes[0])
    path = f"/api/v1/sensors/{SENSOR}/live"
    listeners = [Listener(ask(remotes[n // 2 % 2], n, path)) for n in range(MANY + OTHERS)]
    mine, others = listeners[:MANY], listeners[MANY:]
    ending, storing = threading.Event(), Storing(remotes[0])
    listening = threading.Thread(target=listen, args=(listeners, ending))
    storing.start()
    listening.start()
    try:
        wait_for(lambda: all(one.events > 20 for one in listeners), "readings at all of them")

        def answered(number: int) -> None:
            mine[number].answered_s = time.monotonic()

        revoke_at_once(remotes[0], numbers[:MANY], "live", answered)
        wait_for(lambda: all(one.ended_s is not None for one in mine), "their ends")
        said = storing.count
        wait_for(lambda: all(one.seqs[-1] > said for one in others), "what is stored later, at those who keep theirs")
    finally:
        storing.ending.set()
        storing.join()
        ending.set()
        listening.join()
    last_s = sorted(one.newest_s - one.answered_s for one in mine if one.answered_s is not None)
    ends_s = sorted(
        one.ended_s - one.answered_s for one in mine if one.ended_s is not None and one.answered_s is not None
    )
    assert len(last_s) == len(ends_s) == MANY
    for what, times_s in (("reading", last_s), ("event", ends_s)):
        print(
            f"\nthe last {what} came {times_s[MANY // 2]:.2f} s (median), {times_s[-1]:.2f} s (most) after the answer"
        )
    assert last_s[-1] <= PROMISED_S, "readings that came when a second was over"
    assert {one.why for one in mine} == {"sensor-not-shared"}
    for one in others:
        assert one.seqs == [*range(one.seqs[0], one.seqs[-1] + 1)], "whose grant stays is told all"
    for one in listeners:
        one.sock.close()
