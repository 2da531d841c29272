"""A new root key over the air: an order sealed with the old key; both are good until the sensor tells that it has the new one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gridecho.crypto import Siv
from gridecho.keys import link_key_up, order_key
from gridecho.orders import KEY, open_piece, split_order
from gridecho.relay_keys import relay_token
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import enrol, orders
from gridecho_remote.use import orders as pushing

from tests.rigs.fleet import Fleet

NEW = bytes(range(32))
TAKES_ORDERS = {42: 0, 43: 0, 51: 0}


@pytest.fixture
def pushed(fleet: Fleet) -> int:
    """The version of the order that gives sensor 7 the root NEW as key 2."""
    fleet.send(fleet.frame(7, TAKES_ORDERS))
    return pushing.push_key(fleet.site, OPERATOR, 7, 2, NEW)


def ask(fleet: Fleet, path: str):  # type: ignore[no-untyped-def]
    headers = {"Authorization": "Bearer " + relay_token(fleet.relays[1], 1).hex()}
    return fleet.app.test_client().get(f"/relay/v1/{path}?relay=1", headers=headers)


def keys_of(fleet: Fleet, sensor_id: int = 7) -> dict[int, str]:
    """What a relay is told of the sensor: K_up by key id."""
    told = ask(fleet, "keys").json["sensors"]
    return {row["key_id"]: row["up"] for row in told if row["sensor_id"] == sensor_id}


def state(fleet: Fleet, version: int) -> str:
    return next(info.state for info in orders.orders(fleet.archive) if (info.sensor, info.version) == (7, version))


def test_it_goes_out_sealed_with_the_old_key_and_relays_know_both(fleet: Fleet, pushed: int, only_sqlite: None) -> None:
    assert ask(fleet, "orders").json["orders"] == [{"sensor_id": 7, "key_id": 1, "version": pushed}]
    sealed = ask(fleet, "orders/7").data
    order, (_, piece) = split_order(sealed)
    assert (order.kind, order.key_id, order.version) == (KEY, 1, pushed)
    assert open_piece(piece, Siv(order_key(fleet.roots[7], 7, 1))) == b"\x02" + NEW
    assert NEW not in sealed
    assert NEW not in b"".join(path.read_bytes() for path in fleet.folder.glob("remote.sqlite*"))
    ups = {1: link_key_up(fleet.roots[7], 7, 1, 1).hex(), 2: link_key_up(NEW, 7, 2, 1).hex()}
    assert keys_of(fleet) == ups
    assert list(keys_of(fleet, 8)) == [1]


def test_both_keys_open_until_the_sensor_has_told_that_it_uses_the_new_one(fleet: Fleet, pushed: int) -> None:
    receipt = fleet.send(
        fleet.frame(7, {2: 350}), fleet.frame(7, TAKES_ORDERS, epoch=2, root=NEW, key_id=2), fleet.frame(7, {2: 351})
    )
    assert (receipt.stored, receipt.quarantined) == (3, 0)
    assert state(fleet, pushed) == "waiting"
    assert set(keys_of(fleet)) == {1, 2}
    fleet.send(fleet.frame(7, {**TAKES_ORDERS, 42: pushed}, epoch=2, root=NEW, key_id=2))
    assert state(fleet, pushed) == "taken"
    assert enrol.sensor_key(fleet.archive, 7) == (2, NEW)
    assert set(keys_of(fleet)) == {2}
    # What was sealed before and comes now is opened; the next order is sealed with the new key.
    assert fleet.send(fleet.frame(7, {2: 352})).stored == 1
    again = pushing.push_key(fleet.site, OPERATOR, 7, 3, bytes(32))
    order, (_, piece) = split_order(ask(fleet, "orders/7").data)
    assert (order.version, open_piece(piece, Siv(order_key(NEW, 7, 2)))) == (again, b"\x03" + bytes(32))


def test_one_that_the_sensor_took_back_is_dropped(fleet: Fleet, pushed: int) -> None:
    fleet.send(fleet.frame(7, {**TAKES_ORDERS, 51: pushed}))
    assert state(fleet, pushed) == "failed"
    assert enrol.sensor_key(fleet.archive, 7) == (1, fleet.roots[7])
    assert set(keys_of(fleet)) == {1}
    assert fleet.send(fleet.frame(7, {2: 350}, epoch=2, root=NEW, key_id=2)).quarantined == 1


def test_a_newer_one_takes_its_place_and_a_cable_ends_it(fleet: Fleet, pushed: int) -> None:
    newer = pushing.push_key(fleet.site, OPERATOR, 7, 5, bytes(32))
    assert (state(fleet, pushed), state(fleet, newer)) == ("replaced", "waiting")
    assert set(keys_of(fleet)) == {1, 5}
    before = ask(fleet, "orders").json["version"]
    enrol.replace_key(fleet.archive, 7, b"c" * 32)
    assert state(fleet, newer) == "replaced"
    assert keys_of(fleet) == {1: link_key_up(b"c" * 32, 7, 1, 1).hex()}
    assert ask(fleet, "orders").json == {"version": ask(fleet, "orders").json["version"], "orders": []}
    assert ask(fleet, "orders").json["version"] != before


def test_what_cannot_be(fleet: Fleet) -> None:
    with pytest.raises(RemoteError, match="sensor-unknown sensor_id=99"):
        pushing.push_key(fleet.site, OPERATOR, 99, 2, NEW)
    with pytest.raises(RemoteError, match="key-id-same"):
        pushing.push_key(fleet.site, OPERATOR, 7, 1, NEW)
    with pytest.raises(RemoteError, match="orders-untold"):
        pushing.push_key(fleet.site, OPERATOR, 7, 2, NEW)
    fleet.send(fleet.frame(7, TAKES_ORDERS))
    for key_id, root in ((256, NEW), (-1, NEW), (2, NEW[1:])):
        with pytest.raises(RemoteError, match="key-form"):
            pushing.push_key(fleet.site, OPERATOR, 7, key_id, root)
    assert orders.orders(fleet.archive) == []
    pushing.push_key(fleet.site, OPERATOR, 7, 2, NEW)
    settings = {"sensor_id": 7, "relays": [{"id": 1, "host": "10.0.0.2"}], "meter": {"type": "replay", "file": "a"}}
    with pytest.raises(RemoteError, match="config-before-key"):
        pushing.push_config(fleet.site, OPERATOR, 7, json.dumps(settings).encode())


def test_the_command(fleet: Fleet, tmp_path: Path) -> None:
    (fleet.folder / "remote.key").write_text(fleet.kek.hex())
    (fleet.folder / "remote.key").chmod(0o600)
    (fleet.folder / "remote.toml").write_text(f'database = "{fleet.database}"')

    def enrol_sensor(*words: str) -> Result:
        place = ("--root-file", str(tmp_path / "new.key"), "--config", str(fleet.folder / "remote.toml"))
        return CliRunner().invoke(remote, ["enrol", "sensor", "--id", "7", *words, *place])

    refused = enrol_sensor("--key-id", "2")
    assert refused.exit_code == 1
    assert "gridecho flash rekey" in refused.stderr
    assert not (tmp_path / "new.key").exists()
    fleet.send(fleet.frame(7, TAKES_ORDERS))
    done = enrol_sensor("--key-id", "2")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "gets the key in" in done.stdout and "as key 2" in done.stdout
    new = bytes.fromhex((tmp_path / "new.key").read_text())
    assert keys_of(fleet)[2] == link_key_up(new, 7, 2, 1).hex()
    assert "--key-id" in enrol_sensor("--name", "x", "--region", "a", "--category", "public").stderr
