"""`gridecho bench relay`: what it counts is what came, and what it says is in the form that docs/bench.md shows. Not how fast."""

import json
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho import frames, holdings, keys, relay_keys
from gridecho.crypto import Cmac, Siv
from gridecho.readings import decode
from gridecho_bench import mosquitto
from gridecho_bench.mosquitto_publisher import connect_packet, payload_of, publish_packet
from gridecho_bench.relay import RELAY_ID, Figures, Plan, Round, run_bare
from gridecho_bench.relay_child import Child, RelayBenchError
from gridecho_bench.relay_datagrams import REPLY_STRIDE, open_port
from gridecho_bench.relay_generator import Outcome, Spec, Tape, judge, percentile
from gridecho_bench.relay_rig import PoliteRemote, RelayRig
from gridecho_bench.relay_traffic import EPOCH, STRIDE, Traffic, make_traffic, reading_of
from gridecho_cli import main

try:
    mosquitto.check_there()
    MISSING = ""
except RelayBenchError as error:
    MISSING = str(error)

NUMBERS = ["acked_per_s", "cpu_us", "disk_bytes_per_frame", "frame_bytes", "limit_per_s", "ratio_to_limit", "rate"]


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    return make_traffic(tmp_path, RELAY_ID, 3, 30)


def reply(traffic: Traffic, number: int, kind: int = frames.ACK, status: int = frames.OK, relay_id: int = RELAY_ID):
    """What a relay answers to datagram `number`, as the generator keeps it."""
    at = number % traffic.sensors
    sensor_id, key_id, _, down = traffic.link_keys()[at]
    control = frames.Control(kind, status, key_id, 0, sensor_id, EPOCH, number // traffic.sensors, 1, relay_id)
    return control.pack(Cmac(down)).ljust(REPLY_STRIDE, b"\0")


def judged(traffic: Traffic, *replies: bytes, sent: int = 10, when: int = 1_000_000, **changed: object) -> Outcome:
    spec = Spec(traffic, 0, 0, 30, 1, **changed)
    tape = Tape(sends=[(0, sent)], replies=[(when, len(replies), b"".join(replies), sent)])
    return judge(tape, spec)[0]


def test_a_datagram_is_one_that_relay_and_remote_take(traffic: Traffic) -> None:
    whole = traffic.datagrams.read_bytes()
    lengths = memoryview(traffic.lengths.read_bytes()).cast("Q").tolist()
    assert len(whole) == 30 * STRIDE
    seen = set()
    for number, length in enumerate(lengths):
        sensor_id, seq, reading = reading_of(number, 3)
        _, key_id, up, _ = traffic.link_keys()[number % 3]
        frame = frames.untag(whole[STRIDE * number :][:length], Cmac(up))
        siv = Siv(keys.siv_key(sensor_id.to_bytes(32, "big"), sensor_id, key_id))
        assert decode(siv.open(frame[20:], frame[:20]), frame[3], reading.time_s) == [reading]
        assert frame[1] == frames.STORE
        seen.add(frame[4:16])
        assert traffic.number_of(sensor_id, EPOCH, seq) == number
    assert len(seen) == 30
    assert traffic.frame_bytes == pytest.approx(sum(lengths) / 30 - 8, abs=0.01)


def test_what_has_another_data_id_is_none_of_them(traffic: Traffic) -> None:
    assert traffic.number_of(1_000, EPOCH, 9) == 27
    assert [traffic.number_of(*wrong) for wrong in ((999, 1, 0), (1_003, 1, 0), (1_000, 2, 0), (1_000, 1, 10))] == [
        -1
    ] * 4


def test_an_ack_is_counted_once_and_only_if_it_proves_something(traffic: Traffic) -> None:
    good = [reply(traffic, number) for number in range(5)]
    assert judged(traffic, *good).acked == 5
    found = judged(
        traffic,
        *good,
        good[3],  # again
        reply(traffic, 6, frames.NACK, frames.BUSY),
        reply(traffic, 7, status=frames.OK | frames.ORDER_WAITING),  # an ACK all the same
        reply(traffic, 8)[:30] + b"\1" + reply(traffic, 8)[31:],  # a MAC that does not verify
        reply(traffic, 8, relay_id=RELAY_ID + 1),
        reply(traffic, 8, frames.ECHO),
        reply(traffic, 12),  # not sent when this came
        bytes(REPLY_STRIDE),
    )
    assert (found.sent, found.acked, found.duplicates, found.nacked, found.false) == (10, 6, 1, 1, 5)
    assert found.lost == 3  # 5, 8 and 9


def test_what_was_acknowledged_is_said_for_each_datagram(traffic: Traffic) -> None:
    tape = Tape(sends=[(0, 10)], replies=[(5, 2, reply(traffic, 21) + reply(traffic, 25), 10)])
    found, acked = judge(tape, Spec(traffic, 0, 20, 30, 1))
    assert found.acked == 2
    assert [number for number, was in enumerate(acked, 20) if was] == [21, 25]


def test_the_bare_loop_answers_a_datagram_as_often_as_it_was_sent(traffic: Traffic) -> None:
    found = judged(traffic, *[reply(traffic, 4)] * 3, reply(traffic, 29), sent=35, bare=True)
    assert (found.acked, found.duplicates, found.lost) == (3, 1, 32)  # 4 was sent twice, 29 once


def test_a_delay_runs_from_when_the_datagram_was_due(traffic: Traffic) -> None:
    # At 1,000 a second number 3 is due after 3 ms, whenever it left.
    tape = Tape(start=1_000_000, sends=[(8_000_000, 4)])
    tape.replies.append((9_000_000, 4, b"".join(reply(traffic, number) for number in range(4)), 4))
    found, _ = judge(tape, Spec(traffic, 0, 0, 30, 1, rate=1_000))
    assert (found.p50_ms, found.p99_ms) == (6.0, 8.0)
    assert found.late_p99_ms == 7.0


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([3.0], 0.99)) == (50.0, 99.0, 3.0)


