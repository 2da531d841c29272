"""kill -9 of a relay again and again, now and then of its remote; tests/long has twenty times as many."""

from tests.rigs.durability.kills import check_kills


def test_kills_lose_nothing_and_double_nothing(tmp_path, scratch):
    check_kills(tmp_path, scratch, kills=10)
