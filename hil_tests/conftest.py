"""A board over its port: `pytest hil_tests --port /dev/ttyUSB0 --board esp32_generic`, or without --port a virtual board.

The board is flashed, enrolled at a remote that lives as long as the tests, and stays so until the next time. A board that is
somebody's sensor is refused. main.py is put aside for a test that needs its own, and put back.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gridecho_board import Board

from hil_tests.boards import Limits, read_limits
from tests.rigs.flash_site import REGION, Site, blank, flash
from tests.rigs.vm import skip_without_vm
from tests.rigs.waiting import HANG_S

SENSOR_ID = 4_200_000_000  # of a board under test; one with another id is somebody's
FOLDER = "hil"  # on the board, made before and removed after each test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--port", help="what `mpremote connect` takes; without it a virtual board is started")
    parser.addoption("--board", help="the kind of board at --port, a name in hil_tests/boards.toml")
    parser.addoption("--wifi", default="", help="the Wi-Fi's name; its password is taken from GRIDECHO_WIFI_PASSWORD")
    parser.addoption("--host", help="this PC's address as the board sees it; else the one towards the default route")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real(reason): only a real board can show it; the reason says why")
    known = read_limits()
    if config.getoption("--port") and config.getoption("--board") not in known:
        raise pytest.UsageError(f"--board: one of {', '.join(sorted(known))} was expected (hil_tests/boards.toml)")


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
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S)
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

    def wait_for(self, name: str, content: str, within_s: float = HANG_S) -> None:
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
    skip_without_vm()
    with Board(blank(tmp_path_factory.mktemp("hil") / "board.img", 2048), runtime="micropython") as board:
        yield board.port, True


@pytest.fixture(scope="session")
def limits(request: pytest.FixtureRequest) -> Limits:
    """What is known of the board."""
    return read_limits()[request.config.getoption("--board") or "virtual"]


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, port: tuple[str, bool], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A remote and a relay on this PC, where the board can reach the relay."""
    here = Site(
        tmp_path_factory.mktemp("site"), "127.0.0.1" if port[1] else request.config.getoption("--host") or _own()
    )
    yield here
    here.stop()


def _own() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: only the address towards it is looked up
        return str(probe.getsockname()[0])


@pytest.fixture(scope="session")
def words(
    request: pytest.FixtureRequest, port: tuple[str, bool], site: Site, tmp_path_factory: pytest.TempPathFactory
) -> list[object]:
    """The arguments of `gridecho flash board` for the board under test."""
    folder = tmp_path_factory.mktemp("flash")
    wifi = {"ssid": request.config.getoption("--wifi") or ("hil" if port[1] else "")}
    wifi["password"] = os.environ.get("GRIDECHO_WIFI_PASSWORD", "")
    if not wifi["ssid"]:
        pytest.skip("the board needs a Wi-Fi to reach this PC: --wifi NAME, and its password in GRIDECHO_WIFI_PASSWORD")
    config = site.write_config(folder / "config.json", period_ms=500, wifi=wifi)
    (folder / "meter.csv").write_text("1-0:1.8.0,1-0:1.7.0\n1000,230\n1004,245\n1008,236\n")
    return [
        "--port", port[0], "--config", config, "--file", f"meter.csv={folder / 'meter.csv'}",
        "--sensor-id", SENSOR_ID, "--enrol", site.remote, "--region", REGION, "--wait", 60, "--json",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def first_run(port: tuple[str, bool], words: list[object]) -> dict[str, object]:
    """What `gridecho flash board` said when it made a sensor of the board."""
    (there,) = flash("find", "--port", port[0], "--json")
    if there["sensor"] == SENSOR_ID:  # of an earlier time, for a remote that is gone
        flash("erase", "--port", port[0], "--yes")
    elif there["sensor"] is not None:
        pytest.exit(f"{port[0]} is sensor {there['sensor']}: to test with it, erase it first: gridecho flash erase", 2)
    (done,) = flash("board", *words)
    return dict(done)


@pytest.fixture
def target(port: tuple[str, bool], first_run: dict[str, object]) -> Iterator[Target]:
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