@pytest.mark.parametrize("plain", [False, True])
def test_either_port_sends_the_datagrams_and_keeps_the_replies(traffic: Traffic, plain: bool) -> None:
    whole = traffic.datagrams.read_bytes()
    lengths = memoryview(traffic.lengths.read_bytes()).cast("Q").tolist()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(2)
        port = open_port(other.getsockname(), traffic, plain)
        try:
            assert port.receive(wait=False) == (0, b"", 0)
            assert port.receive() == (0, b"", 0)
            assert port.send(7, 20) == 20
            for number in range(7, 27):
                datagram, sender = other.recvfrom(2048)
                assert datagram == whole[STRIDE * number :][: lengths[number]]
            for answer in (b"a" * 36, b"b" * 36, b"c" * 20, b"d" * 60):
                other.sendto(answer, sender)
            count, raw, odd = port.receive()
            assert (count, odd) == (4, 2)
            assert len(raw) == 4 * REPLY_STRIDE
            assert raw[:36] == b"a" * 36
            assert raw[REPLY_STRIDE:][:36] == b"b" * 36
        finally:
            port.close()


def test_the_bare_loop_answers_all(tmp_path: Path) -> None:
    traffic = make_traffic(tmp_path, RELAY_ID, 3, 90)
    outcome, _ = run_bare(Plan(sensors=3, seconds=0.1, window=16), traffic)
    assert outcome["acked"] == outcome["sent"] > 90  # it begins again when all are sent
    assert (outcome["duplicates"], outcome["false"], outcome["lost"]) == (0, 0, 0)


def test_the_remote_beside_it_takes_the_index_in_order(traffic: Traffic) -> None:
    secret = bytes(32)
    remote = PoliteRemote(traffic, secret)
    try:

        def answer(listing: int, start: int, end: int) -> tuple[int, int]:
            piece = holdings.Piece(RELAY_ID, listing, start, end, [(1_000, 1, 0, 3, 100, 10)])
            status, body = remote.post("/relay/v1/index", piece.pack(Cmac(relay_keys.batch_key(secret, RELAY_ID))))
            assert status == 200
            known = holdings.read_known(body, Cmac(relay_keys.receipt_key(secret, RELAY_ID)))
            return known.listing, known.end

        assert answer(5, 3, 9) == (0, 0)
        assert answer(5, 0, 9) == (5, 9)
        assert answer(5, 9, 12) == (5, 12)
        assert answer(5, 9, 12) == (5, 12)
        assert answer(4, 0, 3) == (5, 12)
        assert answer(6, 0, 3) == (6, 3)
        assert remote.index_pieces == 3
        assert remote.get("/relay/v1/keys?relay=7&have=1") == (304, b"")
        assert len(json.loads(remote.get("/relay/v1/keys?relay=7&have=0")[1])["sensors"]) == 3
        assert json.loads(remote.post("/relay/v1/heartbeat", b"{}")[1])["keys_version"] == 1
        assert remote.post("/relay/v1/batch", b"")[0] == remote.get("/nothing")[0] == 404
    finally:
        remote.close()


def test_a_relay_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RelayBenchError, match=r"the relay did not start: .*relay_id"):
        RelayRig(tmp_path / "relay", Traffic(str(tmp_path), 0, 1, 1, 43.0))


def test_a_child_that_fails_says_why() -> None:
    with Child("relay_generator", "{}") as child, pytest.raises(RelayBenchError, match="KeyError: 'traffic'"):
        child.line("ready")


