"""A run of a relay under strace: under load, with flushes and checkpoints in its midst, to the SIGTERM at its end."""

from dataclasses import dataclass
from pathlib import Path

from gridecho import relay_keys
from gridecho.batch import read_batch
from gridecho.crypto import Cmac

from tests.rigs import trace
from tests.rigs.load import RELAY_ID, Load, Sealer
from tests.rigs.processes import GRIDECHO, RelayProcess
from tests.rigs.waiting import wait_for
from tests.rigs.workshop import FakeRemote

SENSORS = range(1, 21)


class NotingRemote(FakeRemote):
    """Knows which data ids were in which batch."""

    def __init__(self, secret: bytes) -> None:
        self.data_ids: dict[bytes, set[bytes]] = {}
        super().__init__(secret)

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        batch_id, got = read_batch(body, Cmac(relay_keys.batch_key(self.secret, RELAY_ID)))
        self.data_ids[batch_id] = {frame[4:16] for frame in got}
        return super().take(path, body)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was sent and acknowledged, the traced calls, which data ids each batch had, and the files as they were before."""

    load: Load
    calls: list[trace.Call]
    data_ids: dict[bytes, set[bytes]]
    data_dir: Path
    before: dict[str, bytes]


def record(folder: Path, data: int, command: list[str] = GRIDECHO, **changed: object) -> Recording:
    """Runs a relay until so many data are acknowledged. It ran once before, so its database is there."""
    folder.mkdir(exist_ok=True)
    relay = RelayProcess(folder, "http://127.0.0.1:1")
    remote = NotingRemote(relay.secret)
    for sensor_id in SENSORS:
        remote.enrol(Sealer(sensor_id))  # type: ignore[arg-type]
    # A small store, so that it is flushed and what was flushed is deleted a few times.
    limits = {"store_bytes": 50_000, "threshold_bytes": 20_000, "buffer_bytes": 50_000}
    relay = RelayProcess(folder, remote.url, **(limits | changed))
    load = Load(SENSORS, relay.port, window=6, most=data, again=0.2)
    log = folder / "strace"
    try:
        relay.start(command=command)
        wait_for(lambda: relay.report()["sensors"] == len(SENSORS), "the relay's first keys")
        relay.stop()
        before = {path.name: path.read_bytes() for path in relay.data_dir.iterdir()}
        relay.start(trace.under(log), command)
        load.start()
        load.finish(300)
        relay.stop(30)
    finally:
        load.stop()
        relay.close()
        remote.go_away()
    relay.check_log()
    assert load.replies["strange"] == 0
    return Recording(load, list(trace.calls(log)), remote.data_ids, relay.data_dir.resolve(), before)
