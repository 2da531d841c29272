"""Connections and threads of the remote's server: a hostile person holds as many as they can, and others are answered."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from gridecho import relay_keys
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote import doors
from gridecho_remote.server import Server
from gridecho_remote.store import audit, timeline
from gridecho_remote.store.grants import add_grant, revoke_grant
from gridecho_remote.use import loads, looks

from tests.rigs.fleet import PASSWORD, Fleet
from tests.rigs.hostile.person import Person, Pest
from tests.rigs.waiting import HANG_S, wait_for

OTHERS = "127.0.0.2"  # where honest parties are
CSV = "/api/v1/sensors/7/readings.csv"


@contextmanager
def served(fleet: Fleet) -> Iterator[str]:
    """The URL of a server of the fleet's remote, and persons who go at its end."""
    server = Server(fleet.site)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join(HANG_S)
        assert not thread.is_alive()


@pytest.fixture
def at(make_fleet: Callable[..., Fleet]) -> Iterator[Callable[..., tuple[Fleet, Callable[[str], Person]]]]:
    """Serves a remote with these settings; gives it, and what makes a person at an address."""
    with ExitStack() as ending:

        def start(**settings: object) -> tuple[Fleet, Callable[[str], Person]]:
            fleet = make_fleet(listen="127.0.0.1:0", **settings)
            url = ending.enter_context(served(fleet))

            def person(source: str) -> Person:
                one = Person(url, source)
                ending.callback(one.go)
                return one

            return fleet, person

        yield start


class Relay:
    """An honest relay's kept-alive connection."""

    def __init__(self, fleet: Fleet, person: Person) -> None:
        token = relay_keys.relay_token(fleet.relays[1], 1).hex()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = http.client.HTTPConnection(*person.place, timeout=HANG_S, source_address=(person.source, 0))
        self._http.connect()
        self.opened = self._http.sock
        person.held.append(self.opened)  # so that it is closed in the end, whatever becomes of the test

    def ask(self) -> int:
        self._http.request("GET", "/relay/v1/orders?relay=1", headers=self._headers)
        answer = self._http.getresponse()
        answer.read()
        return answer.status

    @property
    def was_kept(self) -> bool:
        return self._http.sock is self.opened

    def close(self) -> None:
        self._http.close()


def many_readings(fleet: Fleet) -> None:
    """More than the system and the server hold of an answer that nobody reads."""
    begin = 1_700_000_000
    for part in range(8):
        frames = []
        for n in range(60):
            first = (part * 60 + n) * 250
            readings = [Reading(begin + first + k, {ENERGY_IMPORT: first + k, POWER_IMPORT: k}) for k in range(250)]
            frames.append(fleet.frame(7, readings))
        fleet.send(*frames)


def test_a_thousand_idle_connections_keep_nobody_out(at) -> None:
    fleet, person = at()
    hostile = person("127.0.0.1")
    hostile.stay(800)
    hostile.begin(200)
    relay, honest = Relay(fleet, person(OTHERS)), person(OTHERS)
    assert [relay.ask(), relay.ask()] == [200, 200]
    assert honest.ask("GET", "/login")[0] == 200
    assert hostile.still_open == 1_000
    hostile.stay(50)
    assert honest.ask("GET", "/login")[0] == 200
    wait_for(lambda: hostile.still_open <= 1_000, "one goes for each that comes beyond an address's share")
    assert relay.ask() == 200 and relay.was_kept
    relay.close()


def test_three_hundred_relays_keep_their_connections(at) -> None:
    fleet, person = at()
    relays = [Relay(fleet, person(OTHERS)) for _ in range(900)]  # a relay has up to three
    for _ in range(2):
        assert {relay.ask() for relay in relays} == {200}
    assert all(relay.was_kept for relay in relays)
    for relay in relays:
        relay.close()


def test_when_all_connections_are_held_those_go_who_have_the_most(at) -> None:
    fleet, person = at(max_connections=40)
    crowd, few = person("127.0.0.1"), person("127.0.0.3")
    few.stay(5)
    relay = Relay(fleet, person(OTHERS))
    assert relay.ask() == 200
    crowd.stay(100)
    assert person(OTHERS).ask("GET", "/login")[0] == 200
    assert relay.ask() == 200 and relay.was_kept
    assert few.still_open == 5
    relay.close()


