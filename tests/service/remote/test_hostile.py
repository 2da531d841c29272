"""A hostile sensor and a hostile relay at a remote: what they bring fails alone; honest data beside it are stored and signed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from click.testing import CliRunner
from gridecho.fileset import pack_set
from gridecho.holdings import Piece
from gridecho.quantities import POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.states import MAX_TOLD_VERSION, MAX_VERSION
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import holdings, orders, queries
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.quarantine import CLONE, UNOPENABLE, UNTRUE
from gridecho_remote.use import orders as pushing
from gridecho_remote.use import quarantine
from gridecho_remote.web.connections import DataConnections
from gridecho_remote.web.metrics import Metrics

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.heartbeats import beat
from tests.rigs.hostile.relay import HostileRelay, ask
from tests.rigs.hostile.sensor import HostileSensor
from tests.rigs.waiting import HANG_S

NOW_S = 1_800_000_000
FIRMWARE = pack_set({"lib/gridecho_node/version.py": b"VERSION = 2\n"})


@pytest.fixture
def sensor(fleet: Fleet) -> HostileSensor:
    return HostileSensor(9, fleet.roots[9], relay_id=2)


@pytest.fixture
def relay(fleet: Fleet) -> HostileRelay:
    return HostileRelay(2, fleet.relays[2])


def test_each_lie_of_a_sensor_fails_alone(fleet: Fleet, sensor: HostileSensor) -> None:
    for n, (lie, frame) in enumerate(sensor.lies(NOW_S).items()):
        honest = fleet.frame(7, {POWER_IMPORT: n})
        receipt = fleet.send(frame, honest)
        assert receipt.stored >= 1, lie
        assert receipt.stored + receipt.known + receipt.quarantined == 2, lie
        assert queries.count_readings(fleet.archive, 7) == n + 1, lie


def test_each_lie_of_a_relay_fails_alone(fleet: Fleet, relay: HostileRelay) -> None:
    for kind in (relay.lying_pieces(7), relay.lying_beats()):
        for lie, request in kind.items():
            assert ask(fleet.app, request).status_code < 500, lie
            assert beat(fleet).status_code == 200, lie
    fleet.send(fleet.frame(7, {POWER_IMPORT: 1}))


# -- orders


def told_to_relays(fleet: Fleet) -> dict[int, int]:
    answer = fleet.app.test_client().get(
        "/relay/v1/orders?relay=2", headers={"Authorization": HostileRelay(2, fleet.relays[2]).bearer["Authorization"]}
    )
    return {one["sensor_id"]: one["version"] for one in answer.json["orders"]}


@pytest.mark.parametrize("version", [MAX_VERSION, MAX_VERSION - 1, MAX_TOLD_VERSION + 1, 1 << 40, -1])
@pytest.mark.parametrize("code", [42, 43, 51])
def test_no_version_that_a_sensor_tells_spoils_the_list_of_orders(
    fleet: Fleet, sensor: HostileSensor, code: int, version: int
) -> None:
    fleet.send(sensor.telling({code: version, 48: 900}, NOW_S))
    assert orders.sensor_state(fleet.archive, 9) == {48: 900}, "what else it tells counts"
    for _ in range(3):
        pushing.push_firmware(fleet.site, OPERATOR, [8, 9], FIRMWARE)
    assert told_to_relays(fleet) == {8: 3, 9: 3}
    assert {(one.sensor_id, one.reason, one.more) for one in quarantine.alarms(fleet.site, OPERATOR)} == {
        (9, UNTRUE, 1)
    }


def test_the_highest_version_that_is_believed_leaves_room(fleet: Fleet, sensor: HostileSensor) -> None:
    fleet.send(sensor.telling({42: MAX_TOLD_VERSION}, NOW_S))
    for n in range(3):
        assert pushing.push_firmware(fleet.site, OPERATOR, [9], FIRMWARE) == {9: MAX_TOLD_VERSION + 1 + n}


def test_orders_that_were_spoiled_before_are_not_told_and_can_be_withdrawn(fleet: Fleet) -> None:
    pushing.push_firmware(fleet.site, OPERATOR, [8, 9], FIRMWARE)
    fleet.archive.connection().execute("UPDATE orders SET version = ? WHERE sensor_id = 9", (MAX_VERSION + 1,))
    assert told_to_relays(fleet) == {8: 1}
    assert orders.sealed_order(fleet.archive, 9) is None
    assert pushing.withdraw(fleet.site, OPERATOR, 9) == [MAX_VERSION + 1]
    assert pushing.push_firmware(fleet.site, OPERATOR, [9], FIRMWARE) == {9: 1}


def test_orders_are_withdrawn_but_not_a_key(fleet: Fleet) -> None:
    pushing.push_firmware(fleet.site, OPERATOR, [8], FIRMWARE)
    before = fleet.archive.orders_version
    assert pushing.withdraw(fleet.site, OPERATOR, 8) == [1]
    assert (told_to_relays(fleet), fleet.archive.orders_version > before) == ({}, True)
    with pytest.raises(RemoteError, match="order-none-waits"):
        pushing.withdraw(fleet.site, OPERATOR, 8)
    fleet.send(fleet.frame(8, {42: 0, 43: 1}))
    [order] = orders.orders(fleet.archive)
    assert order.state == "taken", "it had fetched the order before"
    pushing.push_key(fleet.site, OPERATOR, 8, 2, bytes(32))
    with pytest.raises(RemoteError, match="order-key-stays"):
        pushing.withdraw(fleet.site, OPERATOR, 8)
    assert told_to_relays(fleet) == {8: 2}


# -- quarantine


def test_a_sensor_that_floods_the_quarantine_keeps_nobody_back(make_fleet) -> None:
    fleet = make_fleet(max_quarantined=40)  # 20 a relay, of a sensor 2
    sensor = HostileSensor(9, fleet.roots[9])
    for n in range(20):
        frames = [sensor.shut(NOW_S + k) for k in range(20)]
        honest = fleet.frame(7, {POWER_IMPORT: n})
        receipt = fleet.send(*frames, honest)
        assert (receipt.stored, receipt.known, receipt.quarantined) == (1, 0, 20)
    assert queries.count_readings(fleet.archive, 7) == 20
    assert queries.count_quarantined(fleet.archive) == {UNOPENABLE: 2}
    [alarm] = quarantine.alarms(fleet.site, OPERATOR)
    assert (alarm.relay_id, alarm.sensor_id, alarm.reason, alarm.kept, alarm.more) == (1, 9, UNOPENABLE, 2, 398)
    # Others' frames are kept still, by the same relay and by another.
    clone = fleet.frame(7, {POWER_IMPORT: 77}, seq=0)
    fleet.send(clone)
    fleet.send(sensor.shut(NOW_S), relay_id=2)
    assert queries.count_quarantined(fleet.archive) == {UNOPENABLE: 3, CLONE: 1}


def test_frames_that_are_kept_are_not_counted_again(make_fleet) -> None:
    fleet = make_fleet(max_quarantined=40)
    sensor = HostileSensor(9, fleet.roots[9])
    frames = [sensor.shut(NOW_S) for _ in range(2)]
    for _ in range(3):
        assert fleet.send(*frames).quarantined == 2
    assert quarantine.alarms(fleet.site, OPERATOR) == []


def test_purging_makes_room_again(make_fleet) -> None:
    fleet = make_fleet(max_quarantined=40)
    for sensor_id in (8, 9):
        sensor = HostileSensor(sensor_id, fleet.roots[sensor_id])
        fleet.send(*(sensor.shut(NOW_S) for _ in range(5)))
    assert quarantine.purge(fleet.site, OPERATOR, sensor_id=9) == 2
    assert [one.sensor_id for one in quarantine.alarms(fleet.site, OPERATOR)] == [8]
    fleet.send(sensor.shut(NOW_S))
    assert queries.count_quarantined(fleet.archive) == {UNOPENABLE: 3}
    assert quarantine.purge(fleet.site, OPERATOR, relay_id=2) == 0
    assert quarantine.purge(fleet.site, OPERATOR) == 3
    assert (queries.count_quarantined(fleet.archive), quarantine.alarms(fleet.site, OPERATOR)) == ({}, [])


def test_operators_see_the_alarm_and_nobody_else(make_fleet) -> None:
    fleet = make_fleet(max_quarantined=2)
    sensor = HostileSensor(9, fleet.roots[9])
    fleet.send(*(sensor.shut(NOW_S) for _ in range(5)))
    ada = fleet.person()
    assert ada.get("/groups").status_code == 404
    give_role(fleet.archive, "ada", "administrator")
    assert ada.get("/groups").status_code == 404
    give_role(fleet.archive, "ada")
    page = ada.get("/groups").get_data(as_text=True)
    assert "Relay 1, sensor 9: does not open, 4 times" in page


def test_commands(fleet: Fleet, only_sqlite: None, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        done = CliRunner().invoke(remote, ["quarantine", *words, "--json", "--config", str(tmp_path / "remote.toml")])
        return json.loads(done.stdout) if not done.exit_code else done.output

    (tmp_path / "remote.toml").write_text(f'database = "{fleet.database}"\nkey_file = "k"\n')
    (tmp_path / "k").write_text(fleet.kek.hex())
    (tmp_path / "k").chmod(0o600)
    sensor = HostileSensor(9, fleet.roots[9])
    fleet.send(*(sensor.shut(NOW_S) for _ in range(5)), sensor.telling({42: 1 << 40}, NOW_S))
    both = [
        {"reason": UNOPENABLE, "frames": 5, "not_kept": 0},
        {"reason": UNTRUE, "frames": 0, "not_kept": 1},
    ]
    assert run() == both
    [sender] = run("--senders")
    assert (sender["relay"], sender["sensor"], sender["reason"], sender["not_kept"]) == (1, 9, UNTRUE, 1)
    assert "go with --purge" in run("--relay", "1")
    assert run("--purge", "--relay", "2") == [{"reason": "deleted now", "frames": 0, "not_kept": 0}, *both]
    assert run("--purge") == [{"reason": "deleted now", "frames": 5, "not_kept": 0}]


def test_metrics(fleet: Fleet, only_sqlite: None) -> None:
    sensor = HostileSensor(9, fleet.roots[9])
    fleet.send(sensor.shut(NOW_S), sensor.telling({42: 1 << 40}, NOW_S))
    metrics = Metrics("127.0.0.1:0", DataConnections(), fleet.site)
    said = urllib3.request("GET", metrics.url, timeout=HANG_S).data.decode()
    metrics.close()
    assert f'gridecho_remote_quarantined{{reason="{UNOPENABLE}"}} 1.0' in said
    assert f'gridecho_remote_set_aside{{reason="{UNTRUE}"}} 1.0' in said


# -- the index


def index_of(fleet: Fleet) -> tuple[int, int]:
    """Runs and data of relay 2, as counted; and counted anew."""
    connection = fleet.archive.connection()
    said = connection.execute("SELECT runs, data FROM relay_state WHERE relay_id = 2").fetchone() or (0, 0)
    query = "SELECT COUNT(*), COALESCE(SUM(last_seq - first_seq + 1), 0) FROM holding WHERE relay_id = 2"
    assert connection.execute(query).fetchone() == said
    return said


def test_a_relay_fills_the_index_to_its_limit_only(make_fleet) -> None:
    fleet = make_fleet(max_index_runs=1_000)
    relay = HostileRelay(2, fleet.relays[2])
    for request in relay.flood_of_runs(9, 1, 6_000, 2_000):
        assert ask(fleet.app, request).status_code == 200
    assert index_of(fleet) == (1_000, 1_000)
    assert {(one.relay_id, one.reason, one.more) for one in quarantine.alarms(fleet.site, OPERATOR)} == {
        (2, holdings.TOO_MANY, 5_000)
    }
    # Nobody else's is shorter by it, and what is told anew is taken.
    honest = HostileRelay(1, fleet.relays[1])
    assert ask(fleet.app, honest.piece(1, 0, 5, [(7, 1, 0, 5, NOW_S, 60)])).status_code == 200
    assert holdings.holders(fleet.archive, 7, 1, 0, 4) == [1]
    ask(fleet.app, relay.piece(2, 0, 9, [(9, 1, 0, 5, NOW_S, 60)]))
    assert index_of(fleet) == (1, 5)


def test_runs_of_sensors_that_nobody_enrolled_are_set_aside(fleet: Fleet, relay: HostileRelay) -> None:
    runs = [(sensor_id, 1, 0, 3, NOW_S, 60) for sensor_id in (1000, 7, 4_000_000_000)]
    assert ask(fleet.app, relay.piece(1, 0, 9, runs)).status_code == 200
    assert index_of(fleet) == (1, 3)
    assert {(one.reason, one.more) for one in quarantine.alarms(fleet.site, OPERATOR)} == {(holdings.OF_NOBODY, 2)}


def test_a_piece_needs_room_on_the_disk_as_a_batch_does(make_fleet, only_sqlite: None) -> None:
    fleet = make_fleet(min_free_mb=10**9)
    answer = ask(fleet.app, HostileRelay(2, fleet.relays[2]).piece(1, 0, 9, [(7, 1, 0, 3, NOW_S, 60)]))
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (507, True)


def test_a_relay_that_tells_without_end_waits_and_others_do_not(fleet: Fleet, relay: HostileRelay) -> None:
    fleet.site.of_index.spend(2, 1e9, 0.0)
    answer = ask(fleet.app, relay.piece(1, 0, 9, [(7, 1, 0, 3, NOW_S, 60)]))
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)
    honest = HostileRelay(1, fleet.relays[1])
    assert ask(fleet.app, honest.piece(1, 0, 5, [(7, 1, 0, 5, NOW_S, 60)])).status_code == 200
    fleet.send(fleet.frame(9, {POWER_IMPORT: 1}), relay_id=2)


def test_others_write_while_a_long_piece_is_taken_in(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens between its transactions, the counts are those of the rows, and the piece may come again."""
    monkeypatch.setattr(holdings, "_RUNS_AT_ONCE", 10)
    runs = [(7, 1, 10 * n, 3, NOW_S + 600 * n, 60) for n in range(35)]
    between: list[tuple[int, int]] = []

    def others() -> None:
        between.append(index_of(fleet))
        honest = HostileRelay(1, fleet.relays[1])
        assert ask(fleet.app, honest.beat(held_frames=0)).status_code == 200
        fleet.send(fleet.frame(9, {POWER_IMPORT: 1}))

    def tell(listing: int, give_way: Callable[[], None] = others) -> tuple[int, int]:
        known = holdings.take_piece(fleet.archive, Piece(2, listing, 0, 99, runs), give_way=give_way)
        return known.listing, known.end

    assert tell(1) == (1, 99)
    assert (between, index_of(fleet)) == ([(10, 30), (20, 60), (30, 90)], (35, 105))
    with pytest.raises(ZeroDivisionError):
        tell(2, lambda: 1 // 0)
    assert index_of(fleet) == (10, 30)
    assert tell(2) == (2, 99)
    assert index_of(fleet) == (35, 105)
    # One that is told anew meanwhile stays as it is.
    assert tell(3, lambda: index_of(fleet) == (10, 30) and tell(4) and None) == (4, 99)
    assert index_of(fleet) == (35, 105)


def test_who_does_not_say_what_it_holds_is_not_named(fleet: Fleet, relay: HostileRelay) -> None:
    ask(fleet.app, relay.piece(1, 0, 9, [(7, 1, 0, 100, NOW_S, 60)]))
    ask(fleet.app, relay.beat(held_frames=100))
    for silent in ({}, {"held_frames": 1 << 70}, {"held_frames": "100"}, {"held_frames": None}):
        ask(fleet.app, relay.beat(held_frames=100))
        assert holdings.holders(fleet.archive, 7, 1, 0, 99) == [2]
        ask(fleet.app, relay.beat(**silent))
        assert holdings.holders(fleet.archive, 7, 1, 0, 99) == [], silent


def test_who_says_it_holds_less_than_it_told_is_not_named(fleet: Fleet, relay: HostileRelay) -> None:
    gap = (7, 1, 0, 99)
    for frames in (100, 100):
        assert ask(fleet.app, relay.beat(held_frames=frames)).status_code == 200
    ask(fleet.app, relay.piece(1, 0, 9, [(7, 1, 0, 100, NOW_S, 60)]))
    ask(fleet.app, relay.beat(held_frames=0))
    # It may have told of these after it counted; with the next heartbeat it cannot.
    assert holdings.holders(fleet.archive, *gap) == [2]
    ask(fleet.app, relay.beat(held_frames=60, outbox_frames=39))
    assert holdings.holders(fleet.archive, *gap) == []
    assert [one.reason for one in quarantine.alarms(fleet.site, OPERATOR)] == [holdings.FEWER]
    ask(fleet.app, relay.beat(held_frames=61, outbox_frames=39))
    assert holdings.holders(fleet.archive, *gap) == [2]
    # What came here meanwhile it need not hold.
    fleet.send(*(fleet.frame(7, {POWER_IMPORT: n}, seq=n) for n in range(50)), relay_id=2)
    assert index_of(fleet) == (1, 50)
    ask(fleet.app, relay.beat(held_frames=50))
    assert holdings.holders(fleet.archive, *gap) == [2]


# -- routes


def test_a_route_names_only_a_relay_that_has_to_do_with_the_sensor(fleet: Fleet, sensor: HostileSensor) -> None:
    ada = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=9)

    def named() -> tuple[int, str | None]:
        route = ada.get("/api/v1/sensors/9").json["route"]
        assert (route["relay_name"] or f"relay {route['relay']}") in ada.get("/sensors").get_data(as_text=True)
        return route["relay"], route["relay_name"]

    fleet.send(sensor.telling({ROUTE_RELAY: 1, ROUTE_RTT: 5}, NOW_S), relay_id=2)
    assert named() == (1, None)
    fleet.send(sensor.telling({ROUTE_RELAY: 2, ROUTE_RTT: 5}, NOW_S), relay_id=2)
    assert named() == (2, "Relay 2")
    fleet.send(sensor.telling({ROUTE_RELAY: 1, ROUTE_RTT: 5}, NOW_S), relay_id=2)
    assert named() == (1, None)
    ask(fleet.app, HostileRelay(1, fleet.relays[1]).piece(1, 0, 9, [(9, 1, 900, 3, NOW_S, 60)]))
    assert named() == (1, "Relay 1"), "it holds data of the sensor"
