"""What relays do over HTTP beside sending batches as they are: heartbeats, deflated batches, enrolment by a code."""

import json
import zlib

import pytest
from click.testing import CliRunner
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.holdings import Pull, read_pull
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import enrol_codes
from gridecho_remote.store import pulls as requests
from gridecho_remote.store.models import PullRequest

from tests.rigs.fleet import Fleet, give_role
from tests.rigs.heartbeats import beat

NONCE = "0f" * 16


def ask(fleet, relay_id=1, number=0, made_ms=None):
    """A request that waits for the relay's heartbeat; its id."""
    made_ms = int(fleet.clock() * 1000) if made_ms is None else made_ms
    request = Pull(relay_id, 1000 * relay_id + number, made_ms, [(7, 1, number, number, 0, 9)])
    mac = Cmac(relay_keys.pull_key(fleet.relays[relay_id], relay_id))
    asked = requests.claim(fleet.archive, request, bytes([number]), request.pack(mac), False)
    assert asked
    return asked.id


def state_of(fleet, pull_id):
    row = PullRequest.select().where(PullRequest.id == pull_id).get(fleet.archive.db)
    return row.state, row.frames


def test_a_heartbeat_tells_and_is_told(fleet: Fleet):
    answer = beat(fleet, pull_url="http://10.0.0.5:4691", store_bytes=100, store_free_bytes=25, something_new=[1])
    assert answer.status_code == 200
    assert answer.json["keys_version"] == fleet.archive.keys_version
    assert answer.json["utc_ms"] == 1_800_000_000_000
    assert answer.json["pulls"] == []
    assert {"orders_version", "group", "proxy"} <= answer.json.keys()


def test_relays_come_in_pages(fleet: Fleet):
    client = fleet.person("anna")
    give_role(fleet.archive, "anna", "operator")
    full = {"store_bytes": 100, "store_free_bytes": 25, "buffer_bytes": 200, "buffer_bytes_used": 20}
    beat(fleet, relay_id=2, **full, clock_ahead_ms=-12_300)
    first = client.get("/api/v1/relays?limit=1").json
    second = client.get(first["next"]).json
    assert [one["id"] for one in first["relays"] + second["relays"]] == [1, 2]
    assert second["next"] is None
    assert [one["store_full_percent"] for one in first["relays"] + second["relays"]] == [None, 75]
    assert (second["relays"][0]["buffer_full_percent"], second["relays"][0]["clock_ahead_ms"]) == (10, -12_300)
    page = " ".join(client.get("/relays").text.split())
    assert "-12.3 s" in page
    assert "wrong" in page
    for odd in (True, "5", 1 << 60, 1.5):
        assert beat(fleet, relay_id=2, clock_ahead_ms=odd, buffer_bytes=odd).status_code == 200
        assert client.get("/api/v1/relays").json["relays"][1]["clock_ahead_ms"] is None
    beat(fleet, relay_id=2, **full, clock_ahead_ms=-12_300)
    assert client.get("/api/v1/relays").json == {"relays": first["relays"] + second["relays"], "next": None}
    assert client.get(f"/api/v1/relays?after={'9' * 18}").json == {"relays": [], "next": None}


def test_a_heartbeat_needs_its_own_token_and_its_form(fleet: Fleet):
    assert beat(fleet, relay_id=1, token_of=2).status_code == 404
    assert fleet.app.test_client().post("/relay/v1/heartbeat", json={"relay": 1}).status_code == 401
    for said in (
        {"pull_url": "ftp://x"},
        {"pull_url": "http://a b"},
        {"pull_url": "http://x/?a=b"},
        {"pull_url": "http://user@x"},
        {"pulled": [{"id": "x"}]},
        {"relay": -1},
        {"relay": "one"},
    ):
        assert beat(fleet, **said).status_code == 400, said
    assert fleet.bring("heartbeat", b"{").status_code == 400


def test_requests_wait_for_the_heartbeat_until_they_are_done(fleet: Fleet):
    ids = [ask(fleet, number=number) for number in range(20)]
    other = ask(fleet, relay_id=2)
    assert ask(fleet, number=3) == ids[3], "the same is not asked for twice at once"
    offered = beat(fleet).json["pulls"]
    mac = Cmac(relay_keys.pull_key(fleet.relays[1], 1))
    found = [read_pull(bytes.fromhex(body), mac) for body in offered]
    assert [request.pull_id for request in found] == ids[:16]
    assert found[2].wants == [(7, 1, 2, 2, 0, 9)]
    done = [{"id": str(pull_id), "frames": 5} for pull_id in (*ids[:16], other)]
    offered = beat(fleet, pulled=done).json["pulls"]
    assert [read_pull(bytes.fromhex(body), mac).pull_id for body in offered] == ids[16:]
    assert state_of(fleet, ids[0]) == ("done", 5)
    assert state_of(fleet, other) == ("waiting", 0), "a relay ends its own requests only"
    beat(fleet, pulled=[{"id": str(ids[0]), "frames": 9}])
    assert state_of(fleet, ids[0]) == ("done", 5)


