"""A flood of junk beside a hundred sensors; tests/long has a minute of it, and judges how soon they are served."""

from tests.rigs.durability.junk_flood import check_junk
from tests.rigs.hostile.datagrams import check_datagrams


def test_junk_is_not_answered_and_hinders_nobody(tmp_path):
    check_junk(tmp_path, junk_per_s=10_000, junk=25_000, data_per_s=400, data=1_000)


def test_mutated_datagrams_are_answered_if_they_are_proven_only_and_hinder_nobody(tmp_path):
    check_datagrams(tmp_path, 10_000, seed=1)
