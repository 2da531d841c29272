"""A flood of junk beside a hundred sensors; tests/long has a minute of it, and judges how soon they are served."""

from tests.rigs.durability.junk_flood import check_junk


def test_junk_is_not_answered_and_hinders_nobody(tmp_path):
    check_junk(tmp_path, junk_per_s=10_000, junk=25_000, data_per_s=400, data=1_000)
