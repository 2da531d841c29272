"""Orders: who may be given what, in which order they go out, sealed for one sensor only, ended by what the sensor tells."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho.crypto import Siv
from gridecho.fileset import pack_set
from gridecho.keys import order_key
from gridecho.orders import CONFIG, FIRMWARE, open_piece, split_order
from gridecho.relay_keys import relay_token
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import orders
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import orders as pushing

from tests.rigs.fleet import Fleet, give_role

PASSWORD = "a Wi-Fi password"
SET = pack_set({"lib/gridecho_node/version.py": b"VERSION = 2\n"})


def config(sensor_id: int = 7, **changed: object) -> bytes:
    values = {
        "sensor_id": sensor_id,
        "relays": [{"id": 1, "host": "10.0.0.2"}],
        "meter": {"type": "replay", "file": "meter.csv"},
        "wifi": {"ssid": "home", "password": PASSWORD},
    }
    return json.dumps(values | changed).encode()


def get(fleet: Fleet, path: str, relay_id: int = 1, secret: bytes | None = None):  # type: ignore[no-untyped-def]
    token = relay_token(secret or fleet.relays[relay_id], relay_id).hex()
    join = "&" if "?" in path else "?"
    return fleet.app.test_client().get(
        f"/relay/v1/orders{path}{join}relay={relay_id}", headers={"Authorization": "Bearer " + token}
    )


def waiting(fleet: Fleet) -> dict[int, int]:
    return {row["sensor_id"]: row["version"] for row in get(fleet, "").json["orders"]}


def states(fleet: Fleet, sensor_id: int = 7) -> dict[int, str]:
    return {info.version: info.state for info in orders.orders(fleet.archive) if info.sensor == sensor_id}


def opened(fleet: Fleet, sensor_id: int) -> tuple[int, int, bytes]:
    order, pieces = split_order(get(fleet, f"/{sensor_id}").data)
    siv = Siv(order_key(fleet.roots[sensor_id], sensor_id, 1))
    return order.kind, order.version, b"".join(open_piece(piece, siv) for piece in pieces[1:])


def test_an_order_goes_out_sealed_for_its_sensor(fleet: Fleet, only_sqlite: None) -> None:
    assert waiting(fleet) == {}
    assert pushing.push_config(fleet.site, OPERATOR, 7, config()) == 1
    assert waiting(fleet) == {7: 1}
    assert opened(fleet, 7) == (CONFIG, 1, config())
    assert PASSWORD.encode() not in get(fleet, "/7").data
    assert get(fleet, "/7").data == get(fleet, "/7", relay_id=2).data
    assert get(fleet, "/8").status_code == 404
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in fleet.folder.glob("remote.sqlite*"))


def test_a_relay_asks_cheaply_and_proves_itself(fleet: Fleet) -> None:
    version = get(fleet, "").json["version"]
    assert get(fleet, f"?have={version}").status_code == 304
    pushing.push_config(fleet.site, OPERATOR, 7, config())
    assert get(fleet, f"?have={version}").status_code == 200
    for path in ("", "/7"):
        assert get(fleet, path, secret=bytes(32)).status_code == 401
        assert fleet.app.test_client().get(f"/relay/v1/orders{path}?relay=1").status_code == 401


def test_of_one_kind_only_the_newest_waits_and_the_lowest_version_goes_first(fleet: Fleet) -> None:
    pushing.push_config(fleet.site, OPERATOR, 7, config())
    pushing.push_firmware(fleet.site, OPERATOR, [7], SET)
    pushing.push_config(fleet.site, OPERATOR, 7, config(period_ms=1000))
    assert states(fleet) == {1: "replaced", 2: "waiting", 3: "waiting"}
    assert opened(fleet, 7) == (FIRMWARE, 2, SET)
    fleet.send(fleet.frame(7, {42: 0, 43: 2, 51: 0}))
    assert opened(fleet, 7) == (CONFIG, 3, config(period_ms=1000))


def test_the_sensors_state_ends_orders(fleet: Fleet) -> None:
    pushing.push_config(fleet.site, OPERATOR, 7, config())
    pushing.push_firmware(fleet.site, OPERATOR, [7, 8], SET)
    before = get(fleet, "").json["version"]
    fleet.send(fleet.frame(7, {42: 1, 43: 0, 51: 0}))
    assert states(fleet) == {1: "taken", 2: "waiting"}
    assert get(fleet, f"?have={before}").status_code == 200
    assert waiting(fleet) == {7: 2, 8: 1}
    fleet.send(fleet.frame(7, {42: 1, 43: 0, 51: 2}))
    assert states(fleet) == {1: "taken", 2: "failed"}
    assert states(fleet, 8) == {1: "waiting"}
    assert waiting(fleet) == {8: 1}
    # Told to be in force, then taken back: the last word is that it failed.
    fleet.send(fleet.frame(7, {42: 0, 51: 1}))
    assert states(fleet)[1] == "failed"


def test_the_newest_state_counts_whatever_comes_later(fleet: Fleet) -> None:
    fleet.send(fleet.frame(7, {42: 5, 48: 900}, seq=9))
    fleet.send(fleet.frame(7, {42: 4, 48: 800}, seq=8))
    assert orders.sensor_state(fleet.archive, 7) == {42: 5, 48: 900}
    fleet.send(fleet.frame(7, {42: 6}, epoch=2, seq=0))
    assert orders.sensor_state(fleet.archive, 7) == {42: 6, 48: 900}
    # A clone's state is not believed.
    fleet.send(fleet.frame(7, {42: 7}, epoch=2, seq=0))
    assert orders.sensor_state(fleet.archive, 7)[42] == 6
    # A new database of orders goes on above what the sensor has.
    assert pushing.push_config(fleet.site, OPERATOR, 7, config()) == 7


def test_state_is_shown_to_who_may_see_the_sensor(fleet: Fleet) -> None:
    fleet.send(fleet.frame(7, {42: 5, 46: 12345}), fleet.frame(7, {2: 350}))
    ada = fleet.person()
    assert ada.get("/api/v1/sensors/7").status_code == 404
    add_grant(fleet.archive, "ada", sensor_id=7)
    assert ada.get("/api/v1/sensors/7").json["state"] == {"config_version": 5, "lost_readings": 12345}
    page = ada.get("/sensors/7").get_data(as_text=True)
    assert "Readings given up since it started" in page
    assert "12,345" in page


def test_orders_come_in_pages(fleet: Fleet) -> None:
    client = fleet.person("anna")
    give_role(fleet.archive, "anna", "operator")
    for sensor_id in (8, 7, 8, 7, 9):
        pushing.push_config(fleet.site, OPERATOR, sensor_id, config(sensor_id))
    found, sizes, path = [], [], "/api/v1/orders?limit=2"
    while path:
        answer = client.get(path).json
        found += [(one["sensor"], one["version"]) for one in answer["orders"]]
        sizes.append(len(answer["orders"]))
        path = answer["next"]
    assert found == [(7, 1), (7, 2), (8, 1), (8, 2), (9, 1)]
    assert sizes == [2, 2, 1]
    assert client.get("/api/v1/orders?limit=5").json["next"] is None
    assert client.get("/api/v1/orders?after=9999999999.9999999999").json == {"orders": [], "next": None}


def test_names_beyond_the_bmp_are_sent_as_the_bytes_that_were_typed(fleet: Fleet) -> None:
    wifi = {"ssid": "Caf\u00e9 \U0001f4f6", "password": "\U0001f511\u5bc6"}
    typed = config(wifi=wifi)
    assert b"\\ud83d" in typed
    pushing.push_config(fleet.site, OPERATOR, 7, typed)
    _, _, sent = opened(fleet, 7)
    assert all(word.encode() in sent for word in wifi.values())
    assert json.loads(sent) == json.loads(typed)
    as_it_is = json.dumps(json.loads(typed), ensure_ascii=False).encode()
    pushing.push_config(fleet.site, OPERATOR, 7, as_it_is)
    assert opened(fleet, 7)[2] == as_it_is


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "JSON"),
        (b"\xff", "config-text"),
        (config(wifi={"ssid": "\ud83d"}), "config-text"),
        (config(8), "config-other sensor_id=7"),
        (config(key_id=2), "key_id=1 "),
        (config(relays=[]), "relays"),
        (config(period=5), "period"),
        (b" " * 8192 + config(), "8192"),
    ],
)
def test_settings_that_the_sensor_could_not_use(fleet: Fleet, content: bytes, said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        pushing.push_config(fleet.site, OPERATOR, 7, content)
    assert orders.orders(fleet.archive) == []


@pytest.mark.parametrize("content", [b"", b"junk", SET[:-1], SET + b"x", SET[:-1] + b"x", bytes(600_000)])
def test_sets_that_no_sensor_could_use(fleet: Fleet, content: bytes) -> None:
    with pytest.raises(RemoteError):
        pushing.push_firmware(fleet.site, OPERATOR, [7], content)
    with pytest.raises(RemoteError, match="sensor-unknown sensor_id=99"):
        pushing.push_firmware(fleet.site, OPERATOR, [7, 99], SET)
    assert orders.orders(fleet.archive) == []


def test_commands(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(remote, [*words, "--config", str(tmp_path / "r/remote.toml")])
        return f"{done.exit_code} {done.output}"

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    for number in ("7", "8"):
        key = str(tmp_path / f"{number}.key")
        place = ("--name", "x", "--region", "a", "--category", "public", "--root-file", key)
        assert run("enrol", "sensor", "--id", number, *place)[0] == "0"
    file, firmware = tmp_path / "config.json", tmp_path / "set"
    file.write_bytes(config())
    firmware.write_bytes(SET)
    assert "version 1" in run("config", "push", "7", str(file))
    assert run("config", "push", "8", str(file)).startswith("1 Error: config.json: expected sensor_id 8")
    assert json.loads(run("firmware", "push", "all", "--set", str(firmware), "--json")[2:]) == [
        {"sensor": 7, "kind": "firmware", "version": 2},
        {"sensor": 8, "kind": "firmware", "version": 1},
    ]
    assert "number of a sensor" in run("firmware", "push", "x", "--set", str(firmware))
    listed = json.loads(run("orders", "--json")[2:])
    assert [(row["sensor"], row["version"], row["state"]) for row in listed] == [
        (7, 1, "waiting"),
        (7, 2, "waiting"),
        (8, 1, "waiting"),
    ]
    assert "firmware" in run("orders")
    assert run("orders", "withdraw", "7") == "0 " + "".join(
        f"Version {version} does not wait for sensor 7 any more.\n" for version in (1, 2)
    )
    assert run("orders", "withdraw", "7").startswith("1 Error: no order waits for sensor 7")
    assert json.loads(run("orders", "withdraw", "8", "--json")[2:]) == [{"sensor": 8, "version": 1}]
    assert {row["state"] for row in json.loads(run("orders", "--json")[2:])} == {"withdrawn"}


def test_the_settings_may_be_named_before_what_is_done(tmp_path: Path) -> None:
    config = ["--config", str(tmp_path / "r/remote.toml")]
    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    for words in (["orders", *config, "withdraw", "7"], ["orders", "withdraw", "7", *config]):
        assert "no order waits" in CliRunner().invoke(remote, words).output
