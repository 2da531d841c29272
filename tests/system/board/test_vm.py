"""The board on the MicroPython VM: start-up and REPL as an ESP32's (ports/esp32/main.c), and a port as a serial port's."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import serial
from gridecho_board import Board, BoardError

from tests.rigs.waiting import HANG_S

MakeBoard = Callable[..., Board]
Mpremote = Callable[..., "subprocess.CompletedProcess[str]"]
FOREVER = "import time\nprint('main')\nwhile True:\n    time.sleep(1)\n"


def test_memory_and_paths_are_an_esp32s(make_board: MakeBoard) -> None:
    boot = "import gc, os, sys\ngc.collect()\nprint('free', gc.mem_free())\nprint('paths', sys.path, os.getcwd(), os.listdir())\n"
    board = make_board({"boot.py": boot})
    # 148 KB without PSRAM; what the shims take is added, give or take 2 KB.
    assert 146 * 1024 < int(board.wait_line("free").split()[1]) < 150 * 1024
    assert board.wait_line("paths") == "paths ['', '.frozen', '/lib'] / ['boot.py']"


def test_boot_then_main_in_one_namespace_then_the_repl(make_board: MakeBoard, mpremote: Mpremote) -> None:
    board = make_board({"boot.py": "x = 40\n", "main.py": "x += 2\nprint('main', x, __name__)\n"})
    board.wait_line("main 42 __main__")
    board.wait_line('Type "help()" for more information.')
    assert mpremote(board, "resume", "exec", "print(x)").stdout == "42\n"


def test_errors_show_as_on_a_board_and_lead_to_the_repl(make_board: MakeBoard, mpremote: Mpremote) -> None:
    board = make_board({"boot.py": "def f():\n    1/0\nf()\n", "main.py": "print('main')\nimport nowhere\n"})
    board.wait_line("ImportError")
    lines = board.lines()
    assert lines[:4] == [
        "Traceback (most recent call last):",
        '  File "boot.py", line 3, in <module>',
        '  File "boot.py", line 2, in f',
        "ZeroDivisionError: divide by zero",
    ]
    assert lines[4:7] == ["main", "Traceback (most recent call last):", '  File "main.py", line 2, in <module>']
    assert mpremote(board, "exec", "print(6*7)").stdout == "42\n"


def test_soft_reset_runs_main_from_the_prompt_but_not_from_the_raw_repl(make_board: MakeBoard) -> None:
    board = make_board({"boot.py": "print('boot')\n", "main.py": "print('main')\n"})
    with serial.Serial(board.port, timeout=HANG_S) as port:
        port.write(b"\x01")
        port.read_until(b"exit\r\n>")
        port.write(b"\x02")
        port.read_until(b">>> ")
        port.write(b"\x04")
        assert port.read_until(b">>> ").startswith(b"\r\nMPY: soft reboot\r\nboot\r\nmain\r\nMicroPython ")
        port.write(b"\x01")
        assert port.read_until(b"exit\r\n>") == b"\r\nraw REPL; CTRL-B to exit\r\n>"
        port.write(b"\x04")
        assert port.read_until(b"exit\r\n>") == b"OK\r\nMPY: soft reboot\r\nboot\r\nraw REPL; CTRL-B to exit\r\n>"
        port.write(b"raise SystemExit\x04")
        assert port.read_until(b"exit\r\n>") == b"OK\x04\x04MPY: soft reboot\r\nboot\r\nraw REPL; CTRL-B to exit\r\n>"
        port.write(b"\x02")
        assert port.read_until(b">>> ").startswith(b"\r\nMicroPython ")
        port.write(b"\x04")
        assert b"boot\r\nmain\r\n" in port.read_until(b">>> ")


@pytest.mark.parametrize("typed", [b"\x03", b"\x03\x03", b"\x03\x03\x03\x03\r"])
@pytest.mark.parametrize("body", ["time.sleep(1)", "pass", "print('.')", "sys.stdin.read(1)"])
def test_ctrl_c_interrupts_main_and_never_kills_it(make_board: MakeBoard, typed: bytes, body: str) -> None:
    board = make_board({"main.py": f"import sys, time\nprint('main')\nwhile True:\n    {body}\n"})
    board.wait_line("." if "print" in body else "main")
    board.type(b"garbage that nobody reads " * 400 + typed if "stdin" not in body else typed)
    board.wait_line("KeyboardInterrupt")
    board.wait_line('Type "help()"')
    board.type(b"\r\x03\rprint(6*7)\r")
    board.wait_line("42")
    assert board.restarts == 0


def test_a_program_may_catch_ctrl_c_and_go_on(make_board: MakeBoard) -> None:
    main = (
        "import time\nwhile True:\n    try:\n        print('on')\n        while True: time.sleep(1)\n"
        "    except KeyboardInterrupt:\n        print('no')\n"
    )
    board = make_board({"main.py": main})
    board.wait_line("on")
    for _ in range(3):
        count = board.line_count
        board.type(b"\x03")
        board.wait_line("on", after=count)
    assert board.restarts == 0


def test_ctrl_c_typed_while_it_starts_arrives(make_board: MakeBoard) -> None:
    board = make_board({"main.py": FOREVER})
    for _ in range(5):
        count = board.line_count
        board.reset()
        board.type(b"\x03")
        board.wait_line('Type "help()"', after=count)
    assert board.restarts == 5


def test_ctrl_c_never_tears_it_out_of_garbage_collection_or_a_write_to_flash(make_board: MakeBoard) -> None:
    loop = "    for _ in range(99): gc.collect()\n    open('kept', 'w').write('x' * 999)\n    time.sleep_ms(5)\n"
    board = make_board({"main.py": f"import gc, time\nprint('main')\nwhile True:\n{loop}"})
    board.wait_line("main")
    for _ in range(10):
        count = board.line_count
        board.type(b"\x03\rprint(open('kept', 'w').write('y' * (6 * 7)))\r")
        board.wait_line("42", after=count)
        count = board.line_count
        board.type(b"\x04")
        board.wait_line("main", after=count)
    assert board.restarts == 10


def test_output_that_nobody_reads_does_not_hold_the_board_up(make_board: MakeBoard) -> None:
    main = "for i in range(3000):\n    print('%06d' % i * 20)\nprint('end of the flood')\n"
    board = make_board({"main.py": main})  # 360 KB; a terminal takes some 16 KB
    board.wait_line("end of the flood")
    slave = os.open(board.port, os.O_RDWR | os.O_NOCTTY)  # there, but does not read either
    try:
        board.type(b"\x04")
        board.wait_line("end of the flood", after=board.line_count)
    finally:
        os.close(slave)


def test_a_slow_reader_gets_every_byte(make_board: MakeBoard) -> None:
    board = make_board({})
    with serial.Serial(board.port, timeout=HANG_S) as port:
        port.write(b"\r\x01")
        port.read_until(b"exit\r\n>")
        port.write(b"for i in range(9000): print('%08d' % i)\x04")
        got = b""
        while not got.endswith(b"\x04\x04>"):
            got += port.read(min(3000, port.in_waiting or 1))
            time.sleep(0.002)  # less than the VM writes
    assert got == b"OK" + b"".join(b"%08d\r\n" % i for i in range(9000)) + b"\x04\x04>"


def test_stale_output_is_not_kept_for_the_next_user(make_board: MakeBoard) -> None:
    board = make_board({"main.py": "print('old news')\n"})
    board.wait_line('Type "help()"')
    fd = os.open(board.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        with pytest.raises(BlockingIOError):
            os.read(fd, 100)
    finally:
        os.close(fd)


def test_flash_that_is_empty_or_damaged(tmp_path: Path, vm: None) -> None:
    image = tmp_path / "board.img"
    image.write_bytes(b"\xff" * 64 * 4096)
    with Board(image, runtime="micropython") as board:
        board.type(b"f = open('a', 'w')\rf.write('b')\rf.close()\rprint('done')\r")
        board.wait_line("done")
    with Board(image, runtime="micropython") as board:
        board.type(b"print(open('a').read() * 3)\r")
        board.wait_line("bbb")
    image.write_bytes(b"junk" * 64 * 1024)
    with Board(image, runtime="micropython") as board:
        board.wait_line("The filesystem appears to be corrupted")


def test_one_flash_one_board(make_board: MakeBoard) -> None:
    board = make_board({"main.py": FOREVER})
    with pytest.raises(BoardError, match="a board runs on it"):
        Board(board.image, runtime="micropython").start()
    board.stop()
    board.stop()
    with pytest.raises(BoardError, match="is off"):
        board.type(b"x")
    board.start()
    board.wait_line("main")


def test_a_board_that_cannot_start_says_why(tmp_path: Path, vm: None) -> None:
    (tmp_path / "board.img").write_bytes(b"\xff" * 4096 * 8)
    board = Board(tmp_path / "board.img", runtime="micropython", heap_bytes=-20_000)  # less than the shims need
    with pytest.raises(BoardError, match=r"does not start: .*MemoryError"):
        board.start()
    assert board.pid is None
    assert not board.running
    with pytest.raises(BoardError, match=r"nix\.img: is not there"):
        Board(tmp_path / "nix.img", runtime="micropython").start()
    with pytest.raises(BoardError, match='the runtime is "auto"'):
        Board(tmp_path / "board.img", runtime="pypy")


def test_the_vm_dying_is_a_reset_with_a_word_on_the_console(make_board: MakeBoard) -> None:
    board = make_board({"main.py": FOREVER})
    board.wait_line("main")
    assert board.pid is not None
    os.kill(board.pid, 11)
    board.wait_line("the interpreter died of SIGSEGV")
    board.wait_line("main", after=board.line_count - 1)
    assert board.restarts == 1


def test_boards_side_by_side(make_board: MakeBoard) -> None:
    main = "import time\nfor i in range(40):\n    print('n', i)\n    time.sleep_ms(2)\nprint('done')\n"
    lines: dict[int, list[str]] = {n: [] for n in range(8)}
    threads = set(threading.enumerate())
    boards = [make_board({"main.py": main}, on_line=lines[n].append) for n in lines]
    for board in boards:
        board.wait_line("done")
    assert all(
        [line for line in said if line.startswith("n ")] == [f"n {i}" for i in range(40)] for said in lines.values()
    )
    assert len([thread for thread in set(threading.enumerate()) - threads if thread.name.startswith("board ")]) == 8
