"""`gridecho relay status` and `flush`, beside a relay that runs as a process of its own."""

import json

from click.testing import CliRunner
from gridecho_relay.command import relay

from tests.rigs.waiting import HANG_S, wait_for


def call(*arguments):
    return CliRunner().invoke(relay, [str(argument) for argument in arguments])


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
