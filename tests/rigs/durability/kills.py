"""kill -9 of a relay again and again, now and then of its remote: all that was acknowledged is on disk or at the remote."""

import random
import time
from pathlib import Path

from tests.rigs.load import RELAY_ID, Load
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_left
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 31)
_MOST_ACKS = 400  # that a relay gives between its start and a kill at work


def _check_left(
    relay: RelayProcess, remote: RemoteProcess, loads: list[Load], there: set[bytes], scratch: Path
) -> None:
    """After a kill: every acknowledged datum is on the relay or at the remote, and none is on the relay twice."""
    acked = set().union(*(list(load.acked) for load in loads))
    left = [frame[4:16] for frame in frames_left(relay.data_dir, scratch)]
    assert len(left) == len(set(left)), "a datum is on the relay twice"
    if not acked <= there.union(left):
        there |= remote.stored()
    missing = acked.difference(there, left)
    assert not missing, f"{len(missing)} of {len(acked)} acknowledged data are nowhere"


def check_kills(folder: Path, scratch: Path, kills: int) -> None:
    """So many kills of a relay under load, one in ten of its remote, too; in the end each datum is at the remote, once."""
    chance = random.Random(9)
    # Small places: it flushes again and again, and is full now and then while the remote is away.
    limits = {"store_bytes": 100_000, "threshold_bytes": 30_000, "buffer_bytes": 60_000, "outbox_bytes": 100_000}
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(folder / "remote", {RELAY_ID: relay.secret}, SENSORS)
    relay = RelayProcess(folder / "relay", remote.url, **limits)
    loads = [Load(SENSORS[i::2], relay.port, window=10, again=0.2, epoch=1) for i in range(2)]
    there: set[bytes] = set()
    begun = time.monotonic()

    def acked() -> int:
        return sum(len(load.acked) for load in loads)

    try:
        remote.start()
        relay.start()
        for load in loads:
            load.start()
        for kill in range(kills):
            if kill % 5:
                # Most are killed at work, some while they start.
                enough = acked() + chance.randint(1, _MOST_ACKS)
                wait_for(lambda enough=enough: acked() >= enough, "ACKs", every_s=0.001)
                time.sleep(chance.random() * 0.02)  # not always in the moment after an ACK
            else:
                time.sleep(chance.random() * 0.4)
            relay.kill()
            if kill % 10 == 7:
                remote.kill()
            _check_left(relay, remote, loads, there, scratch)
            relay.start(wait=False)
            if kill % 10 == 7:
                remote.start(wait=False)
        relay.wait_up()
        for load in loads:
            load.finish(HANG_S)
        relay.flush(HANG_S)
        assert frames_left(relay.data_dir, scratch) == []
        stored = remote.stored()
        relay.stop()
    finally:
        for load in loads:
            load.stop()
        relay.close()
        remote.close()
    sent = set().union(*(load.frames for load in loads))
    data_ids = set().union(*(load.acked for load in loads))
    assert len(data_ids) > 20 * kills
    # Each is there once: data ids are the key of the remote's table, and nothing said something else under one of them.
    assert data_ids == stored == sent
    assert remote.quarantined() == 0
    assert sum(load.replies["strange"] for load in loads) == 0
    relay.check_log()
    assert "Traceback" not in remote.log.read_text()
    seconds = time.monotonic() - begun
    print(f"\nkills: {kills} in {seconds:.0f} s under {len(data_ids)} acknowledged data, all at the remote once")
