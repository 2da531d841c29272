"""`gridecho remote run` as a process."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho_remote.commands.remote import remote

from tests.rigs.waiting import HANG_S


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "r"
    assert CliRunner().invoke(remote, ["init", "--dir", str(place)]).exit_code == 0
    return place


def test_a_port_in_use_is_one_sentence_and_exit_code_2(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = folder / "remote.toml"
        config.write_text(f'listen = "127.0.0.1:{taken.getsockname()[1]}"')
        done = subprocess.run(
            [sys.executable, "-m", "gridecho_cli", "remote", "run", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
    assert done.returncode == 2
    assert "cannot listen on" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_run_serves_and_stops_cleanly(folder: Path) -> None:
    config = folder / "remote.toml"
    config.write_text('listen = "127.0.0.1:0"')
    with subprocess.Popen(
        [sys.executable, "-m", "gridecho_cli", "remote", "run", "--json", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]
            with urllib.request.urlopen(url + "login", timeout=HANG_S) as page:  # noqa: S310 - our own loopback address
                assert "Log in" in page.read().decode()
        finally:
            process.terminate()
        _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
