"""What a user installs: the built wheel in an empty environment, outside the checkout, runs the demo for 20 s."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY


def run(*command: object, cwd: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    # Nothing of the checkout or its environment may help.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.mark.slow
def test_the_wheel_runs_the_demo_in_an_empty_environment(tmp_path: Path) -> None:
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    built = run(
        sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, REPOSITORY, cwd=tmp_path, timeout_s=300
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("gridecho-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    installed = run(python, *pip, "install", f"{wheel}[demo]", cwd=tmp_path, timeout_s=600)
    assert installed.returncode == 0, installed.stderr
    where = run(python, "-c", "import gridecho, gridecho_demo; print(gridecho.__file__)", cwd=tmp_path, timeout_s=60)
    assert where.stdout.startswith(str(tmp_path)), where

    arguments = ("--for", "20", "--json", "out.json", "--send-limit-ms", "2000", "--sensors", "4")
    ran = run(tmp_path / "empty" / "bin" / "gridecho", "demo", *arguments, cwd=tmp_path, timeout_s=180)
    assert ran.returncode == 0, ran.stderr[-4000:]
    counts = json.loads((tmp_path / "out.json").read_text())
    assert counts["readings_generated"] == counts["readings_at_remote"] == 4 * 20
    assert counts["lost"] == counts["duplicates"] == counts["value_mismatches"] == 0
