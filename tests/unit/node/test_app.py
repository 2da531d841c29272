"""A whole sensor in one process: files in a folder, a real socket, a relay on loopback; and each way in which it cannot start."""

import gc
import importlib
import json
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gridecho.crypto import Siv
from gridecho.frames import SEND, STORE
from gridecho.intake import read_header, unseal
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import decode

from tests.rigs.simnet import KEY_ID, ROOT, SENSOR, Relay
from tests.rigs.waiting import wait_for

# A main that ends, or never got far, leaves its files and its socket to the REPL.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SERIES = "1-0:1.8.0,1-0:1.7.0\n" + "".join(f"{10 * i},{9000 if i % 3 == 2 else 100}\n" for i in range(12))


class Stop(BaseException):
    """Ends the loop of `main`, which on a board ends with the power."""


class Station:
    """Stands in for network.WLAN: joins after some asking, or never."""

    asks_needed = 0
    connected_with: tuple[str, str] | None = None

    def __init__(self, kind: int) -> None:
        self.asked = 0

    def active(self, on: bool) -> None:
        pass

    def connect(self, ssid: str, password: str) -> None:
        Station.connected_with = (ssid, password)

    def disconnect(self) -> None:
        pass

    def isconnected(self) -> bool:
        self.asked += 1
        return self.asked > Station.asks_needed


