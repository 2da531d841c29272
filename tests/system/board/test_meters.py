"""A meter on a whole virtual board: the firmware's own modules, a UART or a pin wired to a meter that this test plays."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash.image import build_image, firmware_files

from tests.rigs import meter_frames as frames
from tests.rigs.meter_asked import answer
from tests.rigs.meter_dsmr import LINES, VALUES
from tests.rigs.vm import skip_without_vm

MAIN = """
import json, time
from gridecho.config import read_config
from gridecho_node.meters import meter_module
config = read_config(open("config.json").read())
meter = meter_module(config.meter_type).open_meter(config.meter)
print("open", meter.turn_us, meter.lead_us > 0)
begun = time.ticks_ms() if hasattr(time, "ticks_ms") else 0
for turn in range(200):
    if turn % 100 == 0:
        meter.begin(turn * 20000)
    meter.poll(turn * 20000)
    time.sleep(0.02)
    if turn % 10 == 9:
        values = meter.read(turn * 20000)
        if values:
            print("values", json.dumps({str(code): values[code] for code in values}), meter.bad())
meter.close()
print("closed")
"""


class Wire:
    """A listener on loopback; `play(connection)` is what the meter does with the board that calls."""

    def __init__(self, play: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._play = play
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._play(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def board_with(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    """board_with(meter section, wire name, play, runtime): a board that reads this meter."""
    with ExitStack() as stack:

        def make(meter: Mapping[str, object], name: str, play: Callable[[socket.socket], None], runtime: str) -> Board:
            if runtime == "micropython":
                skip_without_vm()
            files = firmware_files(bytecode=runtime == "micropython")
            config = {"sensor_id": 7, "relays": [{"id": 1, "host": "127.0.0.1"}], "meter": meter}
            files |= {"config.json": json.dumps(config).encode(), "main.py": MAIN.encode(), "boot.py": b""}
            build_image(tmp_path / "board.img", files, 512 * 4096)
            wire = Wire(play)
            stack.callback(wire.close)
            board = Board(tmp_path / "board.img", runtime=runtime, wires={name: wire.place})
            stack.callback(board.stop)
            board.start()
            return board

        yield make


def values_on(board: Board) -> tuple[dict[int, int], int]:
    """The first values that the board prints, and how many frames it had refused."""
    line = board.wait_line("values ")
    text, _, bad = line.removeprefix("values ").rpartition(" ")
    return {int(code): value for code, value in json.loads(text).items()}, int(bad)


BOTH = pytest.mark.parametrize("runtime", ["micropython", "cpython"])


@BOTH
def test_a_p1_telegram(board_with: Callable[..., Board], runtime: str) -> None:
    def play(line: socket.socket) -> None:
        whole = frames.telegram(LINES)
        line.sendall(whole[100:] + whole.replace(b"1234.567", b"1234.568") + whole)
        line.recv(1)

    board = board_with({"type": "dsmr"}, "uart2", play, runtime)
    assert values_on(board) == (VALUES, 1)


@BOTH
def test_a_dlt645_poll(board_with: Callable[..., Board], runtime: str) -> None:
    def play(line: socket.socket) -> None:
        heard = b""
        while data := line.recv(100):
            heard += data
            while b"\x16" in heard[8:]:
                length = 16 + heard[13]
                request, heard = heard[:length], heard[length:]
                line.sendall(answer(request))

    board = board_with({"type": "dlt645", "uart": 1, "rx": 4, "tx": 5}, "uart1", play, runtime)
    got, bad = values_on(board)
    assert got == {0: 260, 2: 100, 3: 0, 10: 999, 11: 50_000, 4: 230_100, 7: 1234}
    assert bad == 0
    board.wait_line("closed")


@BOTH
def test_s0_pulses(board_with: Callable[..., Board], runtime: str) -> None:
    def play(line: socket.socket) -> None:
        for _ in range(6):
            line.sendall(b"1")
            if threading.Event().wait(0.3):
                return
            line.sendall(b"0")
            threading.Event().wait(0.3)
        line.recv(1)

    meter = {"type": "s0", "pin": 27, "pulses_per_kwh": 1000, "start_wh": 500, "save_pulses": 1}
    board = board_with(meter, "pin27", play, runtime)
    board.wait_line('"0": 506')
    assert any('"2": ' in line for line in board.lines() if line.startswith("values"))
    board.wait_line("closed")
    count = board.line_count
    board.reset()
    assert "values" in board.wait_line('"0": 50', after=count)  # goes on from what flash kept


@BOTH
def test_a_line_where_nothing_is_wired(board_with: Callable[..., Board], runtime: str) -> None:
    board = board_with({"type": "sml"}, "uart1", lambda line: None, runtime)
    board.wait_line("closed")
    assert not [line for line in board.lines() if line.startswith("values")]
