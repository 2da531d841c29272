"""The same as in tests/system/relay, a million times."""

import pytest

from tests.rigs.hostile.bodies import check_relay
from tests.rigs.workshop import RELAY_ID, Workshop


@pytest.mark.parametrize("seed", range(10))
def test_a_million_bodies(workshop: Workshop, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    relay = workshop.relay(pull_url="http://127.0.0.1:9", group_url="http://127.0.0.1:9", heartbeat_every_s=3600)
    check_relay(relay.status_url, RELAY_ID, workshop.remote.secret, 100_000, seed, caplog)
