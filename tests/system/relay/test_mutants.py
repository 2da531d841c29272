"""A relay's address takes whatever a hostile person brings; tests/long has a million of these."""

import pytest

from tests.rigs.hostile.bodies import check_relay
from tests.rigs.workshop import RELAY_ID, Workshop


def test_ten_thousand_bodies(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    relay = workshop.relay(pull_url="http://127.0.0.1:9", group_url="http://127.0.0.1:9", heartbeat_every_s=3600)
    check_relay(relay.status_url, RELAY_ID, workshop.remote.secret, 10_000, 1, caplog)
