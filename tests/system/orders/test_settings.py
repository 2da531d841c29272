"""Settings the whole way: pushed by the command, kept by a real remote, handed out by a real relay, taken by a virtual board."""

import re
import socket
from pathlib import Path

from gridecho.quantities import CONFIG_VERSION, ORDER_FAILED
from gridecho_board import Board
from gridecho_flash.image import read_file

from tests.rigs.orders_site import Site, off
from tests.rigs.waiting import wait_for

PASSWORD = "the password of house fourteen's Wi-Fi"


def boots(board: Board) -> int:
    return sum(line.startswith("boot sensor=") for line in board.lines())


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
