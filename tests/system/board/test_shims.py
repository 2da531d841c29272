"""The shims offer what a board offers and nothing else, and do the same on both runtimes."""

import ast
import re
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import gridecho_board
import pytest
from gridecho_board import Board

SHIMS = Path(gridecho_board.__file__).parent / "shims"
ON_BOTH = pytest.mark.parametrize("runtime", ["micropython", "cpython"])


def public_names(source: str) -> set[str]:
    """Top-level names, and Class.name for what classes hold, without those that begin with an underscore."""
    names = set()
    for node in ast.parse(source).body:
        for name in bound(node):
            names.add(name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for inner in node.body for name in bound(inner)}
    return {name for name in names if not re.search(r"(^|\.)_", name)}


def bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


@pytest.mark.parametrize("module", ["machine", "network", "esp32"])
def test_shims_have_nothing_that_an_esp32_has_not(module: str) -> None:
    # micropython-esp32-stubs are made from the documentation and from a board's own modules.
    stub = next(path for path in files("micropython-esp32-stubs") or [] if str(path) == f"{module}.pyi")
    names = public_names((SHIMS / f"{module}.py").read_text())
    assert len(names) >= 10
    assert names - public_names(stub.read_text()) - {"Partition.flash"} == set()  # flash: what board_start.py hands in


MAIN = """
import machine, network, time
station = network.WLAN(network.STA_IF)
try:
    station.connect("net", "secret")
except OSError as error:
    print("radio off:", error)
station.active(True)
station.connect("net", "secret")
print("joined", network.WLAN(network.STA_IF).isconnected(), station.ifconfig()[0], station.config("ssid"))
station.disconnect()
print("left", station.isconnected(), station.status() == network.STAT_IDLE)
print("same id", station.config("mac") == machine.unique_id(), len(machine.unique_id()))
now = time.gmtime()
clock = machine.RTC().datetime()
print("clock", clock[:3] == tuple(now[:3]), len(clock))
for there in ((2024, 2, 29, 3, 23, 59, 58, 0), (2000, 3, 1, 2, 0, 0, 0, 0), (2026, 12, 31, 3, 12, 0, 0, 0)):
    machine.RTC().datetime(there)
    print("set", machine.RTC().datetime()[:7] == there[:7])
pin = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)
print("pin", pin.value(), pin.off(), pin(), machine.UART(2, baudrate=9600).read(), machine.UART(2).write(b"abc"))
machine.lightsleep(10)
machine.idle()
print("end", machine.reset_cause() == machine.PWRON_RESET, machine.freq())
"""


@ON_BOTH
def test_shims_work(make_board: Callable[..., Board], runtime: str) -> None:
    board = make_board({"main.py": MAIN}, runtime=runtime)
    board.wait_line("radio off: Wifi Not Started")
    board.wait_line("joined True 127.0.0.1 net")
    board.wait_line("left False True")
    board.wait_line("same id True 6")
    board.wait_line("clock True 8")
    board.wait_line("pin 1 None 0 None 3")
    board.wait_line("end True 160000000")
    assert board.lines().count("set True") == 3


def test_a_board_keeps_its_id_and_boards_differ(make_board: Callable[..., Board]) -> None:
    main = "import machine\nprint('id', machine.unique_id().hex())\nmachine.reset()\n"
    boards = [make_board({"main.py": main}) for _ in range(2)]
    ids = []
    for board in boards:
        first = board.wait_line("id ")
        count = board.line_count
        assert board.wait_line("id ", after=count) == first
        ids.append(first)
    assert ids[0] != ids[1]


COUNT = """
import machine
try:
    with open("boots") as file:
        boots = int(file.read())
except OSError:
    boots = 0
with open("boots", "w") as file:
    file.write(str(boots + 1))
print("boot", boots, "cause", machine.reset_cause())
"""


@ON_BOTH
@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("machine.reset()", 2),
        ("machine.soft_reset()", 5),
        ("raise SystemExit", 5),
        ("machine.deepsleep(5)", 4),
        ("machine.WDT(timeout=60)\n    while True: pass", 3),
    ],
)
def test_resets_tell_their_cause_and_keep_flash(
    make_board: Callable[..., Board], runtime: str, how: str, cause: int
) -> None:
    # What stands around it stops none of them but soft resets, which are an exception on a board too.
    main = f"""{COUNT}
if boots < 2:
  try:
    {how}
  except Exception:
    print("caught")
  finally:
    print("finally")
"""
    board = make_board({"main.py": main}, runtime=runtime)
    board.wait_line("boot 0 cause 1")
    board.wait_line(f"boot 1 cause {cause}")
    board.wait_line(f"boot 2 cause {cause}")
    assert board.restarts == 2
    assert ("finally" in board.lines()) == (cause == 5)
    assert ("MPY: soft reboot" in board.lines()) == (cause == 5)
    assert "caught" not in board.lines()


@ON_BOTH
def test_a_fed_watchdog_stays_quiet_and_survives_a_soft_reset(make_board: Callable[..., Board], runtime: str) -> None:
    main = COUNT + (
        "import time\n"
        "if boots == 0:\n"
        "    dog = machine.WDT(timeout=1500)\n"
        "    for _ in range(40):\n"
        "        dog.feed()\n"
        "        time.sleep(0.05)\n"
        "    print('fed')\n"
        "    machine.soft_reset()\n"
    )
    board = make_board({"main.py": main}, runtime=runtime)
    board.wait_line("fed")
    board.wait_line("boot 1 cause 5")
    board.wait_line("boot 2 cause 3")  # nobody feeds it any more


def test_the_reset_button(make_board: Callable[..., Board]) -> None:
    board = make_board({"main.py": COUNT + "while True: pass\n"})
    board.wait_line("boot 0 cause 1")
    board.reset()
    board.wait_line("boot 1 cause 1")
    assert board.exit_code == -9
