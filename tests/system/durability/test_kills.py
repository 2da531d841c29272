"""kill -9 of a relay again and again, now and then of its remote: all that was acknowledged is on disk or at the remote."""

import random
import time
from pathlib import Path

import pytest

from tests.rigs.load import Load
from tests.rigs.processes import WHOLE, RelayProcess, RemoteProcess, frames_left
from tests.rigs.waiting import wait_for

KILLS = 200 if WHOLE else 10
SENSORS = range(1, 31)


def check_left(relay: RelayProcess, remote: RemoteProcess, loads: list[Load], there: set[bytes], scratch: Path) -> None:
    """After a kill: every acknowledged datum is on the relay or at the remote, and none is on the relay twice."""
    acked = set().union(*(list(load.acked) for load in loads))
    left = [frame[4:16] for frame in frames_left(relay.data_dir, scratch)]
    assert len(left) == len(set(left)), "a datum is on the relay twice"
    if not acked <= there.union(left):
        there |= remote.stored()
    missing = acked.difference(there, left)
    assert not missing, f"{len(missing)} of {len(acked)} acknowledged data are nowhere"


@pytest.mark.slow
def test_kills_lose_nothing_and_double_nothing(tmp_path, scratch):
    chance = random.Random(9)
    # Small places: it flushes again and again, and is full now and then while the remote is away.
    limits = {"store_bytes": 100_000, "threshold_bytes": 30_000, "buffer_bytes": 60_000, "outbox_bytes": 100_000}
    relay = RelayProcess(tmp_path / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(tmp_path / "remote", relay.secret, SENSORS)
    relay = RelayProcess(tmp_path / "relay", remote.url, **limits)
    loads = [Load(SENSORS[i::2], relay.port, window=10, again=0.2, epoch=1) for i in range(2)]
    there: set[bytes] = set()
    begun = time.monotonic()
    try:
        remote.start()
        relay.start()
        for load in loads:
            load.start()
        for kill in range(KILLS):
            before = sum(len(load.acked) for load in loads)
            if kill % 5:
                # Most are killed at work, some while they start.
                wait_for(lambda before=before: sum(len(load.acked) for load in loads) > before, "an ACK")
                time.sleep(chance.random() * 0.4)
            else:
                time.sleep(0.3 + chance.random() * 0.6)
            relay.kill()
            if kill % 10 == 7:
                remote.kill()
            check_left(relay, remote, loads, there, scratch)
            relay.start(wait=False)
            if kill % 10 == 7:
                remote.start(wait=False)
        relay.wait_up()
        for load in loads:
            load.finish(60)
        relay.flush()
        assert frames_left(relay.data_dir, scratch) == []
        stored = remote.stored()
        relay.stop()
    finally:
        for load in loads:
            load.stop()
        relay.close()
        remote.close()
    sent = set().union(*(load.frames for load in loads))
    acked = set().union(*(load.acked for load in loads))
    assert len(acked) > 20 * KILLS
    # Each is there once: data ids are the key of the remote's table, and nothing said something else under one of them.
    assert acked == stored == sent
    assert remote.quarantined() == 0
    assert sum(load.replies["strange"] for load in loads) == 0
    relay.check_log()
    assert "Traceback" not in remote.log.read_text()
    seconds = time.monotonic() - begun
    print(f"\nkills: {KILLS} in {seconds:.0f} s under {len(acked)} acknowledged data, all at the remote once")
