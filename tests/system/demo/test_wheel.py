"""What a user installs: the built wheel in an empty environment, outside the checkout, runs the demo."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.rigs.places import REPOSITORY

_HANG_S = 600  # packages come over the network


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Nothing of the checkout or its environment may help.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_HANG_S,
        check=False,
    )


def install(environment: Path, what: str) -> None:
    """Makes an environment and installs `what` in it: by uv where it is, which takes seconds; else by pip."""
    uv = Path(sys.executable).with_name("uv")
    found = str(uv) if uv.exists() else shutil.which("uv")
    python = environment / "bin" / "python"
    if found:
        steps = [
            (found, "venv", "--python", sys.executable, environment),
            (found, "pip", "install", "--python", python, what),
        ]
    else:
        steps = [
            (sys.executable, "-m", "venv", environment),
            (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", what),
        ]
    for step in steps:
        done = run(*step, cwd=environment.parent)
        assert done.returncode == 0, done.stderr


def test_the_wheel_runs_the_demo_in_an_empty_environment(tmp_path: Path) -> None:
    built = run(
        sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=REPOSITORY
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("gridecho-*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    files = [
        path for path in (REPOSITORY / "host" / "remote" / "gridecho_remote" / "static").rglob("*") if path.is_file()
    ]
    assert {str(path.relative_to(REPOSITORY / "host" / "remote")) for path in files} <= set(inside)
    assert "gridecho_remote/translations/zh/LC_MESSAGES/messages.po" in inside
    assert any(
        name.endswith("licenses/host/remote/gridecho_remote/static/vendor/uplot-1.6.32/LICENSE") for name in inside
    )
    install(tmp_path / "empty", f"{wheel}[demo]")
    python = tmp_path / "empty" / "bin" / "python"
    where = run(python, "-c", "import gridecho, gridecho_demo; print(gridecho.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(tmp_path)), where

    arguments = ("--for", "12", "--apart-ms", "150", "--json", "out.json", "--send-limit-ms", "60000", "--sensors", "4")
    ran = run(tmp_path / "empty" / "bin" / "gridecho", "demo", *arguments, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-4000:]
    counts = json.loads((tmp_path / "out.json").read_text())
    assert counts["readings_generated"] == counts["readings_at_remote"] == 4 * 12
    assert counts["lost"] == counts["duplicates"] == counts["value_mismatches"] == 0
