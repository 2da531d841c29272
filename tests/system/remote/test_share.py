"""docs/share.md, typed: its commands one after the other at a remote with readings, and what it says that they print."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode
from gridecho_remote.commands.remote import remote
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.store import enrol
from gridecho_remote.use.site import open_site

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

DOCUMENT = REPOSITORY / "docs/share.md"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
PORTS = ("8080", "8099")
ROOT, SECRET = b"r" * 32, b"s" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A remote with a home in north/city-a that has a reading an hour, from December 2025 to February 2026."""
    place = tmp_path / "remote"
    assert CliRunner().invoke(remote, ["init", "--dir", str(place)]).exit_code == 0
    site = open_site(read_remote_settings(place / "remote.toml"))
    enrol.enrol_sensor(site.archive, 7, "Mill Lane 7", "north/city-a", "residential", ROOT)
    enrol.enrol_relay(site.archive, 1, "Relay 1", SECRET)
    begin = int(datetime(2025, 12, 25, tzinfo=UTC).timestamp())
    siv, frames = Siv(keys.siv_key(ROOT, 7, 1)), []
    for seq in range(55 * 24):
        reading = Reading(begin + 3_600 * seq, {POWER_IMPORT: 500, ENERGY_IMPORT: 500 * seq})
        header = DataHeader(SEND, 1, 1, 7, 1, seq, reading.time_s)
        frames.append(seal(header, encode([reading]), siv))
    site.ingest.take(pack_batch(1, frames, Cmac(relay_keys.batch_key(SECRET, 1)))[1], site.now_ms())
    site.close()
    return place


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def test_all_that_stands_there(folder: Path, tmp_path: Path) -> None:
    bash, curl = shutil.which("bash"), shutil.which("curl")
    if not bash or not curl:
        pytest.skip("bash or curl is not installed")
    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(blocks) >= 8
    script = "".join(f"{typed}\necho @@@\n" for typed, _ in blocks)
    settings = folder / "remote.toml"
    for port in PORTS:  # others may listen on these
        free = free_port()
        script = script.replace(port, free)
        settings.write_text(settings.read_text().replace(port, free))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("gridecho", "-m gridecho_cli"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / name).chmod(0o755)
    with (tmp_path / "errors").open("w+") as errors, (tmp_path / "printed").open("w+") as printed:
        process = subprocess.Popen(
            [bash, "-eu", "-c", script],
            cwd=folder,
            env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
            stdout=printed,
            stderr=errors,
            start_new_session=True,
        )
        try:
            process.wait(2 * HANG_S)
        finally:
            if process.returncode != 0:  # what it started runs on
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    parts = (tmp_path / "printed").read_text().split("@@@\n")
    log = folder / "remote.log"
    told = (tmp_path / "errors").read_text()[-3_000:], log.read_text()[-3_000:] if log.exists() else ""
    assert process.returncode == 0, (parts[-1], *told)
    assert len(parts) == len(blocks) + 1
    for (typed, said), shown in zip(blocks, parts, strict=False):
        at = 0
        for line in said.splitlines():
            found = shown.find(line, at)
            assert found >= 0, f"{line!r} was to be printed, in its place, by:\n{typed}\nand this was:\n{shown}"
            at = found + len(line)
