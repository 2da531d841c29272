"""Somebody looks at a sensor on a real board's firmware: it sends at once, and stores again once nobody does."""

import time
from pathlib import Path

import pytest

from tests.rigs.caller import Caller, make_people
from tests.rigs.live_board import RELAY, SENSOR, board_of
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in
from tests.rigs.waiting import wait_for

ROUNDS = 2


@pytest.mark.usefixtures("vm")
def test_readings_come_while_somebody_looks_and_wait_on_the_relay_before_and_after(scratch: Path) -> None:
    relay = RelayProcess(scratch / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(scratch / "remote", {RELAY: relay.secret}, [SENSOR])
    relay = RelayProcess(scratch / "relay", remote.url, relay_id=RELAY)
    with remote.archive() as archive:
        (name,) = make_people(archive, 1, SENSOR)
    board = board_of(scratch, relay.port)

    def stores() -> bool:
        """Whether of what is made now three readings in a row wait on the relay."""
        here, held = remote.count(), len(frames_in(relay.database))
        wait_for(lambda: len(frames_in(relay.database)) + remote.count() >= here + held + 3, "three readings")
        return remote.count() == here

    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == 1, "the keys")
        caller = Caller(remote.url, name)
        board.start()
        wait_for(stores, "the sensor's storing")
        for _ in range(ROUNDS):
            newest = int(time.time())
            since = caller.readings(SENSOR, wait=0)["as_of"]

            def came(newest: int = newest, since: int = since) -> list[int]:
                """The times of readings that were made after somebody began to look, and came."""
                answer = caller.readings(SENSOR, stored_since=since, live=1)
                assert answer["live"] is True
                return [one["time"] for one in answer["readings"] if one["time"] > newest]

            wait_for(came, "a reading as it is made", every_s=0.5)
            wait_for(lambda: len(came()) >= 3, "readings as they are made", every_s=0.5)
            wait_for(stores, "the sensor's storing")
    finally:
        board.stop()
        relay.close()
        remote.close()
