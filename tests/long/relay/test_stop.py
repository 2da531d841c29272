"""SIGTERM ends a relay within 5 s, as docs/relay.md says; that it ends well is in tests/system/relay."""

import time

import pytest

from tests.rigs.stopping import REMOTES, check_stop, terminate

MOST_S = 5.0


@pytest.mark.parametrize("remote_is", REMOTES)
def test_it_ends_in_time_under_load_in_the_middle_of_a_flush(workshop, remote_is):
    took_s = []

    def stop(process):
        begun_s = time.monotonic()
        terminate(process)
        took_s.append(time.monotonic() - begun_s)

    check_stop(workshop, remote_is, stop)
    assert took_s[0] < MOST_S
