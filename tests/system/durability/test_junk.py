"""A flood of junk beside a hundred sensors: they are served, it is not answered, and it takes no memory."""

import subprocess
import sys
import time

import pytest

from tests.rigs.load import Load, Sealer, percentile
from tests.rigs.processes import WHOLE, RelayProcess
from tests.rigs.recording import NotingRemote
from tests.rigs.waiting import wait_for

JUNK_PER_S, SECONDS = (20_000, 60.0) if WHOLE else (5_000, 5.0)
SENSORS = range(1, 101)
DATA_PER_S = 200
GROWTH_BYTES = 8 << 20


@pytest.mark.slow
def test_junk_is_not_answered_and_hinders_nobody(tmp_path):
    relay = RelayProcess(tmp_path / "relay", "http://127.0.0.1:1")
    remote = NotingRemote(relay.secret)
    for sensor_id in SENSORS:
        remote.enrol(Sealer(sensor_id))
    relay = RelayProcess(tmp_path / "relay", remote.url)
    load = Load(SENSORS, relay.port, window=100, rate=DATA_PER_S, again=0.0, retry_s=1.0)
    junk = None
    try:
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == len(SENSORS), "the relay's first keys")
        load.start()
        arguments = [str(n) for n in (relay.port, JUNK_PER_S, SECONDS, len(SENSORS))]
        junk = subprocess.Popen(
            [sys.executable, "-m", "tests.rigs.junk", *arguments], stdout=subprocess.PIPE, text=True
        )
        time.sleep(SECONDS / 4)
        warm = relay.rss_bytes()
        output, _ = junk.communicate(timeout=SECONDS + 30)
        end = relay.rss_bytes()
        load.finish()
        report = relay.report()
        relay.stop()
    finally:
        load.stop()
        if junk is not None and junk.poll() is None:
            junk.kill()
        relay.close()
        remote.go_away()
    sent, got = map(int, output.split())
    assert got == 0
    assert sent > 0.9 * JUNK_PER_S * SECONDS
    refused = report["refused"]
    assert isinstance(refused, dict)
    assert all(refused.values()), f"not every reason was seen: {refused}"
    # The socket drops what comes in too great a hurry; what it took is all counted.
    assert sum(refused.values()) <= sent
    in_time = sum(seconds <= 1 for seconds in load.acked.values()) / len(load.frames)
    assert in_time >= 0.95, f"{in_time:.1%} were acknowledged within 1 s"
    assert load.replies["strange"] == 0
    assert end - warm < GROWTH_BYTES, f"the relay grew from {warm:,} to {end:,} bytes"
    relay.check_log()
    assert relay.log.stat().st_size < 100_000
    p99 = 1000 * percentile(load.acked.values(), 0.99)
    print(
        f"\njunk: {sent} in {SECONDS:.0f} s, {got} answered; {in_time:.2%} of {len(load.frames)} data acknowledged within 1 s, "
        f"99 % within {p99:.1f} ms; memory {warm >> 20} -> {end >> 20} MiB; {sum(refused.values())} seen as junk"
    )
