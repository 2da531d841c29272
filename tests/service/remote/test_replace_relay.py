"""A lost relay's place is taken by another one under its id: its sensors know that, its secret and its holdings are gone."""

import json

import pytest
from click.testing import CliRunner
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import KNOWN_BYTES, Piece, read_known
from gridecho.readings import Reading
from gridecho_common.secrets import read_secret
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import enrol, enrol_codes, holdings
from gridecho_remote.store import pulls as requests
from gridecho_remote.use import pulls

from tests.rigs.fleet import Fleet

T0 = 1_700_000_000
NONCE = "0" * 32


def tell(fleet: Fleet, secret: bytes, listing: int, runs: list[tuple[int, ...]], end: int) -> int:
    body = Piece(1, listing, 0, end, runs).pack(Cmac(relay_keys.batch_key(secret, 1)))
    answer = fleet.bring("index", body, secret=secret)
    if answer.status_code == 200:
        known = read_known(answer.data[:KNOWN_BYTES], Cmac(relay_keys.receipt_key(secret, 1)))
        assert (known.listing, known.end) == (listing, end)
    return answer.status_code


def keys_of(fleet: Fleet, secret: bytes) -> list[dict[str, object]] | int:
    bearer = {"Authorization": "Bearer " + relay_keys.relay_token(secret, 1).hex()}
    answer = fleet.app.test_client().get("/relay/v1/keys?relay=1&have=0", headers=bearer)
    return answer.json["sensors"] if answer.status_code == 200 else answer.status_code


def use(fleet: Fleet, code: str, nonce: str = NONCE) -> dict[str, object]:
    answer = fleet.app.test_client().post("/relay/v1/enrol", json={"code": code, "nonce": nonce, "name": ""})
    return answer.json if answer.status_code == 200 else {"status": answer.status_code}


def test_a_code_gives_the_old_id_and_its_sensors_with_a_new_secret(fleet: Fleet) -> None:
    old = fleet.relays[1]
    before = keys_of(fleet, old)
    assert tell(fleet, old, 1 << 50, [(7, 1, 0, 10, T0, 60), (8, 1, 0, 1, T0, 0)], 11) == 200
    fleet.send(fleet.frame(7, [Reading(T0, {2: 1})], seq=10))
    [waiting] = pulls.pull(fleet.site, {1: [(7, 1, 0, 9, 0, T0)]}, 0.0)
    assert waiting.missing
    code = enrol_codes.make_code(fleet.archive, "", 1_900_000_000, replaces=1)
    assert keys_of(fleet, old) == before, "the old one works until the new one is there"
    given = use(fleet, code)
    assert (given["relay_id"], given["name"]) == (1, "Relay 1")
    new = bytes.fromhex(str(given["secret"]))
    assert new != old
    assert use(fleet, code) == given, "an answer that was lost comes again"
    assert use(fleet, code, "1" * 32) == {"status": 403}
    # The same link keys for the same sensors: they go on by themselves.
    assert keys_of(fleet, new) == before
    assert keys_of(fleet, old) == 401
    assert tell(fleet, old, 1 << 51, [], 0) == 401
    assert fleet.post(fleet.batch(1, [fleet.frame(7, {2: 1}, seq=50)], secret=old)).status_code == 401
    # What was lost with the disk is named no more, and the new one tells its own, though its listings begin lower.
    assert holdings.told(fleet.archive) == {}
    assert holdings.holders(fleet.archive, 7, 1, 0, 9) == []
    assert tell(fleet, new, 5, [(7, 1, 60, 1, T0, 0)], 1) == 200
    assert requests.take_done(fleet.archive, 1, {}, 1_800_000_000_000) == []
    fleet.relays[1] = new
    assert fleet.send(fleet.frame(7, {2: 1}, seq=51)).stored == 1


def test_what_is_not_enrolled_is_not_replaced(fleet: Fleet) -> None:
    with pytest.raises(RemoteError, match="relay-not-to-replace"):
        enrol_codes.make_code(fleet.archive, "barn", 1_900_000_000, replaces=5)
    with pytest.raises(RemoteError, match="relay-not-to-replace"):
        enrol.replace_relay(fleet.archive, 5, bytes(32))


@pytest.fixture
def run(tmp_path):  # type: ignore[no-untyped-def]
    folder = tmp_path / "remote"

    def command(*arguments: str):  # type: ignore[no-untyped-def]
        config = [] if arguments[0] == "init" else ["--config", str(folder / "remote.toml")]
        return CliRunner().invoke(remote, [*arguments, *config])

    assert command("init", "--dir", str(folder)).exit_code == 0
    return command


def test_the_commands(run, tmp_path) -> None:  # type: ignore[no-untyped-def]
    first, second, third = (tmp_path / f"{name}.key" for name in ("first", "second", "third"))
    assert run("enrol", "relay", "--id", "7", "--name", "barn", "--secret-file", str(first)).exit_code == 0
    refused = run("enrol", "relay", "--id", "7", "--name", "barn", "--secret-file", str(second))
    assert refused.exit_code != 0
    assert "--replace" in refused.stderr
    assert not second.exists()
    done = run("enrol", "relay", "--id", "7", "--name", "new barn", "--secret-file", str(second), "--replace")
    assert done.exit_code == 0, done.output
    assert "No datum was on relay 7 alone" in done.stderr
    assert read_secret(first) != read_secret(second)
    assert [row["name"] for row in json.loads(run("relays", "--json").stdout)] == ["new barn"]
    unknown = run("enrol", "relay", "--id", "8", "--name", "x", "--secret-file", str(third), "--replace")
    assert "nothing to replace" in unknown.stderr
    assert not third.exists()
    code = run("enrol", "relay-code", "--replace", "7", "--json")
    assert json.loads(code.stdout)["replaces"] == 7
    assert run("enrol", "relay-code").exit_code != 0


def test_another_key_for_a_sensor_is_refused_with_the_way_to_do_it_and_leaves_nothing(run, tmp_path) -> None:  # type: ignore[no-untyped-def]
    root, other = tmp_path / "root", tmp_path / "other"
    sensor = ("enrol", "sensor", "--id", "5", "--name", "Mill", "--region", "north", "--category", "residential")
    assert run(*sensor, "--root-file", str(root)).exit_code == 0
    refused = run(*sensor, "--key-id", "2", "--root-file", str(other))
    assert refused.exit_code == 1
    assert "gridecho flash rekey" in refused.stderr
    assert not other.exists()
    # A file that was there stays.
    other.write_bytes(root.read_bytes())
    other.chmod(0o600)
    assert run(*sensor, "--key-id", "2", "--root-file", str(other)).exit_code != 0
    assert other.exists()
    for bad in (("--region", "/"), ("--name", " ")):
        assert run(*sensor, *bad, "--root-file", str(tmp_path / "bad")).exit_code != 0
        assert not (tmp_path / "bad").exists()
