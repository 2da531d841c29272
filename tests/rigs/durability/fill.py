"""A small store fills, flushes and goes on, and its remote is killed and started at random."""

import random
import time
from pathlib import Path

from tests.rigs.load import RELAY_ID, Load
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in, frames_left
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 31)


def _held(relay: RelayProcess) -> dict[bytes, int]:
    """What the index must say of a relay that has nothing to send at once: generation times by data id."""
    return {frame[4:16]: int.from_bytes(frame[16:20], "big") for frame in frames_in(relay.database)}


def check_fill(folder: Path, scratch: Path, flushes: int) -> None:
    """So many flushes under load; the index names what is held and nothing else, and in the end all is at the remote, once."""
    chance = random.Random(3)
    limits = {"store_bytes": 60_000, "threshold_bytes": 15_000, "buffer_bytes": 30_000, "outbox_bytes": 60_000}
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(folder / "remote", {RELAY_ID: relay.secret}, SENSORS)
    relay = RelayProcess(folder / "relay", remote.url, **limits)
    load = Load(SENSORS, relay.port, window=40, rate=4_000, again=0.1)
    begun = time.monotonic()
    kills = 0

    def flushed() -> int:
        return int(str(relay.report()["flushes"]))

    try:
        remote.start()
        relay.start()
        load.start()
        next_kill, done = 2, 0
        while done < flushes:
            due = min(flushes, next_kill)
            wait_for(lambda due=due: flushed() >= due, f"flush {due}")
            done = flushed()
            if done >= next_kill:
                next_kill = done + chance.randint(1, 4)
                time.sleep(chance.random() * 0.3)
                remote.kill()
                kills += 1
                # Every third time for as long as it takes the buffer to fill, too, and sensors to be told so.
                if kills % 3 == 2:
                    busy = load.replies["busy"]
                    wait_for(lambda busy=busy: load.replies["busy"] > busy, "a full buffer")
                remote.start()
        load.finish(HANG_S)
        # The remote names what is held here, and nothing else.
        wait_for(lambda: not relay.report()["outbox"], "the end of what is sent at once")
        wait_for(lambda: remote.index() == _held(relay), "an index that says what the relay holds")
        indexed = len(remote.index())
        assert indexed > 0
        relay.flush(HANG_S)
        wait_for(lambda: not remote.index(), "an empty index")
        stored = remote.stored()
        relay.stop()
        assert frames_left(relay.data_dir, scratch) == []
    finally:
        load.stop()
        relay.close()
        remote.close()
    assert kills >= max(2, flushes // 6)
    assert load.replies["busy"] > 0
    assert set(load.acked) == set(load.frames) == stored
    assert remote.quarantined() == 0
    assert load.replies["strange"] == 0
    relay.check_log()
    print(
        f"\nfill: {done} flushes in {time.monotonic() - begun:.0f} s, the remote killed {kills} times; {len(stored)} data are "
        f"there once, {load.replies['busy']} times busy; the index named {indexed} data, as the relay held"
    )
