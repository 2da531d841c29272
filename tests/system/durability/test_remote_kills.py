"""kill -9 of a remote again and again; tests/long has thirty times as many, and two remotes before one PostgreSQL server."""

from tests.rigs.durability.remote_kills import check_remote_kills


def test_kills_of_a_remote_lose_nothing_and_double_nothing(tmp_path, scratch):
    check_remote_kills(tmp_path, scratch, kills=6, seed=1)
