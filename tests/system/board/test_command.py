"""The commands `gridecho board` and `gridecho flash image`, as a user types them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho_cli import main
from gridecho_common.secrets import write_secret
from gridecho_flash.image import locked, read_file, read_image

from tests.rigs.ptys import Pty
from tests.rigs.waiting import HANG_S

CONFIG = {
    "sensor_id": 7,
    "period_ms": 50,
    "relays": [{"id": 1, "host": "127.0.0.1", "port": 9}],
    "meter": {"type": "replay", "file": "series.csv"},
}
SERIES = "1-0:1.8.0,1-0:1.7.0\n100,200\n101,210\n"


@pytest.fixture
def made(tmp_path: Path) -> list[str]:
    """The arguments of `gridecho flash image` for a whole sensor; the image is tmp_path/board.img."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "series.csv").write_text(SERIES)
    write_secret(tmp_path / "sensor.key", bytes(range(32)))
    arguments = ["flash", "image", "-o", f"{tmp_path}/board.img", "--config", f"{tmp_path}/config.json"]
    return [*arguments, "--key", f"{tmp_path}/sensor.key", "--file", f"series.csv={tmp_path}/series.csv"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_flash_image_puts_everything_on_the_board(made: list[str], tmp_path: Path) -> None:
    code, said = run(*made)
    assert (code, said.count("\n")) == (0, 1)
    assert bytes(range(32)).hex() not in said
    files = read_image(tmp_path / "board.img")
    assert files["key"] == bytes(range(32))
    assert time.time() - 100 < int(files["epoch"]) <= time.time()
    assert json.loads(files["config.json"]) == CONFIG
    assert files["series.csv"].decode() == SERIES
    assert "lib/gridecho_node/app.mpy" in files
    assert "lib/gridecho_node/app.py" not in files


@pytest.mark.parametrize("ascii_only", [False, True])
def test_names_beyond_the_bmp_are_the_bytes_that_were_typed(made: list[str], tmp_path: Path, ascii_only: bool) -> None:
    wifi = {"ssid": "Caf\u00e9 \U0001f4f6", "password": "\U0001f511\u5bc6"}
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "wifi": wifi}, ensure_ascii=ascii_only))
    assert run(*made)[0] == 0
    written = read_image(tmp_path / "board.img")["config.json"]
    assert all(word.encode() in written for word in wifi.values())
    assert json.loads(written)["wifi"] == wifi
    for wrong in (b'"\\ud83d"', b'"\xe9"'):
        (tmp_path / "config.json").write_bytes(
            json.dumps({**CONFIG, "wifi": {"ssid": "@"}}).encode().replace(b'"@"', wrong)
        )
        code, said = run(*made, "--replace")
        assert (code, said.count("\n")) == (2, 1)
        assert "expected UTF-8 text, without halves of surrogate pairs" in said


def test_an_image_is_not_replaced_unasked_or_under_a_board(made: list[str], tmp_path: Path) -> None:
    assert run(*made)[0] == 0
    code, said = run(*made)
    assert (code, "--replace" in said) == (2, True)
    with locked(tmp_path / "board.img"):
        code, said = run(*made, "--replace")
        assert (code, "a board runs on it" in said) == (2, True)
    assert run(*made, "--replace")[0] == 0


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (["--file", "series.csv"], "PATH=FILE was expected"),
        (["--file", "a=/nix/da"], "/nix/da: No such file"),
        (["--file", "big={tmp}/big"], "do not fit"),
        (["-o", "{tmp}/none/a.img"], "a.img: its folder cannot be written to (No such file or directory)"),
        (["--config", "{tmp}/wrong.json"], 'wrong.json: unknown key "sensor": expected one of'),
        (["--config", "{tmp}/none.json"], "none.json: the file: expected JSON"),
        (["--key", "{tmp}/open.key"], "chmod 600"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    made: list[str], tmp_path: Path, extra: list[str], expected: str
) -> None:
    (tmp_path / "big").write_bytes(bytes(3_000_000))
    (tmp_path / "wrong.json").write_text('{"sensor": 1}')
    (tmp_path / "none.json").write_text("{")
    (tmp_path / "open.key").write_text("00" * 32)
    (tmp_path / "open.key").chmod(0o644)
    code, said = run(*made, *[item.format(tmp=tmp_path) for item in extra])
    assert code == 2
    assert expected in said
    assert said.count("\n") == 1
    assert not (tmp_path / "board.img").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--image", "{tmp}/nix.img"], "gridecho flash image -o"),
        (["--image", "{tmp}/junk.img", "--runtime", "cpython"], "not a littlefs2 image"),
        (["--image", "{tmp}/junk.img", "--heap", "12"], "at least 32k"),
    ],
)
def test_board_says_what_is_wrong(tmp_path: Path, arguments: list[str], expected: str) -> None:
    (tmp_path / "junk.img").write_bytes(b"junk" * 4096)
    code, said = run("board", *[item.format(tmp=tmp_path) for item in arguments])
    assert code == 2
    assert expected in said


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("vm")
def test_the_firmware_itself_runs_until_ctrl_c(
    made: list[str], tmp_path: Path, runtime: str, number: signal.Signals
) -> None:
    assert run(*made, *(["--source"] if runtime == "cpython" else []))[0] == 0
    image, link = tmp_path / "board.img", tmp_path / "port"
    begun = int(read_file(image, "epoch") or b"")
    command = [sys.executable, "-m", "gridecho_cli", "board", "--image", str(image), "--runtime", runtime]
    with subprocess.Popen(
        [*command, "--link", str(link), "--console", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = ""
        booted = False
        while not (port and booted):  # the board's console and the command write side by side
            line = process.stdout.readline()
            assert line, "ended too early"
            if line.startswith("{"):
                port = json.loads(line)["port"]
                assert json.loads(line)["runtime"] == runtime
            booted = booted or line.startswith("boot sensor=7 epoch=")
        assert str(link.readlink()) == port
        pty = Pty(port)
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(HANG_S) == 0
    assert not link.is_symlink()
    assert pty.is_gone()
    assert int(read_file(image, "epoch") or b"") == begun + 1
