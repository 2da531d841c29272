"""`gridecho relay`: what an operator types, and the one sentence for what is wrong."""

import json
import re
import socket

import pytest
from click.testing import CliRunner
from gridecho_common.secrets import read_secret
from gridecho_relay.command import relay
from gridecho_relay.metrics import registry_of
from gridecho_relay.settings import RelaySettings, load
from gridecho_relay.status import create_app

from tests.rigs.waiting import HANG_S, wait_for


def call(*arguments):
    return CliRunner().invoke(relay, [str(argument) for argument in arguments])


def sentence(result):
    """The one line of an error with exit code 2."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_init_writes_what_run_reads_and_a_secret_once(tmp_path):
    folder = tmp_path / "a" / "b"
    result = call(
        "init", "--dir", folder, "--relay-id", 12, "--name", 'Scheune "Nord" Ω', "--remote", "https://far.example/"
    )
    assert result.exit_code == 0, result.output
    settings = load(folder / "relay.toml")
    assert (settings.relay_id, settings.name, settings.remote) == (12, 'Scheune "Nord" Ω', "https://far.example")
    assert settings.data_dir == folder / "data"
    secret = read_secret(settings.secret_file)
    assert len(secret) == 32
    assert secret.hex() not in result.output
    assert "gridecho remote enrol relay --id 12 --name 'Scheune \"Nord\" Ω'" in result.output
    assert "never replaced" in sentence(call("init", "--dir", folder))
    (folder / "relay.toml").unlink()
    assert call("init", "--dir", folder).exit_code == 0
    assert read_secret(settings.secret_file) == secret
    assert "# " in (folder / "relay.toml").read_text()


def test_init_with_defaults_differs_from_the_model_in_nothing(tmp_path):
    assert call("init", "--dir", tmp_path, "--relay-id", 1).exit_code == 0
    settings = load(tmp_path / "relay.toml")
    for key in ("listen", "status", "store_bytes", "threshold_bytes", "buffer_bytes", "outbox_bytes"):
        assert getattr(settings, key) == RelaySettings.model_fields[key].default


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour = 1", r'unknown key "colour"; known keys are: .*store_bytes'),
        ('store_bytes = "1 GB"', r'"store_bytes": .*integer'),
        ("store_bytes = 1", r'"store_bytes": .*4096'),
        ('listen = "here"', r'"listen": an address as "host:port" was expected'),
        ('remote = "ftp://far"', r'"remote": a URL as "https://host:port" was expected'),
        ("relay_id = 0", r'"relay_id": '),
        ("batch_frames = 10001", r'"batch_frames": '),
        ("data_dir = 5", r'"data_dir": '),
        ("store_bytes = 8192\nthreshold_bytes = 8193\nbuffer_bytes = 8192", "threshold_bytes must not be larger"),
        ("store_bytes = 8192\nthreshold_bytes = 8192\nbuffer_bytes = 8193", "buffer_bytes must not be larger"),
        ("store_bytes =", "not a TOML file"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(workshop, line, said):
    config = workshop.config()
    key = line.partition(" ")[0]
    kept = [old for old in config.read_text().splitlines() if not old.startswith(f"{key} ")]
    config.write_text("\n".join([*kept, line]))
    told = sentence(call("run", "--config", config))
    assert str(config) in told
    assert re.search(said, told), told


def test_a_file_that_is_not_there(tmp_path):
    assert "cannot be read" in sentence(call("run", "--config", tmp_path / "none.toml"))


def test_a_secret_that_others_may_read_or_is_none(workshop):
    config = workshop.config()
    secret = workshop.folder / "relay.secret"
    secret.chmod(0o644)
    assert "chmod 600" in sentence(call("run", "--config", config))
    secret.chmod(0o600)
    secret.write_text("not a secret")
    assert "64 hexadecimal digits" in sentence(call("run", "--config", config))
    secret.unlink()
    assert "cannot be read" in sentence(call("run", "--config", config))


@pytest.mark.parametrize(("key", "kind"), [("listen", socket.SOCK_DGRAM), ("status", socket.SOCK_STREAM)])
def test_a_port_in_use_is_one_sentence_and_leaves_nothing_locked(workshop, key, kind):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        told = sentence(call("run", "--config", workshop.config(**{key: address})))
        assert address in told
        assert "cannot be bound" in told
    workshop.relay()


def test_an_unreachable_remote_is_no_reason_to_stop(workshop, caplog):
    sensor = workshop.sensor()
    workshop.stop(workshop.relay())
    workshop.remote.go_away()
    relay = workshop.relay()
    wait_for(lambda: "remote-failed" in caplog.text)
    assert sensor.ask(sensor.data()).kind == 2
    assert sensor.ask(sensor.data(op=2)).kind == 2
    assert caplog.text.count("remote-failed") == 1
    assert relay.report()["remote_reachable"] is False


def test_status_and_flush_of_a_running_relay(workshop):
    sensor = workshop.sensor()
    process = workshop.process()
    config = workshop.folder / "relay.toml"
    wait_for(lambda: json.loads(call("status", "--config", config, "--json").output)["sensors"] == 1)
    for _ in range(5):
        sensor.ask(sensor.data(count=2))
    report = json.loads(call("status", "--config", config, "--json").output)
    assert (report["relay_id"], report["held_store"], report["readings_held"], report["acked"]) == (7, 5, 10, 5)
    assert report["remote_reachable"] is True
    shown = call("status", "--config", config).output
    for said in ("5 frames, 280 B of 1.0 GiB", "readings held", "answers", "99 % within", "none yet"):
        assert said in shown, shown
    flushed = call("flush", "--config", config, "--wait", HANG_S)
    assert (flushed.exit_code, flushed.output) == (0, "flushed\n"), flushed.output
    assert len(workshop.remote.arrived) == 5
    workshop.remote.go_away()
    sensor.ask(sensor.data())
    late = call("flush", "--config", config, "--wait", 0.3)
    assert late.exit_code == 1
    assert "not finished after 0.3 s: 1 frames" in late.stderr
    process.terminate()
    assert process.wait(HANG_S) == 0
    for command in ("status", "flush"):
        gone = call(command, "--config", config)
        assert gone.exit_code == 1
        assert "no relay" in gone.stderr


def test_a_relay_that_was_killed_is_not_taken_for_a_running_one(workshop):
    process = workshop.process()
    process.kill()
    process.wait(HANG_S)
    config = workshop.folder / "relay.toml"
    assert (workshop.folder / "data" / "relay.json").exists()
    for command in ("status", "flush"):
        result = call(command, "--config", config)
        assert result.exit_code == 1
        assert "no relay" in result.stderr
    assert workshop.process().poll() is None


def test_every_command_shows_an_example():
    for command in ("init", "run", "status", "flush"):
        result = call(command, "--help")
        assert f"gridecho relay {command}" in result.output


def test_the_page_the_json_and_the_health(workshop):
    sensor = workshop.sensor()
    relay = workshop.relay(name="barn <b>")
    sensor.ask(sensor.data(count=3))
    client = create_app(relay.report, registry_of(relay.report, relay.report.latencies)).test_client()
    page = client.get("/")
    assert page.status_code == 200
    assert "barn &lt;b&gt;" in page.text
    assert "readings held here" in page.text
    assert "cdn" not in page.text.lower()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) == 4
    for source in sources:
        with client.get(source) as answer:
            assert answer.status_code == 200
    status = client.get("/status.json").json
    assert {"relay_id", "name", "held_store", "held_buffer", "outbox", "readings_held", "sensors"} <= set(status)
    assert (status["readings_held"], status["refused"]["junk"]) == (3, 0)
    assert client.get("/healthz").text == "ok\n"
