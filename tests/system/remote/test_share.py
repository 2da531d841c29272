"""docs/share.md, typed: its commands one after the other at a remote with readings, and what it says that they print."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rigs.manual_site import make_site
from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

DOCUMENT = REPOSITORY / "docs/share.md"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
PORTS = ("8080", "8099")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A remote with a home in north/city-a that has a reading an hour, from December 2025 to February 2026."""
    place = tmp_path / "remote"
    make_site(place)
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
