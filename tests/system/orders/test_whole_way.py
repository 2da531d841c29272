"""Orders the whole way: pushed by the command, kept by a real remote, handed out by a real relay, taken over by a virtual board."""

import re
import socket
from pathlib import Path

from click.testing import CliRunner
from gridecho.fileset import pack_set
from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, ORDER_FAILED
from gridecho_board import Board
from gridecho_flash.command import flash as flash_command
from gridecho_flash.image import compile_mpy, read_file
from gridecho_flash.manifest import firmware_root

from tests.rigs.orders_site import Site, firmware
from tests.rigs.waiting import wait_for

PASSWORD = "the password of house fourteen's Wi-Fi"
APP = "lib/gridecho_node/app.mpy"


def changed_app(old: str, new: str) -> bytes:
    """A firmware set whose app module is changed so."""
    source = (firmware_root() / "lib/gridecho_node/app.py").read_text()
    assert old in source
    app = compile_mpy(source.replace(old, new, 1).encode(), "lib/gridecho_node/app.py")
    files = {path: content for path, content in firmware().items() if path.startswith("lib/")}
    return pack_set(files | {APP: app})


def boots(board: Board) -> int:
    return sum(line.startswith("boot sensor=") for line in board.lines())


def off(board: Board) -> None:
    """Power off, but not between the acknowledgement that ends a trial and the flash that says so."""
    for _ in range(2):
        board.wait_line("status", after=board.line_count)
    board.stop()


def test_settings_take_effect(site: Site) -> None:
    board = site.board(11)
    version = site.push_config(11, site.config(11, period_ms=150))
    assert site.order_state(11, version) == "waiting"
    board.wait_line("order restart")
    wait_for(lambda: site.order_state(11, version) == "taken")
    assert site.state(11)[CONFIG_VERSION] == version
    assert site.state(11)[ORDER_FAILED] == 0
    # A reading each 150 ms, not each second, as the readings themselves say.
    first = site.readings(11)
    wait_for(lambda: site.readings(11) >= first + 30)
    off(board)
    assert b'"period_ms": 150' in (read_file(board.image, "config.json") or b"")
    for name in ("trial", "config.new", "order.part", "order.head"):
        assert read_file(board.image, name) is None
    assert read_file(board.image, "key") == site.roots[11]


def test_relays_that_cannot_be_reached_are_taken_back(site: Site) -> None:
    board = site.board(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        nowhere = {"id": 9, "host": "127.0.0.1", "port": silent.getsockname()[1]}
        version = site.push_config(12, site.config(12, relays=[nowhere], trial_s=3))
        wait_for(lambda: site.order_state(12, version) == "failed")
    assert site.state(12)[ORDER_FAILED] == version
    assert site.state(12)[CONFIG_VERSION] == 0
    before = site.readings(12)
    wait_for(lambda: site.readings(12) > before)
    assert boots(board) == 3  # at first, on trial, and back
    # What was taken back is not fetched again; a newer order is.
    newer = site.push_config(12, site.config(12, period_ms=500))
    wait_for(lambda: site.order_state(12, newer) == "taken")
    off(board)


def test_firmware_runs_from_the_other_slot(site: Site) -> None:
    board = site.board(13)
    version = site.push_firmware(13, changed_app("boot sensor=", "boot second sensor="))
    board.wait_line("boot second sensor=13")
    wait_for(lambda: site.order_state(13, version) == "taken")
    assert site.state(13)[FIRMWARE_VERSION] == version
    # And once more, into the first slot again.
    third = site.push_firmware(13, changed_app("boot sensor=", "boot third sensor="))
    board.wait_line("boot third sensor=13")
    wait_for(lambda: site.order_state(13, third) == "taken")
    seen = board.line_count
    board.reset()
    board.wait_line("boot third sensor=13", after=seen)
    board.wait_line("acked", after=seen)
    off(board)
    assert (read_file(board.image, "slot") or b"").strip() == b"lib"
    assert read_file(board.image, "trial") is None


def test_firmware_that_does_not_start_gives_way_to_the_old(site: Site) -> None:
    board = site.board(14)
    version = site.push_firmware(14, changed_app("import random", "import random\nimport nowhere_at_all"))
    board.wait_line("nowhere_at_all")
    wait_for(lambda: site.order_state(14, version) == "failed")
    assert site.state(14)[ORDER_FAILED] == version
    assert site.state(14)[FIRMWARE_VERSION] == 0
    before = site.readings(14)
    wait_for(lambda: site.readings(14) > before)
    # The board is as good as new: the next one is taken.
    newer = site.push_firmware(14, changed_app("boot sensor=", "boot mended sensor="))
    board.wait_line("boot mended sensor=14")
    wait_for(lambda: site.order_state(14, newer) == "taken")
    off(board)


def test_a_set_that_gridecho_flash_packs_is_taken(site: Site, tmp_path: Path) -> None:
    board = site.board(17)
    done = CliRunner().invoke(flash_command, ["package", "-o", str(tmp_path / "firmware.set")])
    assert done.exit_code == 0, done.output
    version = site.push_firmware(17, (tmp_path / "firmware.set").read_bytes())
    wait_for(lambda: site.order_state(17, version) == "taken")
    off(board)
    assert (read_file(board.image, "slot") or b"").strip() == b"lib_b"


def test_an_order_that_was_had_before_is_not_taken_again(site: Site) -> None:
    board = site.board(15)
    first = site.push_config(15, site.config(15, period_ms=900))
    wait_for(lambda: site.order_state(15, first) == "taken")
    second = site.push_config(15, site.config(15, period_ms=700))
    wait_for(lambda: site.order_state(15, second) == "taken")
    starts = boots(board)
    # A relay that kept the first, or a remote whose database was put back: the same bytes are offered once more.
    with site.archive.writing() as connection:
        connection.execute("UPDATE orders SET state = 'waiting' WHERE sensor_id = 15 AND version = ?", (first,))
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'orders_version'")
    wait_for(lambda: site.relay_report()["orders_waiting"], "the order at the relay")
    # The sensor is told with every acknowledgement that there is an order, and looks once the first is had.
    after = board.line_count
    for _ in range(3):
        board.wait_line("acked", after=after)
        after = board.line_count
    assert boots(board) == starts
    off(board)
    assert b'"period_ms": 700' in (read_file(board.image, "config.json") or b"")
    with site.archive.writing() as connection:
        connection.execute("UPDATE orders SET state = 'taken' WHERE sensor_id = 15")
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'orders_version'")


def memory_of(pid: int) -> bytes:
    """What the process has in its writable memory."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if span:
                begin, end = (int(number, 16) for number in span.groups())
                try:
                    memory.seek(begin)
                    found.append(memory.read(end - begin))
                except (OSError, OverflowError, ValueError):
                    continue  # a mapping that no one may read
    return b"".join(found)


def test_a_relay_never_has_the_wifi_password(site: Site) -> None:
    board = site.board(16)
    # The SSID is empty, so the board joins nothing; the password is in the order all the same.
    version = site.push_config(16, site.config(16, wifi={"password": PASSWORD}))
    wait_for(lambda: site.order_state(16, version) == "taken")
    off(board)
    assert PASSWORD.encode() in (read_file(board.image, "config.json") or b"")
    kept = memory_of(site.relay.pid)
    assert b"127.0.0.1" in kept, "the relay's memory was read"
    assert PASSWORD.encode() not in kept
    for path in (site.folder / "data").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
    for name in ("relay.log", "remote.log", "remote.sqlite", "remote.sqlite-wal"):
        assert PASSWORD.encode() not in (site.folder / name).read_bytes()
