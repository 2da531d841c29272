"""A small store fills, flushes and goes on, and its remote is killed and started at random."""

import random
import time

import pytest

from tests.rigs.load import Load
from tests.rigs.processes import WHOLE, RelayProcess, RemoteProcess, frames_in, frames_left
from tests.rigs.waiting import wait_for

FLUSHES = 100 if WHOLE else 6
SENSORS = range(1, 31)


def held(relay: RelayProcess) -> dict[bytes, int]:
    """What the index must say of a relay that has nothing to send at once: generation times by data id."""
    return {frame[4:16]: int.from_bytes(frame[16:20], "big") for frame in frames_in(relay.database)}


@pytest.mark.slow
def test_the_store_fills_and_flushes_while_the_remote_comes_and_goes(tmp_path, scratch):
    chance = random.Random(3)
    limits = {"store_bytes": 60_000, "threshold_bytes": 15_000, "buffer_bytes": 30_000, "outbox_bytes": 60_000}
    relay = RelayProcess(tmp_path / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(tmp_path / "remote", relay.secret, SENSORS)
    relay = RelayProcess(tmp_path / "relay", remote.url, **limits)
    load = Load(SENSORS, relay.port, window=40, rate=4_000, again=0.1)
    kills, begun = 0, time.monotonic()
    try:
        remote.start()
        relay.start()
        load.start()
        next_kill = 2
        while (flushes := int(str(relay.report()["flushes"]))) < FLUSHES:
            assert time.monotonic() < begun + 30 + 6 * FLUSHES, f"only {flushes} flushes"
            if flushes >= next_kill:
                next_kill = flushes + chance.randint(1, 4)
                time.sleep(chance.random() * 0.3)
                remote.kill()
                kills += 1
                # Long enough, now and then, that the buffer fills, too, and sensors are told so.
                time.sleep(chance.choice((0.0, 0.5, 2.0)))
                remote.start()
            time.sleep(0.01)
        load.finish(60)
        # The remote names what is held here, and nothing else.
        wait_for(lambda: not relay.report()["outbox"], "the end of what is sent at once")
        wait_for(lambda: remote.index() == held(relay), "an index that says what the relay holds")
        indexed = len(remote.index())
        assert indexed > 0
        relay.flush()
        wait_for(lambda: not remote.index(), "an empty index")
        stored = remote.stored()
        relay.stop()
        assert frames_left(relay.data_dir, scratch) == []
    finally:
        load.stop()
        relay.close()
        remote.close()
    assert kills >= FLUSHES // 6
    assert set(load.acked) == set(load.frames) == stored
    assert remote.quarantined() == 0
    assert load.replies["strange"] == 0
    relay.check_log()
    print(
        f"\nfill: {flushes} flushes in {time.monotonic() - begun:.0f} s, the remote killed {kills} times; {len(stored)} data are "
        f"there once, {load.replies['busy']} times busy; the index named {indexed} data, as the relay held"
    )
