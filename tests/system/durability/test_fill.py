"""A small store fills, flushes and goes on, and its remote is killed and started at random; tests/long has 100 flushes."""

from tests.rigs.durability.fill import check_fill


def test_the_store_fills_and_flushes_while_the_remote_comes_and_goes(tmp_path, scratch):
    check_fill(tmp_path, scratch, flushes=6)
