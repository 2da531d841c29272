"""`gridecho bench device`: every case gives a figure on every runtime, and on a board at a port."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho_bench.device import CASES, BenchError, Figure, figure_of, on_cpython, on_vm
from gridecho_bench.device_command import device
from gridecho_bench.telegrams import TELEGRAMS
from gridecho_board import Board
from gridecho_cli import main
from gridecho_flash.image import build_image, firmware_files

from tests.rigs.vm import needs_vm


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    build_image(tmp_path / "board.img", firmware_files() | {"main.py": b"print('idle')\n"}, 512 * 1024)
    with Board(tmp_path / "board.img", runtime="micropython") as board:
        yield board


@pytest.mark.parametrize("meter", TELEGRAMS)
def test_a_telegram_is_one_that_the_meter_takes(meter: str) -> None:
    parser = import_module(f"gridecho_node.meters.{meter}").Parser()
    assert len(parser.feed(TELEGRAMS[meter])) == 1
    assert (parser.good, parser.bad, parser.noise) == (1, 0, 0)


def test_cpython_has_a_figure_for_every_case_and_no_heap() -> None:
    figures = list(on_cpython(0.001))
    assert [figure.name for figure in figures] == list(CASES)
    assert all(figure.per_s > 0 and figure.heap_bytes is None for figure in figures)


@needs_vm
def test_the_vm_counts_heap_in_an_esp32s() -> None:
    figures = {figure.name: figure for figure in on_vm(0.001)}
    assert list(figures) == list(CASES)
    # A reading's 9 bytes or so, in blocks of 32, with its list and its mask: more than 32, far less than 2,000.
    assert 32 <= (figures["encode 1"].heap_bytes or 0) < 2000
    for figure in figures.values():
        assert 0 < (figure.heap_bytes or 0) < 148 * 1024
        assert figure.us * figure.per_s == pytest.approx(1e6)


@needs_vm
def test_a_board_at_a_port(board: Board) -> None:
    done = CliRunner().invoke(main, ["bench", "device", "--port", board.port, "--for", "0.001", "--json"])
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()  # one, as every --json of the bench
    runs = json.loads(line)
    assert [run["on"] for run in runs] == ["VM", "CPython", "board"]
    on_vm, _, on_board = ({f["name"]: f["heap_bytes"] for f in run["figures"]} for run in runs)
    assert list(on_board) == list(CASES)
    # The same VM runs both, so the same work takes the same heap.
    assert on_board["seal 32"] == on_vm["seal 32"]
    board.wait_line("idle")  # restarted


@needs_vm
def test_the_table_has_a_row_a_case() -> None:
    done = CliRunner().invoke(main, ["bench", "device", "--for", "0.001"], terminal_width=200)
    assert done.exit_code == 0, done.output
    assert "encode, seal and tag 32" in done.output
    assert "VM: the MicroPython VM" in done.output


def test_a_port_without_a_board_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(device, ["--port", str(tmp_path / "nothing"), "--for", "0.001"])
    assert done.exit_code == 2
    assert "cannot be opened" in done.output


def test_what_is_no_figure_is_refused() -> None:
    good = '{"name": "probe", "times": 4, "us": 10, "bytes": 0}'
    assert figure_of(good) == Figure("probe", 400_000, 2.5, None)
    for line in ("", "Traceback", "[]", "{}", good.replace("4", "0")):
        with pytest.raises(BenchError):
            figure_of(line)
