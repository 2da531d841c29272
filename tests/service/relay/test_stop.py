"""SIGTERM: it ends whatever the remote does, and everything that was acknowledged is on disk."""

import ctypes
import json
import signal
import sys
import threading
from pathlib import Path

import pytest
import urllib3

from tests.rigs.waiting import HANG_S, wait_for
from tests.rigs.workshop import status_at


@pytest.mark.parametrize("remote_is", ["well", "silent", "away"])
def test_a_stop_under_load_in_the_middle_of_a_flush(workshop, remote_is):
    sensors = [workshop.sensor(i) for i in (1, 2, 3)]
    process = workshop.process(batch_frames=50, pull_url="http://127.0.0.1:9")
    page = json.loads((workshop.folder / "data" / "relay.json").read_text())["status"]
    acked, ended = [], threading.Event()
    threads = [threading.Thread(target=sensor.keep_sending, args=(acked, ended)) for sensor in sensors]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(acked) > 300)
    if remote_is == "silent":
        workshop.remote.answers.clear()
    elif remote_is == "away":
        workshop.remote.go_away()
    process.send_signal(signal.SIGUSR1)
    if remote_is == "silent":
        # Both of its threads that ask have come there.
        wait_for(lambda: "heartbeat" in workshop.remote.waiting and workshop.remote.waiting & {"batch", "index"})
    else:
        wait_for(lambda: status_at(page)["flushing"] or status_at(page)["flushes"])
    if remote_is == "away":
        wait_for(lambda: not status_at(page)["remote_reachable"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0
    ended.set()
    for thread in threads:
        thread.join()
    assert len(acked) > 300
    on_disk = workshop.rows()
    assert len(set(on_disk)) == len(on_disk)
    # What was signed for is gone; what the remote has and could not sign for is still here as well.
    assert set(acked) <= set(on_disk) | set(workshop.remote.arrived)
    _, log = process.communicate()
    assert "Traceback" not in log
    assert "relay-stopped" in log
    assert "ReadTimeoutError" not in log, "it did not wait until it gave the remote up"


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
    _, log = process.communicate()
    lines = log.splitlines()
    assert len(lines) < 15, log
    assert sum("refused-datagrams" in line for line in lines) == 1
    for line in lines:
        stamp, level, logger, event = line.split(" ", 3)
        assert stamp.endswith("Z"), line
        assert level in ("INFO", "WARNING"), line
        assert logger.startswith("gridecho_relay."), line
        assert "=" in event, line


def test_it_stops_with_a_page_open(workshop):
    relay = workshop.relay()
    http = urllib3.PoolManager(maxsize=4)
    for _ in range(3):
        http.request("GET", relay.status_url + "/status.json")
    workshop.stop(relay)
    assert not relay._page.is_alive(), "its thread has ended: the stop did not give up waiting for it"
    http.clear()


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
