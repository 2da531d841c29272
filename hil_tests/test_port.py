"""What a user does over the port: files, exec, run, resets, and Ctrl-C into a running main.py."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil_tests.conftest import Target

MainPy = Callable[[str], None]


def test_files_travel_both_ways_unchanged(target: "Target", tmp_path: Path) -> None:
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(
        b"".join(sha256(bytes([n])).digest() for n in range(256)) + bytes(range(256)) + b"\r\n\x03\x04\x01"
    )
    target.mpremote("fs", "cp", str(there), ":hil/there.bin")
    assert "8453 there.bin" in target.mpremote("fs", "ls", ":hil")
    target.mpremote("fs", "cp", ":hil/there.bin", str(back))
    assert back.read_bytes() == there.read_bytes()
    target.mpremote("fs", "mkdir", ":hil/sub")
    target.mpremote("fs", "rm", ":hil/there.bin")
    assert target.listing() == ["sub"]


def test_text_arrives_as_text(target: "Target", tmp_path: Path) -> None:
    (tmp_path / "text").write_text("eins\nzwei ä\n")
    target.mpremote("fs", "cp", str(tmp_path / "text"), ":hil/text")
    assert target.mpremote("fs", "cat", ":hil/text") == "eins\nzwei ä\n"


def test_exec_prints_and_an_exception_is_an_exit_code(target: "Target") -> None:
    assert target.mpremote("exec", "print(6 * 7)") == "42\n"
    assert target.mpremote("eval", "[1, 2] * 2") == "[1, 2, 1, 2]\n"
    assert "ZeroDivisionError" in target.mpremote("exec", "1 / 0", ok=False)


def test_run_takes_a_script_of_the_pc(target: "Target", tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\n" + "# padding\n" * 2000 + "for i in range(3):\n    print('line', i)\n")
    assert target.mpremote("run", str(script)) == "line 0\nline 1\nline 2\n"


def test_a_missing_file_is_an_error(target: "Target") -> None:
    assert "No such file" in target.mpremote("fs", "cat", ":hil/none", ok=False)


def test_soft_reset_clears_memory_and_keeps_files(target: "Target") -> None:
    target.run("x = 5\nwith open('hil/kept', 'w') as f: f.write('5')")
    assert target.run("print(x)") == "5\n"
    target.mpremote("soft-reset")
    assert target.run("print('x' in globals(), open('hil/kept').read())") == "False 5\n"
    assert target.run("import machine; print(machine.reset_cause() == machine.SOFT_RESET)") == "True\n"


def test_reset_runs_main_and_keeps_files(target: "Target", main_py: MainPy) -> None:
    main_py("import machine\nwith open('hil/boots', 'a') as f:\n    f.write('%d ' % machine.reset_cause())\n")
    target.run("with open('hil/kept', 'w') as f: f.write('before')")
    target.reset()
    hard = target.run("import machine; print(machine.HARD_RESET)").strip()
    target.wait_for("boots", hard)
    target.reset()
    target.wait_for("boots", f"{hard} {hard}")
    assert target.run("print(open('hil/kept').read())") == "before\n"


def test_ctrl_c_stops_a_running_main(target: "Target", main_py: MainPy) -> None:
    main_py(
        "import time\n"
        "with open('hil/began', 'w') as f:\n    f.write('yes')\n"
        "try:\n    while True:\n        time.sleep_ms(50)\n"
        "except KeyboardInterrupt:\n"
        "    with open('hil/ended', 'w') as f:\n        f.write('by Ctrl-C')\n"
        "    raise\n"
    )
    target.reset()
    target.wait_for("began", "yes")
    target.wait_for("ended", "by Ctrl-C")
    assert target.mpremote("exec", "print('free')") == "free\n"


@pytest.mark.parametrize("call", ["machine.reset()", "machine.soft_reset()"])
def test_the_program_may_reset_itself(target: "Target", main_py: MainPy, call: str) -> None:
    main_py(
        "import machine, os\n"
        "if 'again' in os.listdir('hil'):\n"
        "    with open('hil/again', 'w') as f:\n        f.write('up')\n"
        "else:\n"
        f"    open('hil/again', 'w').close()\n    {call}\n"
    )
    target.reset()
    target.wait_for("again", "up")
