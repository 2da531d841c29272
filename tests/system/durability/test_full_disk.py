"""A relay on a disk of its own that is really full: a real small tmpfs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.load import Load, Sealer
from tests.rigs.processes import RelayProcess, frames_in, frames_left
from tests.rigs.recording import NotingRemote
from tests.rigs.small_disk import fill, mounted
from tests.rigs.waiting import HANG_S, wait_for

SIZE_BYTES = 28 << 20  # 16 of them are the relay's reserve
SENSORS = range(1, 21)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", SIZE_BYTES) as folder:
        yield folder


def nothing_goes_in(load: Load) -> bool:
    """Whether the next thousand answers are all busy."""
    acked, busy = len(load.acked), load.replies["busy"]
    wait_for(lambda: load.replies["busy"] > busy + 1_000, "answers")
    return len(load.acked) == acked


@pytest.mark.parametrize("killed", [False, True], ids=["runs on", "killed"])
def test_a_full_disk_is_busy_to_sensors_and_drains_as_it_is(tmp_path, small_disk, scratch, killed):
    relay = RelayProcess(tmp_path / "relay", "http://127.0.0.1:1")
    remote = NotingRemote(relay.secret)
    for sensor_id in SENSORS:
        remote.enrol(Sealer(sensor_id))
    relay = RelayProcess(tmp_path / "relay", remote.url, data_dir=str(small_disk / "data"), busy_retry_s=1)
    load = Load(SENSORS, relay.port, window=200, again=0.0, busy_s=0.1)
    try:
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == len(SENSORS), "the relay's first keys")
        remote.go_away()
        load.start()
        wait_for(lambda: len(load.acked) > 2_000, "the first load")
        fill(small_disk / "else")
        wait_for(lambda: load.replies["busy"] > 1_000, "a full disk")
        # Nothing more goes in (when the log was written back that is room once more), each is told so, and nothing is silent.
        wait_for(lambda: nothing_goes_in(load), "a stretch of answers without an ACK")
        wait_for(lambda: set(load.frames) - set(load.acked) <= load.told_busy, "an answer to each")
        assert relay.report()["busy"] > 0
        # What it acknowledged is there; also after a kill -9, and it starts as full as the disk is.
        if killed:
            relay.kill()
            acked_ids = set(load.acked)
            held = {frame[4:16] for frame in frames_left(relay.data_dir, scratch)}
            relay.start()
        else:
            acked_ids = set(load.acked)
            held = {frame[4:16] for frame in frames_in(relay.database)}
        assert acked_ids <= held
        busy = load.replies["busy"]
        wait_for(lambda: load.replies["busy"] > busy, "an answer")
        # The disk is as full as before, and the remote is back: what is here goes there and is deleted, with nobody asking.
        remote.start()
        wait_for(lambda: held <= set(remote.arrived), "the drain")
        (small_disk / "else").unlink()
        acked = len(load.acked)
        wait_for(lambda: len(load.acked) > acked + 500, "new data")
        load.finish(HANG_S)
        relay.flush(HANG_S)
        relay.stop()
        assert frames_left(relay.data_dir, scratch) == []
    finally:
        load.stop()
        relay.close()
        remote.go_away()
    assert set(load.acked) == set(load.frames) == set(remote.arrived)
    assert load.replies["strange"] == 0
    relay.check_log()
