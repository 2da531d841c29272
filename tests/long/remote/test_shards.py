"""Remotes and data servers that die, at length: tests/system/remote has it in short."""

import pytest

from tests.rigs.postgres import folder_of_programs
from tests.rigs.shards import check_load


@pytest.mark.skipif(folder_of_programs() is None, reason="PostgreSQL is not installed (Debian: postgresql)")
def test_nothing_is_lost_or_doubled_over_many_deaths(tmp_path):
    check_load(tmp_path, kills=100, every_s=3.0, restarts=20)
