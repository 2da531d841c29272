"""The demo reads the consoles of its sensors: what the sensor's loop says must be what the demo's ledger understands."""

from pathlib import Path

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho_demo.ledger import Ledger
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay


class _Meter:
    turn_us = lead_us = 0

    def __init__(self, count: int) -> None:
        self.left = count

    def poll(self, now_us: int) -> None: ...

    begin = poll

    def bad(self) -> int:
        return 0

    def close(self) -> None: ...

    def read(self, now_us: int) -> dict[int, int] | None:
        self.left -= 1
        return {POWER_IMPORT: 100 * self.left} if self.left >= 0 else None


def test_the_ledger_understands_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the route is kept
    net = Net([Relay(1, 2_000), Relay(2, 9_000)], seed=3, loss=20, duplicates=10)
    ledger = Ledger()
    ledger.line(f"boot sensor={SENSOR} epoch={EPOCH} reset_cause=1")
    uplink = Uplink(ROOT, SENSOR, KEY_ID, EPOCH, [1, 2], net.dice, queue_readings=4)
    tagger = Tagger({"over_w": 5000, "change_w": 0, "over_ma": 0, "over_mv": 0, "under_mv": 0})
    words = set()

    def say(line: str) -> None:
        words.add(line.split(" ")[0])
        ledger.line(line)

    sensor = Sensor(_Meter(90), tagger, uplink, net, net, SECOND_US, 1, say)  # type: ignore[arg-type]
    net.at(20 * SECOND_US, net.delay, 1, 300_000)
    net.at(40 * SECOND_US, net.state, 2, Relay.BUSY, 3)
    net.at(50 * SECOND_US, net.state, 1, Relay.DEAD)
    net.at(70 * SECOND_US, net.state, 1, Relay.UP)
    net.at(70 * SECOND_US, net.state, 2, Relay.UP)
    while net.us < 200 * SECOND_US:
        sensor.step()
    assert words >= {"reading", "sealed", "acked", "route", "slow", "missing", "busy", "lost", "meter", "status"}
    assert not [line for line in ledger.strange if not line.startswith("flash")]
    assert ledger.ended
    assert len(ledger.made) == 90
    assert ledger.lost > 0
    assert ledger.acked() == 90 - ledger.lost
    for (epoch, seq), numbers in ledger.data_ids.items():
        for item, number in enumerate(numbers):
            assert ledger.number_of(epoch, seq, item) == number