class Watchdog:
    """Stands in for machine.WDT; after so many feeds it stops the test."""

    feeds_left = 0
    timeout_ms = 0

    def __init__(self, timeout: int) -> None:
        Watchdog.timeout_ms = timeout

    def feed(self) -> None:
        Watchdog.feeds_left -= 1
        if Watchdog.feeds_left <= 0:
            raise Stop


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """gridecho_node.app as on a board whose flash is an empty folder."""
    machine: Any = types.ModuleType("machine")
    machine.reset_cause = lambda: 1
    machine.WDT = Watchdog
    machine.reset = lambda: None
    network: Any = types.ModuleType("network")
    network.STA_IF = 0
    network.WLAN = Station
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "network", network)
    for name in ("gridecho_node.hw", "gridecho_node.app"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(Station, "asks_needed", 0)
    monkeypatch.setattr(Station, "connected_with", None)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("gridecho_node.app")
    gc.collect()  # here, where what was left open is expected


@pytest.fixture
def relay_at() -> Iterator[Callable[[Relay], int]]:
    """Serves simulated relays on loopback; gives the port of each."""
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(relay: Relay) -> int:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.05)
        sockets.append(udp)
        stopped = threading.Event()

        def loop() -> None:
            while not stopped.is_set():
                try:
                    datagram, sender = udp.recvfrom(2048)
                except TimeoutError:
                    continue
                stopped.wait(relay.delay_us / 1e6)
                reply = relay.answer(datagram, time.time_ns() // 1_000_000)
                if reply is not None:
                    udp.sendto(reply, sender)

        thread = threading.Thread(target=loop)
        thread.start()
        thread.stop = stopped.set  # type: ignore[attr-defined]
        threads.append(thread)
        return int(udp.getsockname()[1])

    yield serve
    for thread in threads:
        thread.stop()  # type: ignore[attr-defined]
        thread.join()
    for udp in sockets:
        udp.close()


def provision(ports: dict[int, int], **changes: Any) -> None:
    """What flashing writes, into the current folder."""
    config = {
        "sensor_id": SENSOR,
        "key_id": KEY_ID,
        "period_ms": 20,
        "relays": [{"id": relay_id, "host": "localhost", "port": port} for relay_id, port in ports.items()],
        "meter": {"type": "replay", "file": "series.csv", "loop": False},
        "rules": {"over_w": 5000},
    }
    Path("config.json").write_text(json.dumps(config | changes))
    Path("key").write_bytes(ROOT)
    Path("epoch").write_bytes(b"0")
    Path("series.csv").write_text(SERIES)


def run(app: Any) -> None:
    """What main.py does."""
    ready = app.start()
    if ready is not None:
        try:
            ready[0].run(*ready[1:])
        finally:
            app.running.clear()
            ready[0]._wire.close()
            ready[0]._meter.close()


def step_until(sensor: Any, condition: Callable[[], object]) -> None:
    """Turns of the loop until this is so."""
    wait_for(lambda: (sensor.step(), condition())[1], every_s=0)


def delivered(relay: Relay) -> list[tuple[int, int, int]]:
    """(energy, operation tag, time) of every meter reading that the relay keeps, in order of energy."""
    siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
    rows = []
    for frame in list(relay.kept.values()):
        header, data = unseal(frame, siv)
        readings = decode(data, header.count, header.time_s)
        rows += [(r.values[ENERGY_IMPORT], header.op, r.time_s) for r in readings if ENERGY_IMPORT in r.values]
    return sorted(rows)


def test_boots_probes_sends_and_boots_again(
    app: Any, relay_at: Callable[[Relay], int], capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in (1, 2):
        fast, slow = Relay(1, 0), Relay(2, 300_000)
        provision({2: relay_at(slow), 1: relay_at(fast)}, rtt_limit_ms=60_000)
        Path("epoch").write_bytes(b"%d" % (epoch - 1))
        sensor, watchdog_s = app.build(print)
        begun_s = int(time.time())
        assert watchdog_s == 0
        meter = sensor._meter
        step_until(sensor, lambda sensor=sensor: sensor._meter is None and not sensor.uplink.waiting())
        sensor._wire.close()
        meter.close()
        rows = delivered(fast)
        assert [(energy, op) for energy, op, _ in rows] == [
            (10 * i, SEND if i % 3 != 1 and i else STORE) for i in range(12)
        ]
        assert all(begun_s - 1 <= time_s <= time.time() for _, _, time_s in rows)
        wait_for(lambda slow=slow: slow.probes >= 3)
        assert (slow.probes, slow.datagrams) == (3, 0)
        assert {read_header(frame).epoch for frame in fast.kept.values()} == {epoch}
        assert Path("epoch").read_bytes() == b"%d" % epoch
        relay_id, rtt_us = Path("route").read_bytes().split()
        assert (int(relay_id), 0 < int(rtt_us) < slow.delay_us) == (1, True)
        said = capsys.readouterr().out.splitlines()
        assert said[0] == f"boot sensor=77 epoch={epoch} reset_cause=1"
        assert "meter ended" in said
        assert sum(line.startswith("reading ") for line in said) == 12


def test_main_feeds_the_watchdog_after_each_turn(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    provision({1: 9}, watchdog_s=7)
    monkeypatch.setattr(Watchdog, "feeds_left", 5)
    with pytest.raises(Stop):
        run(app)
    assert (Watchdog.timeout_ms, Watchdog.feeds_left) == (7000, 0)


def test_wifi_is_joined_first(app: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(app.hw.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(Watchdog, "feeds_left", 1)
    provision({1: 9}, watchdog_s=7, wifi={"ssid": "home", "password": "secret"})
    for asks_needed, waits in ((0, False), (3, False), (10**6, True)):
        monkeypatch.setattr(Station, "asks_needed", asks_needed)
        with pytest.raises(Stop):
            run(app)
        said = capsys.readouterr().out
        assert ("wifi not joined yet" in said) == waits
        assert "secret" not in said
    assert Station.connected_with == ("home", "secret")


@pytest.mark.parametrize("where", ["WLAN", "active", "connect"])
@pytest.mark.parametrize("error", [OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x0101")])
def test_a_radio_that_fails_at_the_start_ends_nothing(
    app: Any,
    relay_at: Callable[[Relay], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: Exception,
) -> None:
    relay = Relay(1, 0)
    provision({1: relay_at(relay)}, wifi={"ssid": "home", "password": "secret"})
    monkeypatch.setattr(Station, "asks_needed", 2)
    fails = [True]
    real = socket.socket

    def failing(*args: object) -> Any:
        if fails:
            raise error

    def no_socket(*args: Any) -> socket.socket:
        if fails:
            raise OSError(12)
        return real(*args)

    if where == "WLAN":
        monkeypatch.setattr(app.hw.network, "WLAN", lambda kind: failing() or Station(kind))
        monkeypatch.setattr(socket, "socket", no_socket)  # then the board has no network stack either
    else:
        monkeypatch.setattr(Station, where, failing)
    sensor, _ = app.build(print)
    said = capsys.readouterr().out
    assert f"wifi error={error}" in said
    assert "flash" not in said
    step_until(sensor, lambda: sensor._meter is None)
    assert sensor.uplink.waiting() >= 12 or where != "WLAN"
    fails.clear()
    sensor._watch._again_us = 0
    step_until(sensor, lambda: len(delivered(relay)) == 12)
    sensor._wire.close()


def test_a_relay_whose_name_nobody_knows_is_tried_again(
    app: Any, relay_at: Callable[[Relay], int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay(2, 0)
    provision(
        {}, relays=[{"id": 1, "host": "no such host.invalid"}, {"id": 2, "host": "localhost", "port": relay_at(relay)}]
    )
    sensor, _ = app.build(print)
    assert "wifi relay=1 has a name that is not known" in capsys.readouterr().out
    assert sensor._wire.unresolved() == [1]
    step_until(sensor, lambda: delivered(relay))
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_: asked.append(host) or [[None, ("127.0.0.1", 9)]])
    step_until(sensor, lambda: asked)
    assert (asked, sensor._wire.unresolved()) == (["no such host.invalid"], [])
    assert "wifi relay=1 has another address now" in capsys.readouterr().out
    sensor._wire.close()
    sensor._meter.close()


def _no_config() -> None:
    Path("config.json").unlink()


def _no_text() -> None:
    Path("config.json").write_bytes(b"\xff\xfe{")


def _unknown_key() -> None:
    provision({1: 9}, sensr_id=5)


def _no_meter_file() -> None:
    Path("series.csv").unlink()


def _no_series() -> None:
    Path("series.csv").write_bytes(b"power\n1\n")


def _no_key() -> None:
    Path("key").unlink()


def _short_key() -> None:
    Path("key").write_bytes(bytes(16))


def _damaged_epoch() -> None:
    Path("epoch").write_bytes(b"\x00\x00")


def _no_epoch() -> None:
    Path("epoch").unlink()


def _epoch_that_is_a_folder() -> None:
    Path("epoch").unlink()
    Path("epoch").mkdir()


def _config_that_is_a_folder() -> None:
    Path("config.json").unlink()
    Path("config.json").mkdir()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_no_config, "config.json"),
        (_no_text, "config.json: the file"),
        (_unknown_key, "sensr_id"),
        (_no_meter_file, "meter.file"),
        (_no_series, "line 1"),
        (_no_key, "key"),
        (_short_key, "key"),
        (_damaged_epoch, "epoch"),
        (_no_epoch, "epoch"),
        (_epoch_that_is_a_folder, "epoch"),
        (_config_that_is_a_folder, "flash"),
    ],
)
def test_what_makes_a_start_impossible_is_one_sentence(
    app: Any, capsys: pytest.CaptureFixture[str], spoil: Callable[[], None], named: str
) -> None:
    provision({1: 9})
    spoil()
    run(app)
    said = capsys.readouterr().out
    assert said.startswith("gridecho cannot start: ")
    assert said.count("\n") == 1
    assert named in said
    # No epoch is used up by a start that could not be.
    assert not Path("epoch").is_file() or Path("epoch").read_bytes() in (b"0", b"\x00\x00")
