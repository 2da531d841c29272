"""A board over its port: `pytest hil_tests --port /dev/ttyUSB0`, or without --port a virtual board that these tests start.

Everything goes through the real mpremote command. On a real board main.py is put aside for a test that needs its own, and put back.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from gridecho_board import Board
from gridecho_flash.image import build_image, firmware_files

FOLDER = "hil"  # on the board, made before and removed after each test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--port", help="what `mpremote connect` takes; without it a virtual board is started")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real(reason): only a real board can show it; the reason says why")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        real = item.get_closest_marker("real")
        if real is not None and not config.getoption("--port"):
            item.add_marker(pytest.mark.skip(reason=f"a virtual board {real.args[0]}; give a real one with --port"))


class Target:
    """The board under test: `mpremote(...)` runs the command against it."""

    def __init__(self, port: str, virtual: bool) -> None:
        self.port = port
        self.virtual = virtual

    def mpremote(self, *arguments: str, ok: bool = True) -> str:
        """What the command printed; with `ok` it must have ended with exit code 0, else with another."""
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == ok, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + ("" if ok else done.stderr)

    def reset(self) -> None:
        """A hard reset; returns when the board has had the time to come up, for what is sent to it meanwhile is lost."""
        self.mpremote("reset")
        time.sleep(0.5 if self.virtual else 3)

    def run(self, code: str) -> str:
        """Executes `code` on the board without a soft reset before, and gives what it printed."""
        return self.mpremote("resume", "exec", code)

    def listing(self, folder: str = FOLDER) -> list[str]:
        """The names in a folder of the board, sorted."""
        return sorted(self.run(f"import os\nfor name in os.listdir('{folder}'): print(name)").split())

    def wait_for(self, name: str, content: str, within_s: float = 20.0) -> None:
        """Waits until a program on the board has written `content` to hil/`name`; looks without stopping it for long."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            time.sleep(0.2 if self.virtual else 0.5)
            if self.run(f"try: print(open('{FOLDER}/{name}').read())\nexcept OSError: pass").strip() == content:
                return
        pytest.fail(f"{FOLDER}/{name} never held {content!r}")


@pytest.fixture(scope="session")
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, bool]]:
    """(port, whether it is a virtual board's)"""
    given = request.config.getoption("--port")
    if given:
        yield given, False
        return
    if find_spec("micropython_run") is None:
        pytest.skip("no --port, and the MicroPython VM's wheel exists for Linux x86-64 only")
    image = tmp_path_factory.mktemp("hil") / "board.img"
    build_image(image, firmware_files())
    with Board(image, runtime="micropython") as board:
        yield board.port, True


@pytest.fixture
def target(port: tuple[str, bool]) -> Iterator[Target]:
    """The board, interrupted and soft reset, with an empty folder `hil`."""
    board = Target(*port)
    board.mpremote("exec", f"import os\nif '{FOLDER}' not in os.listdir(): os.mkdir('{FOLDER}')")
    yield board
    board.mpremote("fs", "rm", "-r", f":{FOLDER}")


@pytest.fixture
def main_py(target: Target, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """main_py(text) puts a main.py on the board; what was there is back afterwards."""
    keep = tmp_path / "main_before.py"
    had = "main.py" in target.listing("/")
    if had:
        target.mpremote("fs", "cp", ":main.py", str(keep))

    def put(text: str) -> None:
        (tmp_path / "main_hil.py").write_text(text)
        target.mpremote("fs", "cp", str(tmp_path / "main_hil.py"), ":main.py")

    yield put
    if had:
        target.mpremote("fs", "cp", str(keep), ":main.py")
    else:
        target.mpremote("fs", "rm", ":main.py")
