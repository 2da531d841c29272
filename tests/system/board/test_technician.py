"""What a technician does at the serial port of a running sensor: types commands, or calls them through mpremote."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash.image import build_image, firmware_files

from tests.rigs.simnet import KEY_ID, ROOT, SENSOR, Relay
from tests.rigs.vm import skip_without_vm
from tests.rigs.waiting import wait_for
from tests.system.board.conftest import Mpremote

SECRET = "a-password-of-the-wifi"


@pytest.fixture
def relay_port() -> Iterator[int]:
    """A relay on loopback that answers at once."""
    relay = Relay(4, 0)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(0.05)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                datagram, sender = udp.recvfrom(2048)
            except TimeoutError:
                continue
            reply = relay.answer(datagram, time.time_ns() // 1_000_000)
            if reply is not None:
                udp.sendto(reply, sender)

    thread = threading.Thread(target=serve)
    thread.start()
    yield udp.getsockname()[1]
    ended.set()
    thread.join()
    udp.close()


@pytest.fixture
def sensor(tmp_path: Path, relay_port: int) -> Iterator[Board]:
    """A whole sensor on the VM, that has found its relay."""
    skip_without_vm()
    config = {
        "sensor_id": SENSOR,
        "key_id": KEY_ID,
        "period_ms": 1000,
        "relays": [{"id": 4, "host": "127.0.0.1", "port": relay_port}],
        "meter": {"type": "replay", "file": "series.csv"},
        "wifi": {"ssid": "home", "password": SECRET},
    }
    files = firmware_files()
    files["config.json"] = json.dumps(config).encode()
    files["key"] = ROOT
    files["epoch"] = b"0"
    files["series.csv"] = b"1-0:1.8.0,1-0:1.7.0\n1,100\n2,100\n3,100\n"
    image = tmp_path / "board.img"
    build_image(image, files, 1024 * 1024)
    with Board(image, runtime="micropython") as board:
        board.wait_line("status")
        yield board


def typed(board: Board, word: str, answer: str) -> str:
    """The line that answers a typed word."""
    before = board.line_count
    board.type(word.encode() + b"\r")
    return board.wait_line(answer, after=before)


def test_a_status_line_a_period(sensor: Board) -> None:
    line = sensor.wait_line("status", after=sensor.line_count + 3)
    values = dict(part.split("=") for part in line.split()[1:])
    assert {"up_s", "relay", "rtt_us", "waiting", "lost", "heap", "spooled", "covers_h"} <= set(values)
    assert (values["relay"], values["lost"], values["spooled"]) == ("4", "0", "0")
    assert int(values["covers_h"]) >= 1


def test_typed_commands(sensor: Board) -> None:
    assert typed(sensor, "route", "target relay=4 rtt_us=").endswith("on_flash=4")
    assert typed(sensor, "send", " op=SEND at=").startswith("reading")
    assert typed(sensor, "nonsense", "unknown command") == (
        "unknown command nonsense; there are: status probe route send config log help"
    )
    shown = typed(sensor, "config", "{")
    assert SECRET not in shown and json.loads(shown)["wifi"] == {"ssid": "home"}
    assert typed(sensor, "log", "boot") == f"boot sensor={SENSOR} epoch=1 reset_cause=1"
    typed(sensor, "probe", "target relay=4")
    typed(sensor, "help", "status  ")
    sensor.wait_line("status up_s=", after=sensor.line_count)  # it goes on


def test_commands_through_mpremote(sensor: Board, mpremote: Mpremote) -> None:
    def call(code: str) -> str:
        done = mpremote(sensor, "resume", "exec", f"from gridecho_node import console; {code}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    calls: list[tuple[Callable[[], str], str]] = [
        (lambda: call("console.status()"), "status up_s="),
        (lambda: call("console.route()"), "target relay=4 "),
        (lambda: call("console.probe()"), "target relay=4 "),
        (lambda: call("console.send()"), "acked seq="),
        (lambda: call("console.config()"), '"sensor_id"'),
        (lambda: call("console.log()"), "boot sensor="),
    ]
    for run, expected in calls:
        assert expected in run()
    before = len(sensor.lines())
    mpremote(sensor, "resume", "exec", "--no-follow", "from gridecho_node import console; console.go()")
    wait_for(lambda: any(line.startswith("status") for line in sensor.lines()[before:]), "a status line")


def test_without_a_sensor_it_says_what_to_do(sensor: Board, mpremote: Mpremote) -> None:
    done = mpremote(sensor, "exec", "from gridecho_node import console; console.status()")  # with a soft reset before
    assert done.stdout.startswith("no sensor runs in this interpreter")
