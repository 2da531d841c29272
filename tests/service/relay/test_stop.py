"""SIGTERM: within 5 s, whatever the remote does, and everything that was acknowledged is on disk."""

import ctypes
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import urllib3
from gridecho import frames

from tests.rigs.waiting import wait_for


def knows(sensor):
    sensor.send(sensor.probe())
    return not sensor.hears_nothing(0.05)


@pytest.mark.parametrize("remote_is", ["well", "silent", "away"])
def test_a_stop_under_load_in_the_middle_of_a_flush(workshop, remote_is):
    sensors = [workshop.sensor(i) for i in (1, 2, 3)]
    process = workshop.process(batch_frames=50, pull_url="http://127.0.0.1:9")
    wait_for(lambda: knows(sensors[0]))
    acked = []
    stopping = threading.Event()

    def load(sensor):
        while not stopping.is_set():
            datagram = sensor.data(frames.SEND if sensor.seq % 5 == 0 else frames.STORE)
            try:
                if sensor.ask(datagram).kind == frames.ACK:
                    acked.append(datagram[4:16])
            except (TimeoutError, ConnectionError):
                return

    for sensor in sensors:
        sensor.sock.settimeout(1)
    threads = [threading.Thread(target=load, args=(sensor,)) for sensor in sensors]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(acked) > 300)
    if remote_is == "silent":
        workshop.remote.answers.clear()
    elif remote_is == "away":
        workshop.remote.go_away()
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.5)  # all of its threads have come to the remote by now
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert time.monotonic() - begun < 5
    stopping.set()
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


def test_each_event_is_one_line_and_junk_is_one_line_a_minute(workshop):
    sensor = workshop.sensor()
    process = workshop.process()
    wait_for(lambda: knows(sensor))
    for _ in range(2000):
        sensor.send(b"junk")
    for _ in range(50):
        sensor.ask(sensor.data())
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(workshop.remote.arrived) == 50)
    process.terminate()
    process.wait(5)
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
    begun = time.monotonic()
    workshop.stop(relay)
    assert time.monotonic() - begun < 3
    http.clear()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tgkill is Linux's")
def test_a_signal_that_another_thread_gets_stops_it_too(workshop):
    sensor = workshop.sensor()
    process = workshop.process()
    wait_for(lambda: knows(sensor))
    others = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir() if int(task.name) != process.pid]
    time.sleep(0.3)  # nothing comes: the main thread waits
    assert others
    assert ctypes.CDLL(None).tgkill(process.pid, max(others), signal.SIGTERM) == 0
    assert process.wait(5) == 0
