"""The remote was away for a day and comes back: the backlog goes there, and what sensors notice of it."""

import os
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

from gridecho.frames import STORE

from tests.rigs.load import RELAY_ID, Load, Sealer, percentile
from tests.rigs.processes import RelayProcess, RemoteProcess
from tests.rigs.waiting import HANG_S, wait_for

NEW_PER_S = 200
_AT_FIRST = 400  # new data, before the remote is back


@dataclass(frozen=True, slots=True)
class Drain:
    """How long the backlog took, and the seconds to the ACK of each datum that was new meanwhile."""

    seconds: float
    ack_s: list[float]

    @property
    def p99_ms(self) -> float:
        return 1000 * percentile(self.ack_s, 0.99)


def _sealed(sensor_ids: range, per_sensor: int) -> list[list[bytes]]:
    sealers = [Sealer(sensor_id) for sensor_id in sensor_ids]
    return [[sealer.frame(STORE, seq) for sealer in sealers] for seq in range(per_sensor)]


def _put_backlog(relay: RelayProcess, sensors: int, per_sensor: int) -> int:
    """Writes so much of all sensors into the store of a relay that does not run, a reading a frame, in order of time."""
    ids = range(1, sensors + 1)
    parts = [ids[i : i + 100] for i in range(0, sensors, 100)]
    if len(parts) > 1:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            sealed = list(pool.map(_sealed, parts, [per_sensor] * len(parts)))
    else:
        sealed = [_sealed(part, per_sensor) for part in parts]
    connection = sqlite3.connect(relay.database)
    with connection:
        frames = ((frame,) for seq in range(per_sensor) for part in sealed for frame in part[seq])
        connection.executemany("INSERT INTO held (frame) VALUES (?)", frames)
    connection.close()
    return sensors * per_sensor


class _Flush(Thread):
    """`gridecho relay flush --wait` in a thread, with the error that it ended with."""

    def __init__(self, relay: RelayProcess, within_s: float) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self._relay, self._within_s = relay, within_s

    def run(self) -> None:
        try:
            self._relay.flush(self._within_s)
        except BaseException as error:  # noqa: BLE001 - for the thread that waits
            self.error = error


def check_drain(folder: Path, sensors: int, per_sensor: int) -> Drain:
    """A backlog of so many frames goes to the remote while new data is acknowledged; in the end all is there, once."""
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(folder / "remote", {RELAY_ID: relay.secret}, range(1, sensors + 1))
    relay = RelayProcess(folder / "relay", remote.url, heartbeat_every_s=2.0, index_every_s=2.0)
    load = Load(range(1, sensors + 1), relay.port, window=1_000, rate=NEW_PER_S, sends=0.1, again=0.0, epoch=2)
    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == sensors, "the relay's first keys")
        relay.stop()
        remote.close()
        backlog = _put_backlog(relay, sensors, per_sensor)
        relay.start()
        assert relay.report()["held_store"] == backlog
        load.start()
        wait_for(lambda: len(load.acked) >= _AT_FIRST, "the first new data")
        remote.start()
        before = set(load.acked)
        begun = time.monotonic()
        flush = _Flush(relay, 5 * HANG_S)
        flush.start()
        # (frames that went to the remote, new data acknowledged) while a part of the backlog is still here.
        steps: list[tuple[int, int]] = []
        while flush.is_alive():
            acked, gone = len(load.acked), int(str(relay.report()["forwarded"]))
            if 0 < gone < backlog:
                steps.append((gone, acked))
            flush.join(backlog / 1_000_000)  # to ask costs the relay time, too
        seconds = time.monotonic() - begun
        if flush.error is not None:
            raise flush.error
        during = [waited for data_id, waited in list(load.acked.items()) if data_id not in before]
        load.finish(HANG_S)
        relay.flush(HANG_S)
        relay.stop()
        stored = remote.count()
    finally:
        load.stop()
        relay.close()
        remote.close()
    assert stored == backlog + len(load.frames)
    assert set(load.acked) == set(load.frames)
    assert remote.quarantined() == 0
    relay.check_log()
    # Again and again in the course of the drain, not only before it or after it.
    assert steps, "nobody saw the backlog drain"
    taken_in_turns = sum(later[0] > sooner[0] and later[1] > sooner[1] for sooner, later in pairwise(steps))
    assert taken_in_turns >= 2, f"new data waited for the backlog: (forwarded, acknowledged) was {steps}"
    drain = Drain(seconds, during)
    print(
        f"\ndrain: {backlog} frames in {seconds:.1f} s, {backlog / seconds:.0f} a second; {len(during)} new data meanwhile, "
        f"99 % acknowledged within {drain.p99_ms:.1f} ms, the last within {1000 * max(during):.1f} ms"
    )
    return drain