def test_a_request_that_nobody_picked_up_expires(fleet: Fleet):
    pull_id = ask(fleet)
    fleet.clock.now_s += 3601
    assert beat(fleet).json["pulls"] == []
    assert state_of(fleet, pull_id) == ("expired", 0)


def test_a_deflated_batch(fleet: Fleet):
    body = fleet.batch(1, [fleet.frame(7, {2: watts}) for watts in range(50)])
    packed = zlib.compress(body, 1)
    assert len(packed) < len(body)
    assert fleet.bring("batch", packed[:-9], encoding="deflate").status_code == 400
    assert fleet.bring("batch", b"junk", encoding="deflate").status_code == 400
    assert fleet.bring("batch", packed, encoding="br").status_code == 415
    assert fleet.bring("batch", packed, encoding="deflate").status_code == 200
    assert fleet.post(body).status_code == 200


def test_a_bomb_is_too_large_before_it_is_whole(make_fleet):
    fleet = make_fleet(max_batch_bytes=100_000)
    bomb = zlib.compress(bytes(80_000_000), 9)
    assert len(bomb) < 100_000
    assert fleet.bring("batch", bomb, encoding="deflate").status_code == 413


def enrol(fleet, code, nonce=NONCE):
    return fleet.app.test_client().post("/relay/v1/enrol", json={"code": code, "nonce": nonce, "name": "x"})


def test_a_code_enrols_one_relay_once(fleet: Fleet):
    code = enrol_codes.make_code(fleet.archive, "barn", 1_800_000_100)
    first = enrol(fleet, code)
    assert first.status_code == 200
    assert (first.json["relay_id"], first.json["name"]) == (3, "barn")
    # The answer was lost: the same relay asks again. Nobody else gets it, nor does he later.
    assert enrol(fleet, code).json == first.json
    assert enrol(fleet, code, "00" * 16).status_code == 403
    fleet.clock.now_s += 700
    assert enrol(fleet, code).status_code == 403
    fleet.relays[3] = bytes.fromhex(first.json["secret"])
    assert beat(fleet, relay_id=3).status_code == 200
    fleet.send(fleet.frame(7, {2: 1}), relay_id=3)


def test_codes_that_are_no_good_have_one_answer(fleet: Fleet):
    expired = enrol_codes.make_code(fleet.archive, "barn", 1_799_999_999)
    answers = {enrol(fleet, code).data for code in (expired, "never-made-by-anyone")}
    assert len(answers) == 1
    assert enrol(fleet, expired).status_code == 403
    assert enrol(fleet, "short").status_code == 400
    assert enrol(fleet, expired, "no nonce").status_code == 400
    stored = str(fleet.archive.connection().execute("SELECT * FROM enrol_code").fetchall())
    assert expired not in stored
    with pytest.raises(RemoteError, match="name-missing"):
        enrol_codes.make_code(fleet.archive, " ", 1)


def test_guessing_codes_is_slowed_down(fleet: Fleet):
    client = fleet.app.test_client()
    asked = {"code": "guess-guess", "nonce": NONCE}
    statuses = [client.post("/relay/v1/enrol", json=asked).status_code for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2


def test_commands(tmp_path):
    def run(*words):
        done = CliRunner().invoke(remote, [*words, "--config", str(tmp_path / "r/remote.toml")])
        return done.exit_code, done.output

    assert CliRunner().invoke(remote, ["init", "--dir", str(tmp_path / "r")]).exit_code == 0
    status, code = run("enrol", "relay-code", "--name", "barn")
    assert (status, len(code.strip()) >= 20) == (0, True)
    said = json.loads(run("enrol", "relay-code", "--name", "barn", "--hours", "2", "--json")[1])
    assert (said["name"], said["hours"]) == ("barn", 2)
    secret = str(tmp_path / "relay.key")
    assert run("enrol", "relay", "--id", "5", "--name", "barn", "--secret-file", secret)[0] == 0
    (relay,) = json.loads(run("relays", "--json")[1])
    assert (relay["id"], relay["heartbeat_s_ago"], relay["index_data"]) == (5, None, 0)
    assert "barn" in run("relays")[1]
    assert json.loads(run("pull", "--sensor", "7", "--json")[1]) == []
    assert "No relay holds" in run("pull", "--sensor", "7", "--from", "2027-01-01")[1]
    for words in (
        ["--epoch", "1"],
        ["--seqs", "1"],
        ["--epoch", "1", "--seqs", "x"],
        ["--epoch", "1", "--seqs", "9-3"],
    ):
        status, output = run("pull", "--sensor", "7", *words)
        assert (status != 0, "Traceback" in output) == (True, False)
