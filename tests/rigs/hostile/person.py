"""A hostile person with a socket, and a login of their own or none, who wants that nobody else is answered."""

import http.client
import random
import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import urlencode, urlsplit

from tests.rigs.waiting import HANG_S

# What no form expects; each was once an error somewhere.
ODD_TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "a\r\nSet-Cookie: x=y",
    "\N{RIGHT-TO-LEFT OVERRIDE}x",
    "\N{ARABIC-INDIC DIGIT FIVE}",
    "\N{SUPERSCRIPT TWO}",
    "-1",
    "+1",
    "1_0",
    "1e3",
    "0x10",
    "NaN",
    "inf",
    "9" * 400,
    "9" * 5_000,
    str(1 << 31),
    str(1 << 32),
    str(1 << 63),
    str(-(1 << 63) - 1),
    "x" * 60_000,
    "%00",
    "%ff%fe",
    "{{7*7}}",
    "' OR 1=1 --",
    "../../etc/passwd",
    "//evil.example/",
    "/\\evil.example/",
    "/[",
    "//[",
    "http://[::1",
    "/a\r\nLocation: http://evil.example/",
    "/\u2028",
    "[" * 2_000,
]


class Person:
    """Connections of one person to a server, from `source`, an address of this machine."""

    def __init__(self, url: str, source: str = "127.0.0.1") -> None:
        parts = urlsplit(url)
        self.place = parts.hostname or "", parts.port or 80
        self.source = source
        self.cookie = ""
        self.held: list[socket.socket] = []

    def log_in(self, name: str, password: str) -> None:
        """A login of their own."""
        self.cookie = ""
        body = urlencode({"name": name, "password": password, "csrf_token": self.token_of("/login")})
        status, head, _ = self.ask(
            "POST", "/login", body.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert status == 302, status
        self.cookie = _cookies(head)

    def token_of(self, path: str) -> str:
        """The token of the form on a page, with the cookie that goes with it."""
        status, head, page = self.ask("GET", path)
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert status == 200 and token, f"a form was expected at {path}"
        self.cookie = _cookies(head) or self.cookie
        return token[1].decode()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """(status, headers, body) of an answer that is read."""
        with closing(http.client.HTTPConnection(*self.place, timeout=HANG_S, source_address=(self.source, 0))) as asked:
            asked.request(method, path, body or None, {"Cookie": self.cookie} | (headers or {}))
            answer = asked.getresponse()
            return answer.status, answer.headers, answer.read()

    def say(self, words: bytes, count: int = 1, *, takes_bytes: int = 0) -> None:
        """Opens so many connections, says this on each, and keeps them; `takes_bytes`: so little of an answer the system takes."""
        for _ in range(count):
            sock = socket.socket()
            if takes_bytes:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes_bytes)
            sock.settimeout(HANG_S)
            sock.bind((self.source, 0))
            sock.connect(self.place)
            self.held.append(sock)
            with suppress(OSError):  # it was shown the door at once
                sock.sendall(words)

    def stay(self, count: int) -> None:
        """Connections that say nothing."""
        self.say(b"", count)

    def begin(self, count: int) -> None:
        """Requests that never end."""
        self.say(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nname=", count)

    def drip(self) -> None:
        """One byte more of each of these."""
        for sock in self.held:
            with suppress(OSError):
                sock.send(b"x")

    def leave_unread(self, path: str, count: int, more: str = "") -> list[int]:
        """Downloads of which nothing more is read than the status, which is given."""
        first = len(self.held)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {self.cookie}\r\n{more}\r\n"
        self.say(request.encode(), count, takes_bytes=4096)
        return [int(sock.recv(12).split()[1]) for sock in self.held[first:]]

    @property
    def still_open(self) -> int:
        """How many connections the server has not closed."""
        return sum(not _is_closed(sock) for sock in self.held)

    def go(self) -> None:
        """Closes all."""
        for sock in self.held:
            sock.close()
        self.held.clear()


class Pest(threading.Thread):
    """A person who does all of it, over and over, until `ending`: what a test runs honest parties beside."""

    def __init__(self, person: Person, ending: threading.Event, download: str = "/", seed: int = 1) -> None:
        super().__init__(daemon=True)
        self._person, self._ending, self._download = person, ending, download
        self._chance = random.Random(seed)
        self.turns = 0

    def run(self) -> None:
        while not self._ending.is_set():
            with suppress(OSError, http.client.HTTPException, ValueError, IndexError):
                self._person.stay(50)
                self._person.begin(20)
                self._person.leave_unread(self._download, 4)
                self._person.drip()
                body = mutated(b"name=ada&password=x&next=/", self._chance)
                self._person.ask("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
            if len(self._person.held) > 400:
                self._person.go()
            self.turns += 1
        self._person.go()


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with a few things done to it: bytes changed, cut out, put in, doubled, or an odd text in the midst."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(body))
        end = min(len(body), at + chance.choice([1, 1, 2, 4, 16]))
        what = chance.randrange(6)
        if what == 0:
            body = body[:at] + chance.randbytes(end - at) + body[end:]
        elif what == 1:
            body = body[:at] + body[end:]
        elif what == 2:
            body = body[:at] + chance.randbytes(chance.randint(1, 8)) + body[at:]
        elif what == 3:
            body = body[:end] + body[at:]
        elif what == 4:
            body = body[:at] + chance.choice(ODD_TEXTS[:-1]).encode()[:2_000] + body[at:]
        else:
            body = body[:at]
    return body


def odd_forms(names: list[str], chance: random.Random, count: int) -> Iterator[list[tuple[str, str]]]:
    """Forms with these fields, of which some are odd, missing, or there twice."""
    for _ in range(count):
        there = [name for name in names for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        yield [(name, chance.choice(ODD_TEXTS) if chance.random() < 0.7 else "1") for name in there]


def _cookies(head: http.client.HTTPMessage) -> str:
    return "; ".join(one.partition(";")[0] for one in head.get_all("Set-Cookie") or [])


def _is_closed(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)  # nothing is read for it
    return bool(poll.poll(0))
