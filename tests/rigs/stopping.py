"""A relay that gets SIGTERM under load, in the middle of a flush, with a remote that answers or does not."""

import signal
import threading
from collections.abc import Callable

from tests.rigs.forks import Forked
from tests.rigs.waiting import HANG_S, wait_for
from tests.rigs.workshop import Workshop

REMOTES = ("well", "silent", "away")


def terminate(process: Forked) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(HANG_S)


def check_stop(workshop: Workshop, remote_is: str, stop: Callable[[Forked], None] = terminate) -> None:
    """It ends, and everything that was acknowledged is on disk or at the remote."""
    sensors = [workshop.sensor(i) for i in (1, 2, 3)]
    process = workshop.process(batch_frames=50, pull_url="http://127.0.0.1:9")
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
        wait_for(lambda: workshop.status()["flushing"] or workshop.status()["flushes"])
    if remote_is == "away":
        wait_for(lambda: not workshop.status()["remote_reachable"])
    stop(process)
    assert process.poll() == 0
    ended.set()
    for thread in threads:
        thread.join()
    assert len(acked) > 300
    on_disk = workshop.rows()
    assert len(set(on_disk)) == len(on_disk)
    # What was signed for is gone; what the remote has and could not sign for is still here as well.
    assert set(acked) <= set(on_disk) | set(workshop.remote.arrived)
    log = workshop.log.read_text()
    assert "Traceback" not in log
    assert "relay-stopped" in log
    assert "ReadTimeoutError" not in log, "it did not wait until it gave the remote up"
