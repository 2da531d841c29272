"""What outlives a crash."""

import os
import random
import signal
import threading

from tests.rigs.waiting import HANG_S, wait_for


def test_kill_9_under_load_loses_nothing_that_was_acked(workshop):
    sensors = [workshop.sensor(n) for n in range(1, 5)]
    chance = random.Random(9)
    acked: list[bytes] = []
    for _ in range(4):
        process = workshop.process()
        ended = threading.Event()
        threads = [threading.Thread(target=sensor.keep_sending, args=(acked, ended)) for sensor in sensors]
        for thread in threads:
            thread.start()
        enough = len(acked) + chance.randrange(50, 500)
        wait_for(lambda enough=enough: len(acked) >= enough, every_s=0.001)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(HANG_S) == -signal.SIGKILL
        ended.set()
        for thread in threads:
            thread.join()
    found = workshop.rows()
    assert len(set(found)) == len(found)
    at_remote = set(workshop.remote.arrived)
    assert set(acked) <= set(found) | at_remote
