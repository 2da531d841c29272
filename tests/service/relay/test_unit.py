"""The systemd unit in docs/relay.md: systemd takes it, and finds little that it leaves open."""

import re
import shutil

import pytest

from tests.rigs.places import REPOSITORY
from tests.rigs.systemd import check_unit

DOCS = REPOSITORY / "docs"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_unit_of_the_docs(tmp_path):
    (unit,) = re.findall(r"```ini\n(\[Unit\].*?)```", (DOCS / "relay.md").read_text(), re.DOTALL)
    check_unit(unit, tmp_path / "gridecho-relay.service")
