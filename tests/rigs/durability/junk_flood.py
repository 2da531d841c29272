"""A flood of junk beside a hundred sensors: they are served, it is not answered, and it takes no memory."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests.rigs.junk import Junk
from tests.rigs.load import Load, Sealer, percentile
from tests.rigs.processes import RelayProcess
from tests.rigs.recording import NotingRemote
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 101)
GROWTH_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Flood:
    """How long it took to send the junk, and which share of the data was acknowledged within a second."""

    seconds: float
    in_time: float


def check_junk(folder: Path, junk_per_s: int, junk: int, data_per_s: int, data: int) -> Flood:
    """At least so many datagrams of junk, and in the midst of them so many data, each of which is acknowledged."""
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = NotingRemote(relay.secret)
    for sensor_id in SENSORS:
        remote.enrol(Sealer(sensor_id))  # type: ignore[arg-type]
    relay = RelayProcess(folder / "relay", remote.url)
    load = Load(SENSORS, relay.port, window=100, rate=data_per_s, most=data, again=0.0, retry_s=1.0)
    after = Load(SENSORS, relay.port, window=1, most=1, again=0.0, epoch=3)
    flood = Junk(relay.port, junk_per_s, len(SENSORS))
    try:
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == len(SENSORS), "the relay's first keys")
        flood.start()
        wait_for(lambda: flood.sent > 0, "the first junk")
        begun = time.monotonic()
        load.start()
        wait_for(lambda: flood.sent >= junk // 4, "a quarter of the junk", hang_s=10 * HANG_S)
        warm = relay.rss_bytes()
        load.finish(10 * HANG_S)
        # All data was acknowledged, and junk comes in on and on.
        at_the_last_ack = flood.sent
        wait_for(lambda: flood.sent > at_the_last_ack, "junk after the last ACK")
        wait_for(lambda: flood.sent >= junk, "all the junk", hang_s=10 * HANG_S)
        seconds = time.monotonic() - begun
        sent = flood.stop()
        # Whatever the relay answers to junk it answers before this, which is behind all of it in its socket.
        after.start()
        after.finish(HANG_S)
        assert flood.answers() == 0, "junk was answered"
        end = relay.rss_bytes()
        report = relay.report()
        relay.stop()
    finally:
        load.stop()
        after.stop()
        flood.close()
        relay.close()
        remote.go_away()
    refused = report["refused"]
    assert isinstance(refused, dict)
    assert all(refused.values()), f"not every reason was seen: {refused}"
    # The socket drops what comes in too great a hurry; what it took is all counted.
    assert sum(refused.values()) <= sent
    assert set(load.acked) == set(load.frames)
    assert len(load.acked) == data
    assert load.replies["strange"] == 0
    assert end - warm < GROWTH_BYTES, f"the relay grew from {warm:,} to {end:,} bytes"
    relay.check_log()
    assert relay.log.stat().st_size < 100_000
    in_time = sum(waited <= 1 for waited in load.acked.values()) / len(load.frames)
    p99 = 1000 * percentile(load.acked.values(), 0.99)
    print(
        f"\njunk: {sent} in {seconds:.0f} s, none answered; {in_time:.2%} of {len(load.frames)} data acknowledged within 1 s, "
        f"99 % within {p99:.1f} ms; memory {warm >> 20} -> {end >> 20} MiB; {sum(refused.values())} seen as junk"
    )
    return Flood(seconds, in_time)
