"""`gridecho flash` and what is at a port: nothing, something else, too little, a network; and what it says then."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from gridecho_board import Board
from gridecho_flash.image import read_image
from gridecho_flash.link import Link

from tests.rigs.flash_site import blank, flash, power_off
from tests.rigs.rfc2217 import Server
from tests.rigs.waiting import wait_for


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--port": "/dev/nowhere"}, "cannot be opened"),
        ({"--port": "socket://127.0.0.1:1"}, "cannot be opened"),
        ({"--enrol": "/nowhere"}, "/nowhere: "),
        ({"--config": "no.json"}, "no.json: cannot be read"),
        ({"--file": "meter.csv"}, "PATH=FILE was expected"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(begun, change: dict[str, str], said: str) -> None:  # type: ignore[no-untyped-def]
    _, _, words = begun()
    words.remove("--json")
    for name, value in change.items():
        words[words.index(name) + 1] = value
    output = flash(*words, code=2)
    errors = [line for line in output.splitlines() if line.startswith("gridecho flash: ")]
    assert len(errors) == 1
    assert said in errors[0]


def test_a_wrong_setting_names_file_key_and_what_was_expected(begun, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, _, words = begun(settings={"period_ms": 3})
    output = flash(*words[:1], *words[2:], code=2)
    assert "config.json: period_ms: expected" in output


def test_a_port_without_an_interpreter(tmp_path: Path) -> None:
    master, slave = os.openpty()  # takes what is typed and never answers
    try:
        output = flash("find", "--port", os.ttyname(slave), code=2)
        assert "no MicroPython answers; write one with: gridecho flash interpreter" in output
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_that_another_program_has_for_a_moment(new_board) -> None:  # type: ignore[no-untyped-def]
    board = new_board()
    other = serial.Serial(board.port, exclusive=True)
    assert "no other program on it?" in flash("find", "--port", board.port, code=2)  # it keeps it
    threading.Timer(0.5, other.close).start()
    (row,) = flash("find", "--port", board.port, "--json")
    assert row["sensor"] is None


def test_two_boards_with_the_same_id_are_refused(begun, new_board, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    flash(*words)
    image = power_off(board)
    twin = blank(tmp_path / "twin.img")
    twin.write_bytes(image.read_bytes())
    with Board(image, runtime="micropython") as one, Board(twin, runtime="micropython") as two:
        said = flash("upgrade", "--port", one.port, "--port", two.port, code=2)
        assert f"are both sensor {sensor_id}" in said
        wait_for(lambda: one.restarts and two.restarts)  # and they go on


def test_flash_that_is_too_small_is_told_before_anything_is_written(begun, new_board) -> None:  # type: ignore[no-untyped-def]
    _, _, words = begun()
    small = new_board(64)
    words[words.index("--port") + 1] = small.port
    (done,) = flash(*words, code=1)
    assert "bytes of flash are needed" in done["problem"]
    assert read_image(power_off(small)) == {}


@pytest.fixture
def bridge() -> Iterator[Callable[[str], str]]:
    """bridge(pty) -> a socket:// URL that leads to it, as ser2net gives."""
    ends: list[socket.socket] = []

    def serve(server: socket.socket, path: str) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
            with client:
                try:
                    while True:
                        ready, _, _ = select.select([client, fd], [], [])
                        data = client.recv(4096) if client in ready else b""
                        if client in ready and not data:
                            break
                        os.write(fd, data)
                        if fd in ready:
                            client.sendall(os.read(fd, 4096))
                except OSError:
                    pass
            os.close(fd)

    def make(path: str) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        ends.append(server)
        threading.Thread(target=serve, args=(server, path), daemon=True).start()
        return f"socket://127.0.0.1:{server.getsockname()[1]}"

    yield make
    for end in ends:
        end.shutdown(socket.SHUT_RDWR)
        end.close()


def test_a_board_over_tcp(begun, bridge: Callable[[str], str]) -> None:  # type: ignore[no-untyped-def]
    board, _, words = begun()
    words[words.index("--port") + 1] = bridge(board.port)
    assert "relay 1" in flash(*words)[0]["route"]
    assert flash(*words)[0]["copied"] == []


def test_a_board_over_rfc2217(begun) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    with Server(board.port) as server:
        words[words.index("--port") + 1] = server.url
        assert "relay 1" in flash(*words)[0]["route"]
        assert flash(*words)[0]["copied"] == []
        (row,) = flash("find", "--port", server.url, "--json")
        assert (row["sensor"], row["firmware"]) == (sensor_id, "this version")
        flash("erase", "--port", server.url, "--yes")
        assert server.served >= 4
    assert "cannot be opened" in flash("find", "--port", server.url, code=2)  # nobody is there any more


@pytest.mark.parametrize(
    "port",
    [
        "rfc2217://127.0.0.1",
        "rfc2217://127.0.0.1:99999",
        "rfc2217://127.0.0.1:1?nonsense=1",
        "socket://127.0.0.1",
        "socket://",
        "nonsense://x",
        "spy://",
        "alt://x?class=None",
        "hwgrep://no such board",
        "cp2110://0001:0000:00",
        "loop://?logging=x",
        "",
        "/dev/\0",
        "/",
    ],
)
def test_any_port_that_cannot_be_opened_is_one_sentence(port: str) -> None:
    said = flash("find", "--port", port, code=2)
    assert [line.startswith("gridecho flash: ") for line in said.splitlines()] == [True]


def test_a_telnet_server_that_knows_no_rfc2217_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = flash("find", "--port", f"rfc2217://127.0.0.1:{silent.getsockname()[1]}?timeout=0.2", code=2)
    assert "cannot be opened" in said


@pytest.mark.parametrize(("mode", "said"), [(0o660, "its group"), (0o600, "chgrp dialout")])
def test_a_port_of_another_user_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, said: str
) -> None:
    master, slave = os.openpty()
    port = tmp_path / "ttyUSB0"
    port.symlink_to(os.ttyname(slave))
    os.fchmod(slave, mode)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: str(path) != str(port) and access(path, how))
    (tmp_path / "mpy.bin").write_bytes(b"\xe9\x03\x02\x20" + bytes(120))
    for words in (["find"], ["interpreter", "--image", tmp_path / "mpy.bin"]):
        output = flash(*words, "--port", port, code=2)
        assert output.count("\n") == 1
        assert all(word in output for word in (said, "dialout", "sudo usermod -aG", "log in again"))
        assert "plugged in" not in output
    os.close(master)
    os.close(slave)


def test_find_tells_what_is_there(begun) -> None:  # type: ignore[no-untyped-def]
    board, sensor_id, words = begun()
    (row,) = flash("find", "--port", board.port, "--json")
    assert (row["sensor"], row["firmware"]) == (None, "none")
    flash(*words)
    (row,) = flash("find", "--port", board.port, "--json")
    assert (row["sensor"], row["firmware"]) == (sensor_id, "this version")


def test_a_watchdog_does_not_bite_while_the_sensor_is_stopped(begun) -> None:  # type: ignore[no-untyped-def]
    board, _, words = begun(settings={"watchdog_s": 1})
    flash(*words)
    with Link(board.port) as link:
        link.look([])
        before = board.restarts
        link.run("import time\ntime.sleep(1.5)")
        assert link.run("print(6 * 7)").strip() == "42"
        assert board.restarts == before