def test_json_is_one_line_and_every_acknowledged_frame_is_on_disk() -> None:
    done = CliRunner().invoke(
        main, ["bench", "relay", "--rounds", "1", "--seconds", "0.3", "--sensors", "50", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert all(found[name] > 0 for name in NUMBERS)
    assert found["ack_ms"]["p99"] >= found["ack_ms"]["p50"] > 0
    assert found["stored"] == found["acked"] > 1000
    assert (found["duplicates"], found["false"], found["nacked"]) == (0, 0, 0)
    turn = found["rounds"][0]
    assert found["ratio_to_limit"] == pytest.approx(turn["acked_per_s"] / turn["limit_per_s"], abs=0.001)
    overhead = found["disk_bytes_per_frame"] - found["frame_bytes"]
    assert found["disk_overhead_bytes"] == pytest.approx(overhead, abs=0.11)
    assert found["index_pieces"] > 0
    assert "mosquitto_per_s" not in found


def test_a_frame_that_is_missing_on_disk_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    there = RelayRig.stored
    monkeypatch.setattr(RelayRig, "stored", lambda rig: set(sorted(there(rig))[1:]))
    done = CliRunner().invoke(main, ["bench", "relay", "--rounds", "1", "--seconds", "0.1", "--sensors", "5"])
    assert done.exit_code == 1
    assert "1 of" in done.stderr
    assert "acknowledged frames are not in the relay's database" in done.stderr


def test_publish_and_connect_are_as_mqtt_3_1_1_has_them() -> None:
    # The figures 3.6 and 3.11 of the standard: protocol name and level; topic a/b and packet id 10.
    assert connect_packet(b"x") == bytes.fromhex("100d 0004 4d515454 04 02 0000 0001 78")
    assert publish_packet(b"a/b", 10, b"!") == bytes.fromhex("3208 0003 612f62 000a 21")
    assert publish_packet(b"a/b", 10, bytes(200))[:3] == bytes.fromhex("32cf01")  # 207 bytes follow


def test_a_message_is_the_same_reading() -> None:
    sensor_id, seq, reading = reading_of(7, 3)
    assert json.loads(payload_of(7, 3)) == {
        "sensor": sensor_id,
        "epoch": EPOCH,
        "seq": seq,
        "time": reading.time_s,
        "1-0:1.8.0": reading.values[0],
        "1-0:1.7.0": reading.values[2],
    }


def test_without_mosquitto_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    done = CliRunner().invoke(main, ["bench", "relay", "--vs", "mosquitto"])
    assert done.exit_code == 2
    assert "apt-get install mosquitto" in done.stderr


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "it is there")
def test_mosquitto_stores_every_reading(tmp_path: Path) -> None:
    found = mosquitto.run_mosquitto(mosquitto.check_there(), tmp_path / "mosquitto", 20, 3_000, 1500)
    assert found.readings == 3_000
    assert found.commits >= 3_000 / 512
    assert found.per_s > 0
    connection = sqlite3.connect(tmp_path / "mosquitto" / "readings.sqlite")
    rows = connection.execute("SELECT topic, payload FROM reading").fetchall()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert {bytes(payload) for _, payload in rows} == {payload_of(number, 20) for number in range(3_000)}
    assert {topic for topic, _ in rows} == {f"meters/{1_000 + at}" for at in range(20)}


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "it is there")
def test_the_table_has_both_rivals() -> None:
    arguments = ["bench", "relay", "--rounds", "1", "--seconds", "0.1", "--sensors", "20", "--vs", "mosquitto"]
    done = CliRunner().invoke(main, arguments, terminal_width=200)
    assert done.exit_code == 0, done.output
    for row in ("bare loop: answers a second", "ratio to Mosquitto", "acknowledged, and found in the database"):
        assert row in done.stdout


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "it is there")
def test_a_broker_that_does_not_start_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "_CONFIG", mosquitto._CONFIG + "no_such_setting 1\n")
    with pytest.raises(RelayBenchError, match=r"Mosquitto did not start: .*no_such_setting"):
        mosquitto.Broker(mosquitto.check_there(), tmp_path / "mosquitto", 0)


def test_figures_are_medians_and_mosquitto_has_its_better_setting() -> None:
    def turn(acked: float, limit: float, mosquitto: dict[int, float]) -> Round:
        run = {"per_s": acked, "p50_ms": 1.0, "p99_ms": 2.0, "late_p99_ms": 0.1, "busy": 0.5}
        run |= dict.fromkeys(("duplicates", "nacked", "false", "lost"), 1)
        return Round(run | {"per_s": limit}, 1.0, run, run, 9.0, 60.0, 100, 100, 2, mosquitto)

    turns = [
        turn(100, 200, {0: 20, 1500: 90}),
        turn(120, 200, {0: 60, 1500: 10}),
        turn(110, 440, {0: 40, 1500: 30}),
    ]
    found = Figures(Plan(mosquitto="/usr/sbin/mosquitto"), 43.0, turns).summary()
    assert (found["acked_per_s"], found["limit_per_s"], found["ratio_to_limit"]) == (110, 200, 0.5)
    assert (found["mosquitto_per_s"], found["mosquitto_max_inflight"], found["ratio_to_mosquitto"]) == (40, 0, 2.75)
    assert (found["disk_overhead_bytes"], found["acked"], found["stored"], found["lost"]) == (17.0, 300, 300, 6)
