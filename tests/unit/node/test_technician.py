"""The technician's console and the serial port under it, with a sensor on a simulated network: what each command prints."""

import io
import json
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho_node import console, port
from gridecho_node.port import Port, running
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay

OFF = {"over_w": 0, "change_w": 0, "over_ma": 0, "over_mv": 0, "under_mv": 0}


class Meter:
    """100 W, 101 W, ...; nothing while `silent`."""

    turn_us = lead_us = 0
    silent = False

    def __init__(self) -> None:
        self._next = 100

    def poll(self, now_us: int) -> None: ...

    begin = poll

    def bad(self) -> int:
        return 0

    def close(self) -> None: ...

    def read(self, now_us: int) -> dict[int, int]:
        if self.silent:
            return {}
        self._next += 1
        return {POWER_IMPORT: self._next}


class Bench:
    """A sensor that reads every ten seconds, its relays at 2 and 9 ms."""

    def __init__(self) -> None:
        self.net: Any = Net([Relay(1, 2_000), Relay(2, 9_000)], seed=3)
        self.meter = Meter()
        self.port = Port(("route", "missing"))
        uplink = Uplink(ROOT, SENSOR, KEY_ID, EPOCH, [1, 2], self.net.dice)
        wire = counter = self.net
        self.sensor = Sensor(self.meter, Tagger(OFF), uplink, wire, counter, 10 * SECOND_US, None, self.port.say)

    def run(self, seconds: int) -> None:
        until_us = self.net.us + seconds * SECOND_US
        while self.net.us < until_us:
            self.sensor.step()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    bench = Bench()
    running[:] = [(bench.sensor, bench.port)]
    bench.run(15)
    yield bench
    running.clear()


def said(capsys: pytest.CaptureFixture[str], word: str) -> list[str]:
    """What the command printed last of all."""
    capsys.readouterr()
    console.run(word)
    return capsys.readouterr().out.splitlines()


def test_status_and_route(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (status,) = said(capsys, "status")
    assert status.startswith("status up_s=15 relay=1 rtt_us=4000 waiting=0 lost=0 ")
    assert said(capsys, "route") == ["target relay=1 rtt_us=4000 on_flash=1"]


def test_probe_finds_what_is_faster_now(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.net.delay(1, 30_000)
    assert said(capsys, "probe")[-1] == "target relay=2 rtt_us=18000 on_flash=1"


def test_send_waits_for_the_acknowledgement(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "send")
    assert any(line.startswith("reading n=2 op=SEND") for line in lines)
    assert lines[-1].startswith(("acked", "status"))
    bench.meter.silent = True
    assert said(capsys, "send") == ["the meter gave no reading; try again in a moment"]
    bench.meter.silent = False
    for relay_id in (1, 2):
        bench.net.state(relay_id, Relay.DEAD)
    assert said(capsys, "send")[-1] == "no relay has acknowledged it yet; the sensor goes on trying"


def test_config_shows_no_password(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "config") == ["config.json is missing; flash this board again"]
    Path("config.json").write_text(json.dumps({"sensor_id": 7, "wifi": {"ssid": "home", "password": "secret"}}))
    assert json.loads(said(capsys, "config")[0]) == {"sensor_id": 7, "wifi": {"ssid": "home"}}


def test_the_log_keeps_the_last_lines_of_trouble(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "log") == ["route relay=1 rtt_us=4000"]
    for n in range(20):
        bench.port.say(f"missing seq={n} relay=1")
        bench.port.say("status all is well")
    assert said(capsys, "log") == [f"missing seq={n} relay=1" for n in range(4, 20)]


def test_help_and_what_is_no_command(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(said(capsys, "help")) == 3
    assert said(capsys, "go")[0].startswith("unknown command go; there are: status probe")


def test_without_a_sensor_each_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    running.clear()
    for word in ("status", "probe", "route", "send", "log"):
        assert said(capsys, word) == [
            "no sensor runs in this interpreter: use mpremote's resume, or reset the board and type the command"
        ]
    console.go()
    assert capsys.readouterr().out.startswith("no sensor runs")


class Typed:
    """Stands in for sys.stdin and for select.poll over it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def register(self, what: object, events: int) -> None: ...

    def poll(self, wait_ms: int) -> list[int]:
        assert wait_ms == 0
        return [1] if self.text else []

    def read(self, count: int) -> str:
        one, self.text = self.text[:count], self.text[count:]
        return one


def typed(bench: Bench, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stdin = Typed(text)
    monkeypatch.setattr(port.sys, "stdin", stdin)
    monkeypatch.setattr(bench.port, "_poll", stdin)
    bench.port.turn()


def test_a_line_runs_when_it_is_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    typed(bench, monkeypatch, "\r\nrou")
    assert capsys.readouterr().out == ""
    typed(bench, monkeypatch, "te\r")
    assert capsys.readouterr().out == "target relay=1 rtt_us=4000 on_flash=1\n"
    typed(bench, monkeypatch, "x" * 1000 + "\n")
    assert len(capsys.readouterr().out) < 200  # what nobody could mean is cut off


def test_a_port_that_ends_and_one_that_cannot_be_polled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(Typed):
        def poll(self, wait_ms: int) -> list[int]:
            return [1]

    monkeypatch.setattr(port.sys, "stdin", Ended(""))
    monkeypatch.setattr(bench.port, "_poll", Ended(""))
    bench.port.turn()  # returns
    monkeypatch.setattr(port.sys, "stdin", io.StringIO())  # has no file descriptor
    assert not select.poll().poll(0)
    Port(()).turn()


class Stop(BaseException):
    """Ends the loop, which on a board ends with the power."""


def test_go_lets_the_sensor_run_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []

    def turn() -> None:
        turns.append(bench.net.us)
        if len(turns) == 5:
            raise Stop

    monkeypatch.setattr(bench.port, "turn", turn)
    with pytest.raises(Stop):
        console.go()
    assert turns[-1] > turns[0]
