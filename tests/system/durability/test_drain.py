"""The remote was away and comes back; tests/long has the backlog of a whole day, and judges how soon it is gone."""

from tests.rigs.durability.drain import check_drain


def test_a_backlog_drains_while_new_data_is_acknowledged(tmp_path):
    check_drain(tmp_path, sensors=100, per_sensor=600)
