"""A relay under strace: no ACK before its commit is on disk, and a cut of the power between any two syncs loses nothing."""

import sys

import pytest

from tests.rigs import trace
from tests.rigs.durability.ack_order import check_acks, commits_before_acks
from tests.rigs.durability.power_cuts import EACH, check_cuts, cuts, lost, share_for
from tests.rigs.places import REPOSITORY
from tests.rigs.recording import Recording, record

DATA, IMAGES = 3_000, 600
pytestmark = trace.needed


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("recording"), DATA)


def test_no_ack_leaves_before_the_sync_of_its_commit_returned(recording):
    assert len(recording.load.acked) == DATA
    check_acks(recording)


def test_no_cut_of_the_power_loses_what_was_acknowledged(recording, scratch):
    check_cuts(recording, scratch, EACH, share_for(recording, EACH, IMAGES))


def test_both_tests_find_a_relay_that_does_not_sync_its_commits(tmp_path, scratch):
    recording = record(tmp_path, 1_500, [sys.executable, str(REPOSITORY / "tests/rigs/unsynced_relay.py")])
    assert any(lost(recording, cut, scratch) for cut in cuts(recording, EACH, share_for(recording, EACH, 90)))
    _, early = commits_before_acks(recording)
    assert len(early) > 1_000
