"""A sensor with its own loop, ring and spool on a virtual clock, and what must be true of the hours that it promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from gridecho.crypto import Siv
from gridecho.intake import unseal
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import decode
from gridecho.states import is_state
from gridecho_node import ring, sensor, spool
from gridecho_node.ring import Ring
from gridecho_node.rules import Tagger
from gridecho_node.sensor import Sensor
from gridecho_node.uplink import Uplink

from tests.rigs.simflash import SimFlash
from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay

HOUR_US = 3600 * SECOND_US
PERIOD_S = 60
RULES = dict.fromkeys(("over_w", "change_w", "over_ma", "over_mv", "under_mv"), 0)
# What a meter shows of itself beside its energy, at its largest: a plug, a house, three phases each way.
METERS = {
    "two quantities": {2: 9_000},
    "four quantities": {2: 9_000, 4: 230_000, 7: 40_000},
    "twelve quantities": {
        1: 9_000_000, 2: 9_000, 3: 9_000, 4: 230_000, 5: 231_000, 6: 229_000,
        7: 40_000, 8: 39_000, 9: 38_000, 10: 999, 11: 50_010,
    },
}  # fmt: skip


class Flash(SimFlash):
    """With a root that can be listed."""

    def listdir(self, folder: str = "") -> list[str]:
        return super().listdir(folder) if folder else [*self.folders, *self.files]


class Meter:
    """Shows energy that tells which reading it is."""

    turn_us = lead_us = 0

    def __init__(self, beside: dict[int, int]) -> None:
        self.count = 0
        self._beside = beside

    def poll(self, now_us: int) -> None: ...

    def begin(self, now_us: int) -> None: ...

    def bad(self) -> int:
        return 0

    def read(self, now_us: int) -> dict[int, int]:
        self.count += 1
        return {ENERGY_IMPORT: 40_000_000 + self.count - 1, **self._beside}


@dataclass
class Status:
    """One status line, with the hour in which it was said."""

    at_h: float
    spooled: int
    covers_h: int


class Board:
    """A sensor with a ring of `kb`, on a network of two relays."""

    def __init__(self, flash: Flash, kb: int, beside: dict[int, int]) -> None:
        self.net = Net([Relay(1, 3_000), Relay(2, 9_000)])
        self.meter = Meter(beside)
        self.flash = flash
        self.status: list[Status] = []
        self.dropped = 0
        uplink = Uplink(ROOT, SENSOR, KEY_ID, EPOCH, [1, 2], self.net.dice)
        config = SimpleNamespace(
            spool_bytes=kb * 1024, spool_newest_first=False, spool_keep_oldest=False, readings_per_datagram=32
        )
        period_us = PERIOD_S * SECOND_US
        held = Ring(uplink, config)
        self.sensor = Sensor(self.meter, Tagger(RULES), uplink, self.net, self.net, period_us, 1, self._say, held)

    def run(self, hours: float) -> None:
        until_us = self.net.us + int(hours * HOUR_US)
        while self.net.us < until_us:
            self.sensor.step()

    def relays(self, state: int) -> None:
        for relay_id in self.net.relays:
            self.net.state(relay_id, state)

    def delivered(self) -> list[int]:
        """Which readings the relays have, in the order of the data ids."""
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        held = {key: frame for relay in self.net.relays.values() for key, frame in relay.kept.items()}
        values = []
        for key in sorted(held):
            header, data = unseal(held[key], siv)
            values += [one.values for one in decode(data, header.count, header.time_s)]
        return [one[ENERGY_IMPORT] - 40_000_000 for one in values if not is_state(max(one))]

    def _say(self, line: str) -> None:
        word, *rest = line.split(" ")
        fields = dict(part.split("=") for part in rest if "=" in part)
        if word == "status":
            self.status.append(Status(self.net.us / HOUR_US, int(fields["spooled"]), int(fields["covers_h"])))
        self.dropped += word in ("dropped", "lost")


@pytest.fixture
def flash(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flash]:
    """What the firmware writes to."""
    monkeypatch.setattr(
        sensor, "gc", SimpleNamespace(collect=lambda: None)
    )  # once a minute for days, of pytest's whole heap
    made = Flash()
    made.into(spool, ring)
    yield made
    SimFlash.out_of(spool)
    SimFlash.out_of(ring)


def check_promised_hours(meter: str, kb: int, flash: Flash) -> None:
    """The hours that the status line promises arrive whole, in order, once."""
    board = Board(flash, kb, METERS[meter])
    board.run(0.1)
    promised_h = board.status[-1].covers_h
    assert promised_h >= 15 * kb // 64, "less than a night with the smallest ring"
    board.relays(Relay.DEAD)
    board.run(promised_h)
    assert board.status[-1].spooled > (promised_h - 1) * 60
    assert not board.dropped
    board.relays(Relay.UP)
    board.run(0.2)
    got = board.delivered()
    assert got == list(range(len(got))), "out of order, twice, or with a gap"
    assert len(got) == board.meter.count
    assert board.status[-1].spooled == 0
    assert not flash.files


def check_status_line(meter: str, kb: int, flash: Flash) -> None:
    """What the status line promises is there, within a segment of the ring."""
    board = Board(flash, kb, METERS[meter])
    board.run(0.1)
    board.relays(Relay.DEAD)
    begun_h = board.net.us / HOUR_US
    while len(board.status) < 3 or not 0 < board.status[-1].spooled <= board.status[-2].spooled:
        board.run(1 / 60)
    # From now on the oldest go. Flash was full by then, so a segment is about a thirteenth of what it held.
    covered_h = board.status[-1].at_h - begun_h
    segment_h = covered_h / 13
    for status in board.status[:-1]:
        end_h = max(0.0, status.at_h - begun_h) + status.covers_h
        # The line says whole hours, and no hour too much.
        assert covered_h - segment_h - 1 <= end_h <= covered_h, status
