"""Nothing is left: not after stop, not after the keeper of a board was killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash.image import build_image, read_file

from tests.rigs.ptys import Pty
from tests.rigs.waiting import wait_for

MakeBoard = Callable[..., Board]
ON_BOTH = pytest.mark.parametrize("runtime", ["micropython", "cpython"])
FOREVER = "import time\nprint('main')\nwhile True:\n    time.sleep(0.05)\n"


def gone(pid: int) -> bool:
    """Whether the process is there no more, not even as one that nobody reaped."""
    return not Path(f"/proc/{pid}").exists()


def ended(pid: int) -> bool:
    """Whether the process has ended; an orphan is reaped by init, whenever that likes."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@ON_BOTH
def test_stop_leaves_no_process_port_thread_or_file(make_board: MakeBoard, tmp_path: Path, runtime: str) -> None:
    descriptors, threads = len(os.listdir("/proc/self/fd")), set(threading.enumerate())
    link = tmp_path / "port"
    board = make_board({"main.py": FOREVER}, runtime=runtime, link=link)
    board.wait_line("main")
    pid, port = board.pid, board.port
    assert pid is not None
    assert str(link.readlink()) == port
    pty = Pty(port)
    board.stop()
    assert gone(pid)
    assert pty.is_gone()
    assert not link.is_symlink()
    assert [path.name for path in tmp_path.iterdir()] == ["board0.img"]
    assert board.exit_code == (-signal.SIGKILL if runtime == "micropython" else -signal.SIGTERM)
    assert set(threading.enumerate()) <= threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


KEEPER = """
import sys, time
from pathlib import Path
from gridecho_board import Board
boards = [Board(Path(image), runtime=sys.argv[1]) for image in sys.argv[2:]]
for board in boards:
    board.start()
    board.wait_line("main")
print(*[board.pid for board in boards], flush=True)
time.sleep(600)
"""


@ON_BOTH
@pytest.mark.usefixtures("vm")
def test_a_killed_keeper_takes_its_boards_along(tmp_path: Path, runtime: str) -> None:
    images = [tmp_path / f"{n}.img" for n in range(2)]
    for image in images:
        build_image(image, {"main.py": FOREVER.encode()}, 64 * 4096)
    command = [sys.executable, "-c", KEEPER, runtime, *map(str, images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        pids = [int(pid) for pid in keeper.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(gone(pid) for pid in pids)
        keeper.kill()
    wait_for(lambda: all(ended(pid) for pid in pids), "the end of its boards")
    with Board(images[0], runtime=runtime) as board:  # and its lock is no hindrance
        board.wait_line("main")


def test_what_cpython_wrote_is_in_the_image_also_after_a_kill(tmp_path: Path) -> None:
    image = tmp_path / "board.img"
    main = (
        "import os\nwith open('n', 'a') as f:\n    f.write('x')\nprint('main', open('n').read(), os.listdir('lib'))\n"
    )
    build_image(image, {"main.py": main.encode(), "lib/pack.py": b"", "config.json": b"{}"}, 64 * 4096)
    with Board(image, runtime="cpython") as board:
        board.wait_line("main x ['pack.py']")
    assert read_file(image, "n") == b"x"
    code = KEEPER.replace('wait_line("main")', 'wait_line("main xx")')
    with subprocess.Popen([sys.executable, "-c", code, "cpython", str(image)], stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        keeper.kill()
    assert read_file(image, "n") == b"x"  # its keeper could not pack it
    with Board(image, runtime="cpython") as board:
        board.wait_line("main xxx")
    assert read_file(image, "n") == b"xxx"
    assert read_file(image, "config.json") == b"{}"


def test_an_image_that_is_new_wins_over_files_left_by_a_kill(tmp_path: Path) -> None:
    image = tmp_path / "board.img"
    build_image(image, {"main.py": FOREVER.encode()}, 64 * 4096)
    with subprocess.Popen([sys.executable, "-c", KEEPER, "cpython", str(image)], stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        keeper.kill()
    build_image(image, {"main.py": b"print('new')\n"}, 64 * 4096)
    with Board(image, runtime="cpython") as board:
        board.wait_line("new")
