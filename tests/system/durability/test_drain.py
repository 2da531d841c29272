"""The remote was away for a day and comes back: how long the backlog takes, and what sensors notice of it."""

import os
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from gridecho.frames import STORE

from tests.rigs.load import Load, Sealer, percentile
from tests.rigs.processes import WHOLE, RelayProcess, RemoteProcess
from tests.rigs.waiting import wait_for

SENSORS, PER_SENSOR = (1_000, 1_440) if WHOLE else (100, 200)
NEW_PER_S = 200
DRAINED_WITHIN_S, ACK_P99_MS = 60.0, 20.0


def _sealed(sensor_ids: range) -> list[list[bytes]]:
    sealers = [Sealer(sensor_id) for sensor_id in sensor_ids]
    return [[sealer.frame(STORE, seq) for sealer in sealers] for seq in range(PER_SENSOR)]


def put_backlog(relay: RelayProcess) -> int:
    """Writes a day of all sensors into the store of a relay that does not run, a reading a frame, in order of time."""
    ids = range(1, SENSORS + 1)
    parts = [ids[i : i + 100] for i in range(0, SENSORS, 100)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        sealed = list(pool.map(_sealed, parts))
    connection = sqlite3.connect(relay.database)
    with connection:
        frames = ((frame,) for seq in range(PER_SENSOR) for part in sealed for frame in part[seq])
        connection.executemany("INSERT INTO held (frame) VALUES (?)", frames)
    connection.close()
    return SENSORS * PER_SENSOR


@pytest.mark.slow
def test_a_backlog_drains_while_new_data_is_acknowledged(tmp_path):
    relay = RelayProcess(tmp_path / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(tmp_path / "remote", relay.secret, range(1, SENSORS + 1))
    relay = RelayProcess(tmp_path / "relay", remote.url, heartbeat_every_s=2.0, index_every_s=2.0)
    load = Load(range(1, SENSORS + 1), relay.port, window=1_000, rate=NEW_PER_S, sends=0.1, again=0.0, epoch=2)
    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == SENSORS, "the relay's first keys")
        relay.stop()
        remote.close()
        backlog = put_backlog(relay)
        relay.start()
        assert relay.report()["held_store"] == backlog
        load.start()
        time.sleep(2)
        remote.start()
        before, begun = set(load.acked), time.monotonic()
        relay.flush(300)
        drained_s = time.monotonic() - begun
        during = [seconds for data_id, seconds in list(load.acked.items()) if data_id not in before]
        load.finish()
        relay.flush()
        relay.stop()
        stored = remote.count()
    finally:
        load.stop()
        relay.close()
        remote.close()
    p99_ms = 1000 * percentile(during, 0.99)
    print(
        f"\ndrain: {backlog} frames in {drained_s:.1f} s, {backlog / drained_s:.0f} a second; {len(during)} new data meanwhile, "
        f"99 % acknowledged within {p99_ms:.1f} ms, the last within {1000 * max(during):.1f} ms"
    )
    assert stored == backlog + len(load.frames)
    assert set(load.acked) == set(load.frames)
    assert remote.quarantined() == 0
    relay.check_log()
    if WHOLE:
        assert drained_s <= DRAINED_WITHIN_S
        assert p99_ms <= ACK_P99_MS
