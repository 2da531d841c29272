"""Readings as they come: who is told what, from where on, and how it ends; at a server with a port."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from flask.testing import FlaskClient
from gridecho.crypto import Cmac
from gridecho.holdings import Piece, Pull, read_pull
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho.relay_keys import pull_key
from gridecho_remote import open_archive
from gridecho_remote.live import hub, telling
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.server import Server
from gridecho_remote.store import audit as rows_
from gridecho_remote.store import holdings
from gridecho_remote.store.grants import add_grant, revoke_grant
from gridecho_remote.use import sessions, streams, tokens
from gridecho_remote.use.site import site_of
from gridecho_remote.use.tidying import tidy

from tests.rigs.events import Reader, seqs
from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.waiting import HANG_S, wait_for

W = "1-0:1.7.0"


class Site:
    """A remote behind a port, and readers of it."""

    def __init__(self, fleet: Fleet, server: Server) -> None:
        self.fleet, self.server = fleet, server
        self.readers: list[Reader] = []
        self.clients: dict[str, FlaskClient] = {}

    def person(self, name: str = "ada", **scope: object) -> int | None:
        self.clients[name] = self.fleet.person(name)
        return add_grant(self.fleet.archive, name, **scope) if scope else None

    def cookie(self, name: str = "ada") -> str:
        found = self.clients[name].get_cookie("gridecho")
        assert found
        return found.value

    def read(self, what: str = "sensors/7/live", name: str = "ada", **more: str) -> Reader:
        return self.reads(Reader(f"{self.server.url}api/v1/{what}", self.cookie(name), **more))

    def reads(self, reader: Reader) -> Reader:
        self.readers.append(reader)
        return reader

    def send(self, count: int = 1, sensor_id: int = 7, **values: int) -> None:
        for n in range(count):
            self.fleet.send(self.fleet.frame(sensor_id, {POWER_IMPORT: n, **values}))

    @property
    def live(self) -> hub.Live:
        return self.server._live


@pytest.fixture
def site(make_fleet: Callable[..., Fleet]) -> Iterator[Site]:
    fleet = make_fleet(listen="127.0.0.1:0")
    server = Server(fleet.site)
    thread = threading.Thread(target=server.run)
    thread.start()
    found = Site(fleet, server)
    yield found
    server.stop()
    thread.join(HANG_S)
    assert not thread.is_alive()
    for one in found.readers:
        one.close()


def test_what_comes_is_told_once_in_the_form_of_readings(site: Site) -> None:
    site.person(sensor_id=7)
    site.send(3)
    reader = site.read().began()
    assert (reader.status, reader.headers["content-type"]) == (200, "text/event-stream")
    assert (reader.headers["x-accel-buffering"], reader.headers["cache-control"]) == ("no", "no-store")
    site.send(1)
    first = reader.next()
    assert first is not None
    answer = site.clients["ada"].get("/api/v1/sensors/7/readings").json
    assert (first.name, first.data) == ("message", {"sensor": 7, "readings": answer["readings"][3:]})
    site.send(2)
    assert seqs(reader, 2) == [4, 5]


def test_who_comes_again_is_told_all_since_and_nothing_twice(site: Site) -> None:
    site.person(sensor_id=7)
    reader = site.read().began()
    site.send(2)
    got = seqs(reader, 2)
    reader.close()
    site.send(3)
    again = site.read(at=reader.at)
    got += seqs(again, 3)
    site.send(1)
    got += seqs(again)
    assert got == [0, 1, 2, 3, 4, 5]
    # The same by its address, for who cannot send a header; and the position that every answer of /readings has.
    again.close()
    site.send(1)
    assert seqs(site.read(f"sensors/7/live?after={again.at}")) == [6]
    as_of = site.clients["ada"].get("/api/v1/sensors/7/readings").json["as_of"]
    assert seqs(site.read(f"sensors/7/live?after={as_of}")) == [0, 1, 2, 3, 4, 5, 6]


def test_what_came_before_and_is_there_only_now_is_told(site: Site) -> None:
    """A transaction that commits late bears an earlier time."""
    site.person(sensor_id=7)
    reader = site.read().began()
    site.send(1)
    assert seqs(reader) == [0]
    site.fleet.clock.now_s -= 40
    site.send(1)
    site.fleet.clock.now_s += 40
    assert seqs(reader) == [1]
    reader.close()
    site.fleet.clock.now_s -= 40
    site.send(1)
    site.fleet.clock.now_s += 40
    assert seqs(site.read(at=reader.at)) == [2]


def test_who_goes_on_from_an_answer_misses_nothing_that_came_before_it_late(site: Site) -> None:
    site.person(sensor_id=7)
    site.send(2)
    site.fleet.clock.now_s += 20
    as_of = site.clients["ada"].get("/api/v1/sensors/7/readings").json["as_of"]
    reader = site.read(f"sensors/7/live?after={as_of}").began()
    reader.close()
    site.fleet.clock.now_s -= 30
    site.send(1)
    site.fleet.clock.now_s += 30
    assert seqs(site.read(at=reader.at)) == [2]


def test_what_is_made_compact_meanwhile_is_not_new(site: Site) -> None:
    site.person(sensor_id=7)
    fleet = site.fleet
    day_s = int(fleet.clock()) // 86_400 * 86_400
    fleet.send(*(fleet.frame(7, [Reading(day_s - 3_600 + n, {POWER_IMPORT: n})], n) for n in range(20)))
    reader = site.read().began()
    fleet.send(*(fleet.frame(7, [Reading(day_s - 3_500 + n, {POWER_IMPORT: n})], n) for n in range(20, 30)))
    assert seqs(reader) == [*range(20, 30)]
    for _ in range(3):
        tidy(fleet.site)
    assert fleet.archive.connection().execute("SELECT count(*) FROM block").fetchone() == (1,)
    site.send(1)
    assert seqs(reader) == [30]


def test_two_processes_on_one_database(site: Site) -> None:
    """What the one stores the other tells; who was told by the one goes on at the other."""
    site.person(sensor_id=7)
    other = open_archive(site.fleet.database, site.fleet.kek)
    server = Server(site_of(site.fleet.settings, other, site.fleet.clock))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        reader = site.reads(Reader(f"{server.url}api/v1/sensors/7/live", site.cookie())).began()
        site.send(2)
        got = seqs(reader, 2)
        server.stop()
        assert reader.next().data["again"] is True
        site.send(2)
        assert got + seqs(site.read(at=reader.at), 2) == [0, 1, 2, 3]
    finally:
        server.stop()
        thread.join(HANG_S)
        other.close()


def test_what_is_revoked_ends_and_says_so(site: Site) -> None:
    number = site.person(sensor_id=7)
    reader = site.read().began()
    revoke_grant(site.fleet.archive, number)
    site.send(3)
    end = reader.next()
    assert (end.name, end.data["code"], end.data["again"]) == ("end", "sensor-not-shared", False)
    assert reader.next() is None
    # Then it is as if there were none.
    gone, none = site.read(), site.read("sensors/1999/live")
    assert (gone.status, none.status) == (404, 404)
    assert gone.problem() == none.problem()
    wait_for(lambda: site.live.count == 0)


def test_a_login_or_a_token_that_ends_ends_it_too(site: Site) -> None:
    site.person(sensor_id=7)
    made = tokens.add(site.fleet.site, person(1), "x", Scope(), 1)
    by_token = site.reads(
        Reader(f"{site.server.url}api/v1/sensors/7/live", Authorization=f"Bearer {made.token}")
    ).began()
    by_cookie = site.read().began()
    site.send(1)
    assert seqs(by_token) == seqs(by_cookie) == [0]
    tokens.end(site.fleet.site, person(1), made.id)
    sessions.end_others(site.fleet.site, person(1), 0)
    site.send(1)
    for reader in (by_token, by_cookie):
        end = reader.next()
        assert (end.name, end.data["code"], reader.next()) == ("end", "log-in", None)
    assert site.read().status == 401


def test_only_what_is_open_as_it_comes(site: Site) -> None:
    site.person(sensor_id=7, quantities=[W])
    reader = site.read().began()
    site.fleet.send(site.fleet.frame(7, {ENERGY_IMPORT: 5}), site.fleet.frame(7, {ENERGY_IMPORT: 6, POWER_IMPORT: 7}))
    told = reader.next()
    assert [one["values"] for one in told.data["readings"]] == [{W: 7}]
    # What is added is told from then on.
    add_grant(site.fleet.archive, "ada", sensor_id=7)
    site.fleet.send(site.fleet.frame(7, {ENERGY_IMPORT: 8}))
    assert [one["values"] for one in reader.next().data["readings"]] == [{"1-0:1.8.0": 8}]
    site.person("bob", sensor_id=7, live=False)
    refused = site.read(name="bob")
    assert (refused.status, refused.problem()["code"]) == (400, "live-not-open")


def test_a_quantity_that_is_not_granted_leaves_no_trace(site: Site) -> None:
    """Not in an event, not in where to go on from."""
    site.person(region="north", quantities=[W])
    readers = {sensor_id: site.read(f"sensors/{sensor_id}/live").began() for sensor_id in (7, 8)}
    fleet = site.fleet
    for n in range(5):
        fleet.send(fleet.frame(7, {ENERGY_IMPORT: n}, 2 * n), fleet.frame(7, {POWER_IMPORT: n}, 2 * n + 1))
        fleet.send(fleet.frame(8, {POWER_IMPORT: n}, 2 * n + 1))
        told = {sensor_id: reader.next() for sensor_id, reader in readers.items()}
        assert told[7].data["readings"] == told[8].data["readings"]
        assert told[7].at.replace("_7.", "_#.") == told[8].at.replace("_8.", "_#.")


def test_several_sensors_in_one_stream(site: Site) -> None:
    site.person(region="north")
    reader = site.read("live?sensors=8,7").began()
    site.send(1, 7)
    site.send(1, 8)
    found: dict[int, list[int]] = {}
    while len(found) < 2:
        for one in reader.next().data["sensors"]:
            found[one["sensor"]] = [each["seq"] for each in one["readings"]]
    assert found == {7: [0], 8: [0]}
    reader.close()
    site.send(1, 8)
    (again,) = site.read("live?sensors=7,8", at=reader.at).next().data["sensors"]
    assert (again["sensor"], [one["seq"] for one in again["readings"]]) == (8, [1])
    for sensors, status in (("7,9", 404), ("", 400), ("x", 400), (",".join(map(str, range(51))), 400)):
        assert site.read(f"live?sensors={sensors}").status == status, sensors


def test_too_much_at_once_is_told_to_be_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_READINGS", 10)
    site.person(sensor_id=7)
    reader = site.read().began()
    fleet = site.fleet
    fleet.send(*(fleet.frame(7, {POWER_IMPORT: n}) for n in range(50)))
    cut = reader.next()
    assert (cut.name, cut.data["sensor"]) == ("cut", 7)
    path = f"/api/v1/sensors/7/readings?stored_since={cut.data['stored_since']}"
    assert len(site.clients["ada"].get(path).json["readings"]) == 50
    site.send(1)
    assert seqs(reader) == [50]
    reader.close()
    # So is what came since somebody was here that is longer ago than a day.
    fleet.clock.now_s += 90_000
    site.send(1)
    again = site.read(at=cut.at)
    assert again.next().name == "cut"
    site.send(1)
    assert seqs(again) == [52]


@pytest.mark.parametrize("at", ["x", "-1", "1_7.1.1", "1_7.1.1.1.1", "9" * 20, "1_7.1.1.x", "1 2"])
def test_a_wrong_place_to_go_on_from(site: Site, at: str) -> None:
    site.person(sensor_id=7)
    refused = site.read(at=at)
    assert (refused.status, refused.problem()["code"]) == (400, "query-after")


def test_the_end_of_the_server_is_told_and_when_to_come_again(site: Site) -> None:
    site.person(sensor_id=7)
    reader = site.read().began()
    site.server.stop()
    end = reader.next()
    assert (end.name, end.data["code"], end.data["again"]) == ("end", "live-stopping", True)
    assert reader.next() is None


def test_there_are_so_many_of_one_and_so_many_in_all(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_OF_A_USER", 3)
    site.person(sensor_id=7)
    held = [site.read().began() for _ in range(3)]
    refused = site.read()
    assert (refused.status, refused.problem()["code"], refused.headers["retry-after"]) == (429, "live-yours", "10")
    held[0].close()
    wait_for(lambda: site.live.count == 2, "its end")
    assert site.read().began().status == 200
    object.__setattr__(site.fleet.settings, "max_streams", 3)
    site.person("bob", sensor_id=7)
    refused = site.read(name="bob")
    assert (refused.status, refused.problem()["code"]) == (503, "live-all")
    assert site.clients["ada"].head("/api/v1/sensors/7/live").status_code == 503, "not behind a port of ours"


def test_who_does_not_read_is_ended_and_keeps_nobody_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.person(sensor_id=7)
    unread, reader = site.read().began(), site.read().began()
    monkeypatch.setattr(hub, "MOST_WAITING_BYTES", 30_000)
    fleet, count = site.fleet, 0
    while site.live.count == 2:
        fleet.send(*(fleet.frame(7, {POWER_IMPORT: n, ENERGY_IMPORT: n}) for n in range(100)))
        count += len(seqs(reader))
        assert count < 1_000_000
    assert site.live.count == 1
    site.send(1)
    assert reader.next() is not None
    # Once it reads it has what was given, and why there is no more.
    assert unread.until("end").data["code"] == "live-slow"


def test_a_silent_stream_has_beats_and_is_not_shown_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BEAT_S", 0.05)
    site.person(sensor_id=7)
    reader = site.read().began()
    while reader.beats < 3:
        reader._line()
        reader.beats += 1
    for channel in site.server._channels():
        assert not channel.late(time.time() + 1e6)


def test_relays_hear_of_it_for_as_long_as_it_is_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_RENEWED_S", 0.05)
    site.person(sensor_id=7)
    assert beat(site.fleet).json["live"] == []
    reader = site.read().began()
    for _ in range(3):
        assert beat(site.fleet).json["live"] == [7]
        site.fleet.clock.now_s += 19
        wait_for(lambda: beat(site.fleet).json["live"] == [7])
    reader.close()
    wait_for(lambda: site.live.count == 0, "its end")
    site.fleet.clock.now_s += 21
    assert beat(site.fleet).json["live"] == []


def test_a_stream_is_a_look_of_the_hour(site: Site) -> None:
    site.person(sensor_id=7)

    def rows() -> list[tuple[int, int]]:
        found = [one for one in rows_.newest(site.fleet.archive, 100) if one.what == "sensors.live"]
        assert {(one.actor_id, one.subject) for one in found} <= {(1, "sensor 7")}
        return [(one.fields["from_s"], one.fields["until_s"]) for one in found][::-1]

    now_s = int(site.fleet.clock())
    hour = now_s // 3_600 * 3_600
    reader = site.read().began()
    for _ in range(5):
        site.send(1)
        assert reader.next() is not None
    assert rows() == [(hour, hour + 3_600)]
    # What comes late is of its hour.
    site.fleet.send(site.fleet.frame(7, [Reading(now_s - 9_000, {POWER_IMPORT: 1})]))
    assert reader.next() is not None
    assert rows()[1:] == [((now_s - 9_000) // 3_600 * 3_600, hour + 3_600)]
    site.fleet.clock.now_s += 3_500
    wait_for(lambda: len(rows()) == 3, "the hour to come")


listings = count(1)


def held(site: Site, first: int, count: int, first_s: int) -> None:
    """A relay says that it holds data of sensor 7, a hundred seconds apart, and nothing else."""
    run = (7, 1, first, count, first_s, 100)
    holdings.take_piece(site.fleet.archive, Piece(1, next(listings), 0, 99, [run]))


def pulls(site: Site, **said: object) -> list[Pull]:
    """What a relay is asked for with its heartbeat."""
    found = beat(site.fleet, **said).json["pulls"]
    return [read_pull(bytes.fromhex(one), Cmac(pull_key(site.fleet.relays[1], 1))) for one in found]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], None]:
    """That it is looked several times whether relays hold something."""
    monkeypatch.setattr(hub, "_RENEWED_S", 0.02)
    looks = 0

    def renew(*asked: object) -> None:
        nonlocal looks
        renewed(*asked)
        looks += 1

    renewed = streams.renew
    monkeypatch.setattr(streams, "renew", renew)

    def wait(site: Site) -> None:
        before = looks
        wait_for(lambda: looks >= before + 5, "some looks")

    return wait


def test_what_waits_at_a_relay_since_a_stream_began_is_asked_for_and_told(
    site: Site, often: Callable[[Site], None]
) -> None:
    site.person(sensor_id=7)
    fleet, now_s = site.fleet, int(site.fleet.clock())
    frames = [fleet.frame(7, [Reading(now_s - 490 + 100 * n, {POWER_IMPORT: n})], n) for n in range(8)]
    reader = site.read().began()
    fleet.clock.now_s += 300
    held(site, 0, 8, now_s - 490)
    (asked,) = wait_for(lambda: pulls(site, held_frames=8), "a question")
    # The one before may reach into it.
    ((*want, from_s, to_s),) = asked.wants
    assert (want, from_s) == ([7, 1, 4, 7], 0)
    assert to_s > now_s + 300
    fleet.send(*frames[4:])
    assert seqs(reader, 4) == [4, 5, 6, 7]
    # What was made before nobody asks for, and nothing twice.
    often(site)
    assert pulls(site, held_frames=4, pulled=[{"id": str(asked.pull_id), "frames": 4}]) == []
    often(site)
    assert pulls(site, held_frames=4) == []
    rows = [row for row in rows_.newest(fleet.archive, 99) if row.what == "holes.fill"]
    assert [(row.actor_id, row.subject, row.fields["relay"]) for row in rows] == [(1, "sensor 7", 1)]


def test_who_comes_again_is_told_what_was_made_meanwhile_and_waits_at_a_relay(
    site: Site, often: Callable[[Site], None]
) -> None:
    site.person(sensor_id=7)
    fleet, begun_s = site.fleet, int(site.fleet.clock())
    reader = site.read().began()
    for _ in range(3):
        fleet.clock.now_s += 60
        site.send(1)
        assert len(seqs(reader)) == 1
    reader.close()
    wait_for(lambda: site.live.count == 0, "its end")
    fleet.clock.now_s += 1_000
    # Of the time before the last event, too: a relay that was away may have it.
    held(site, 50, 1, begun_s + 1)
    frame = fleet.frame(7, [Reading(begun_s + 1, {POWER_IMPORT: 1})], 50)
    again = site.read(at=reader.at)
    (asked,) = wait_for(lambda: pulls(site, held_frames=1), "a question")
    assert asked.wants[0][:4] == (7, 1, 50, 50)
    fleet.send(frame)
    assert seqs(again) == [50]


def test_a_relay_is_asked_within_what_is_open_as_it_comes_only(site: Site, often: Callable[[Site], None]) -> None:
    now_s = int(site.fleet.clock())
    site.person(sensor_id=7, first_s=now_s - 1_000)
    held(site, 0, 50, now_s - 4_950)
    reader = site.read(at=f"{now_s - 3_000}000").began()
    (asked,) = wait_for(lambda: pulls(site, held_frames=50), "a question")
    assert asked.wants[0][:4] == (7, 1, 39, 49)
    reader.close()
    # Who holds nothing of what is open is not asked.
    beat(site.fleet, held_frames=40, pulled=[{"id": str(asked.pull_id), "frames": 0}])
    held(site, 0, 30, now_s - 4_950)
    site.read(at=f"{now_s - 3_000}000").began()
    often(site)
    assert pulls(site, held_frames=30) == []


def test_the_same_is_asked_for_again_after_a_while_only(site: Site, often: Callable[[Site], None]) -> None:
    site.person(sensor_id=7)
    now_s = int(site.fleet.clock())
    site.read().began()
    held(site, 0, 1, now_s)
    for _ in range(2):
        (asked,) = wait_for(lambda: pulls(site, held_frames=1), "a question")
        done = [{"id": str(asked.pull_id), "frames": 0}]
        assert pulls(site, held_frames=1, pulled=done) == []
        often(site)
        assert pulls(site, held_frames=1) == []
        site.fleet.clock.now_s += 601
    # What is new there is no such thing.
    held(site, 0, 2, now_s)
    wait_for(lambda: 1 in [one.wants[0][3] for one in pulls(site, held_frames=2)], "a question")