def test_downloads_that_nobody_reads_hold_no_thread_of_others(at, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, person = at()
    many_readings(fleet)
    fleet.person()
    fleet.person("kim")
    for name in ("ada", "kim"):
        add_grant(fleet.archive, name, sensor_id=7)
    hostile, honest, relay = person("127.0.0.1"), person(OTHERS), Relay(fleet, person(OTHERS))
    hostile.log_in("ada", PASSWORD)
    honest.log_in("kim", PASSWORD)
    assert sorted(hostile.leave_unread(CSV, 9)) == [200] * 2 + [429] * 7
    assert relay.ask() == 200
    status, _, body = honest.ask("GET", CSV)
    assert status == 200 and body.count(b"\n") == 120_001
    status, head, _ = hostile.ask("GET", CSV)
    assert status == 429 and int(head["Retry-After"]) > 0
    monkeypatch.setattr(doors, "UNREAD_S", 0.0)
    wait_for(lambda: hostile.ask("GET", CSV + "?to=1")[0] == 200, "what is not read is given up")
    relay.close()


@pytest.mark.parametrize("closes", ["", "Connection: close\r\n"])
@pytest.mark.parametrize("path", [CSV, CSV + "?to=1700006000", CSV.replace("csv", "parquet")])
def test_what_is_revoked_is_cut_off_with_all_that_waits_to_be_sent(at, path: str, closes: str) -> None:
    fleet, person = at()
    many_readings(fleet)
    fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    reader = person("127.0.0.1")
    reader.log_in("ada", PASSWORD)
    whole = len(reader.ask("GET", path)[2])
    assert whole > 200_000, whole
    assert reader.leave_unread(path, 2, closes) == [200, 200]
    assert received(reader.held[0]) > whole, "who reads late has all of it"
    revoke_grant(fleet.archive, number)
    wait_for(lambda: reader.still_open == 0, "the end of it")
    assert received(reader.held[1]) < 100_000, "what this machine had taken"


@pytest.mark.parametrize("closes", ["", "Connection: close\r\n"])
@pytest.mark.parametrize("what", ["read", "left", "half read", "revoked"])
def test_the_audit_says_whether_a_file_was_taken_and_not_only_made(
    at, monkeypatch: pytest.MonkeyPatch, what: str, closes: str
) -> None:
    made, counted = threading.Event(), looks.Exporting.counted

    def to_the_end(self: looks.Exporting, parts: Iterator[Any]) -> Iterator[Any]:
        yield from counted(self, parts)
        made.set()

    monkeypatch.setattr(looks.Exporting, "counted", to_the_end)
    fleet, person = at()
    many_readings(fleet)
    fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    reader = person("127.0.0.1")
    reader.log_in("ada", PASSWORD)
    reader.leave_unread(CSV + "?to=1700006000", 1, closes)
    assert made.wait(HANG_S)
    if what == "read":
        assert received(reader.held[0]) > 200_000
    elif what == "half read":
        reader.held[0].recv(1 << 12)
        reader.go()
    elif what == "left":
        reader.go()
    else:
        revoke_grant(fleet.archive, number)
    row = wait_for(lambda: next((one for one in audit.newest(fleet.archive, 9) if one.what.endswith(".ended")), None))
    assert row.fields["count"] == 6_000, "all of it was made"
    assert row.fields["whole"] is (what == "read")


def test_nobody_is_cut_off_later_because_the_end_of_another_is_noted(at, monkeypatch: pytest.MonkeyPatch) -> None:
    noting, go_on = threading.Event(), threading.Event()

    def ended(self: looks.Exporting, taken: bool) -> None:
        noting.set()
        assert go_on.wait(HANG_S)

    monkeypatch.setattr(looks.Exporting, "ended", ended)
    fleet, person = at()
    many_readings(fleet)
    readers, numbers = [], []
    for name in ("ada", "kim"):
        fleet.person(name)
        numbers.append(add_grant(fleet.archive, name, sensor_id=7))
        reader = person("127.0.0.1")
        reader.log_in(name, PASSWORD)
        assert reader.leave_unread(CSV, 1) == [200]
        readers.append(reader)
    try:
        for reader, number in zip(readers, numbers, strict=True):
            revoke_grant(fleet.archive, number)
            wait_for(lambda one=reader: one.still_open == 0, "the end of it")
            assert noting.wait(HANG_S)
    finally:
        go_on.set()


def received(sock: socket.socket) -> int:
    """How many bytes still come, up to the end of an answer or of the connection."""
    count, end = 0, b""
    with contextlib.suppress(ConnectionResetError):
        while not end.endswith(b"\r\n0\r\n\r\n") and (part := sock.recv(1 << 16)):
            count, end = count + len(part), (end + part)[-7:]
    return count


def test_who_begins_a_request_and_does_not_go_on_is_shown_out(at, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "LOOKED_AT_S", 1)
    _, person = at()
    hostile, silent = person("127.0.0.1"), person("127.0.0.1")
    silent.stay(1)
    hostile.begin(10)
    hostile.say(b"GET / HTTP/1.1\r\nX: ", 10)
    hostile.drip()
    assert hostile.still_open == 20
    monkeypatch.setattr(doors, "HEAD_S", 0.0)
    wait_for(lambda: hostile.drip() or hostile.still_open == 0, "each of them is shown out")
    assert silent.still_open == 1


def test_a_body_that_is_too_long_for_a_page_is_not_received(at) -> None:
    fleet, person = at()
    token = relay_keys.relay_token(fleet.relays[1], 1).hex()
    hostile = person("127.0.0.1")

    def begin(path: str, token: str, length: str = "Content-Length: 2000000") -> socket.socket:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n"
        hostile.say(head.encode())
        return hostile.held[-1]

    batch = "/relay/v1/batch?relay="
    for path, shown in (
        ("/login", token),
        (batch + "1", "0" * 64),
        (batch + "2", token),
        (batch + "x", token),
        (batch, ""),
    ):
        assert b" 413 " in begin(path, shown).recv(100)
    chunked = begin(batch + "1", "0" * 64, "Transfer-Encoding: chunked")
    with contextlib.suppress(OSError):  # it is shown the door while it says this
        for _ in range(40):
            chunked.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")
    assert b" 413 " in chunked.recv(100)
    waited_for = begin(batch + "1", token)
    waited_for.settimeout(0.2)
    with pytest.raises(TimeoutError):
        waited_for.recv(100)


def test_honest_parties_beside_a_pest(at) -> None:
    fleet, person = at()
    many_readings(fleet)
    fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    ending = threading.Event()
    hostile = person("127.0.0.1")
    hostile.log_in("ada", PASSWORD)
    pest = Pest(hostile, ending, CSV)
    pest.start()
    relay, honest = Relay(fleet, person(OTHERS)), person(OTHERS)
    answers = []
    while pest.turns < 5:
        answers += [relay.ask(), honest.ask("GET", "/login")[0]]
    ending.set()
    pest.join(HANG_S)
    assert set(answers) == {200}
    assert relay.was_kept
    relay.close()


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_whose_share_an_address_counts_for(address: str, site: str) -> None:
    assert doors.site_of(address) == site


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
def test_an_answer_goes_out_with_its_head(at, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    _, person = at()
    sent: list[int] = []
    send = doors.Channel.send

    def counted(channel: doors.Channel, data: bytes, do_close: bool = True) -> int:
        sent.append(send(channel, data, do_close))
        return sent[-1]

    monkeypatch.setattr(doors.Channel, "send", counted)
    whole = http.client.HTTPConnection(*person(OTHERS).place, timeout=HANG_S)
    for method, body in (("GET", True), ("HEAD", False)):
        whole.request(method, path)
        answer = whole.getresponse()
        assert answer.status == 200
        assert bool(answer.read()) is body
    wait_for(lambda: len(sent) > 1)
    whole.close()
    assert sum(sent[:-1]) > sent[-1] > 100  # GET's, and then HEAD's, which is a head alone
    assert len(sent) == 2 or path == "/openapi.json"  # of what is long the system may take some at a time


def test_a_person_who_asks_for_much_leaves_threads_to_the_others(at, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, person = at(threads=4)
    fleet.person()
    fleet.person("kim")
    for name in ("ada", "kim"):
        add_grant(fleet.archive, name, sensor_id=7)
    fleet.send(fleet.frame(7, {POWER_IMPORT: 5}))
    greedy = [person(f"127.0.0.{n}") for n in range(3, 11)]
    greedy[0].log_in("ada", PASSWORD)
    assert greedy[0].ask("GET", "/")[0] == 200, "whose the cookie is is known from here on"
    honest = person(OTHERS)
    honest.log_in("kim", PASSWORD)
    curve = "/api/v1/sensors/7/readings?quantities=1-0:1.7.0&points=9"
    with held_up(monkeypatch, timeline, "thinned") as under_way:
        for one in greedy:  # wherever they come from
            one.cookie = greedy[0].cookie
            one.say(f"GET {curve} HTTP/1.1\r\nHost: x\r\nCookie: {one.cookie}\r\n\r\n".encode())
        wait_for(lambda: len(under_way) == 2, "half of the threads")
        for _ in range(5):
            assert honest.ask("GET", "/api/v1/sensors/7/readings")[0] == 200
        assert len(under_way) == 2
    assert {one.held[-1].recv(12).split()[1] for one in greedy} == {b"200"}


def test_a_relay_that_brings_much_leaves_threads_to_the_others(at, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, person = at(relay_threads=4)
    honest = Relay(fleet, person(OTHERS))
    token = relay_keys.relay_token(fleet.relays[2], 2).hex()
    head = f"Host: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 3\r\n\r\n"
    hostile = person("127.0.0.1")
    assert hostile.ask("GET", "/relay/v1/orders?relay=2", headers={"Authorization": f"Bearer {token}"})[0] == 200
    with held_up(monkeypatch, loads, "take") as under_way:
        for _ in range(3):
            hostile.say(f"POST /relay/v1/batch?relay=2 HTTP/1.1\r\n{head}abc".encode(), 10)
        wait_for(lambda: len(under_way) == 2, "half of the threads")
        # What shows another relay's token, or none, is on the share of its address.
        hostile.say(f"POST /relay/v1/batch?relay=1 HTTP/1.1\r\n{head}abc".encode(), 10)
        hostile.say(b"POST /relay/v1/batch?relay=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 10)
        for _ in range(5):
            assert honest.ask() == 200
        assert len(under_way) == 2
    assert honest.was_kept
    honest.close()


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> Iterator[list[object]]:
    """Calls of a function wait for the end of this; gives those that wait."""
    through, under_way, ended = getattr(module, name), [], threading.Event()

    def waiting(*given: object) -> object:
        under_way.append(given)
        assert ended.wait(HANG_S)
        return through(*given)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, waiting)
        try:
            yield under_way
        finally:
            ended.set()
