"""The systemd unit in docs/relay.md: systemd takes it, and finds little that it leaves open."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY

DOCS = REPOSITORY / "docs"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_unit_of_the_docs(tmp_path):
    (unit,) = re.findall(r"```ini\n(\[Unit\].*?)```", (DOCS / "relay.md").read_text(), re.DOTALL)
    gridecho = str(Path(sys.executable).with_name("gridecho"))
    path = tmp_path / "gridecho-relay.service"
    path.write_text(unit.replace("/opt/gridecho/bin/gridecho", gridecho))
    checked = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    offline = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
    said = subprocess.run(offline, capture_output=True, text=True, check=False).stdout
    (exposure,) = re.findall(r"exposure level .*: ([0-9.]+)", said)
    assert float(exposure) < 2
