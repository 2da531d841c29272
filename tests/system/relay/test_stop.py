"""SIGTERM: it ends whatever the remote does, and everything that was acknowledged is on disk."""

import ctypes
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.rigs.stopping import REMOTES, check_stop
from tests.rigs.waiting import HANG_S, wait_for


@pytest.mark.parametrize("remote_is", REMOTES)
def test_a_stop_under_load_in_the_middle_of_a_flush(workshop, remote_is):
    check_stop(workshop, remote_is)


def test_each_event_is_one_line_and_junk_is_one_line_a_minute(workshop):
    sensor = workshop.sensor()
    process = workshop.process()
    for _ in range(2000):
        sensor.send(b"junk")
    for _ in range(50):
        sensor.ask(sensor.data())
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(workshop.remote.arrived) == 50)
    process.terminate()
    process.wait(HANG_S)
    log = workshop.log.read_text()
    lines = log.splitlines()
    assert len(lines) < 15, log
    assert sum("refused-datagrams" in line for line in lines) == 1
    for line in lines:
        stamp, level, logger, event = line.split(" ", 3)
        assert stamp.endswith("Z"), line
        assert level in ("INFO", "WARNING"), line
        assert logger.startswith("gridecho_relay."), line
        assert "=" in event, line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tgkill is Linux's")
def test_a_signal_that_another_thread_gets_stops_it_too(workshop):
    process = workshop.process()
    main = Path(f"/proc/{process.pid}/task/{process.pid}/stat")
    others = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir() if int(task.name) != process.pid]
    assert others
    # Nothing comes: the main thread waits.
    wait_for(lambda: main.read_text().rpartition(")")[2].split()[0] == "S")
    assert ctypes.CDLL(None).tgkill(process.pid, max(others), signal.SIGTERM) == 0
    assert process.wait(HANG_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_everything_on_disk(workshop, number):
    sensor = workshop.sensor()
    process = workshop.process()
    acked = [sensor.data() for _ in range(10)]
    for datagram in acked:
        sensor.ask(datagram)
    os.kill(process.pid, number)
    assert process.wait(HANG_S) == 0
    assert sorted(workshop.rows()) == sorted(datagram[4:16] for datagram in acked)
    assert not (workshop.folder / "data" / "relay.json").exists()
    assert not (workshop.folder / "data" / "relay.sqlite-wal").exists()
