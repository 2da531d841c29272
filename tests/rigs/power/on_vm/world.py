"""The real sensor on its real flash, with a clock, relays and a meter that the test can follow through what they print.

`sent` and `held` are followed by a relay's id and a datagram or frame in hex: it left the sensor; a relay has it and said so.
`kept` is followed by the readings that flash has from now on.
"""

import random
from binascii import hexlify

from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import MAX_VALUE
from gridecho_node import app
from gridecho_node.spool import Spool

from tests.rigs.simnet import ROOT, SECOND_US, Net, Relay

DAY_MS = 86_400_000


class TellingRelay(Relay):
    """A relay that says what it holds."""

    def answer(self, datagram, utc_ms):
        datagrams = self.datagrams
        reply = Relay.answer(self, datagram, utc_ms)
        if reply is not None and self.datagrams > datagrams:
            print("held", self.relay_id, hexlify(datagram[:-8]).decode())
        return reply


class World(Net):
    """A net on which a day has passed since the start before; it also stands in for Wire and Counter."""

    def __init__(self, number, relays=None):
        Net.__init__(self, relays or [TellingRelay(1, 3000, ROOT), TellingRelay(2, 9000, ROOT)], number)
        self._day_ms = number * DAY_MS

    def utc_ms(self, at_us=None):
        return Net.utc_ms(self, at_us) + self._day_ms

    def send(self, relay_id, datagram):
        if datagram[0] & 15 == 1:
            print("sent", relay_id, hexlify(datagram).decode())
        return Net.send(self, relay_id, datagram)

    def unresolved(self):
        return []

    def reopen(self):
        pass


class CountingMeter:
    """A meter whose every reading is another one, over all starts; a `wide` one gives so much that it takes 90 bytes of flash."""

    turn_us = lead_us = 0

    def __init__(self, number, wide):
        self._next = number * 100_000
        self._wide = dict.fromkeys(range(ENERGY_IMPORT + 1, ENERGY_IMPORT + 12), MAX_VALUE) if wide else {}

    def poll(self, now_us):
        pass

    def begin(self, now_us):
        pass

    def read(self, now_us):
        self._next += 1
        values = dict(self._wide)
        values[ENERGY_IMPORT] = self._next
        return values

    def bad(self):
        return 0

    def close(self):
        pass


class _MeterModule:
    def __init__(self, number, wide):
        self._number = number
        self._wide = wide

    def open_meter(self, settings):
        return CountingMeter(self._number, self._wide)


def sensor_on(net, number, wide=False):
    """The sensor as app.py builds it from flash, on this net; prints the epoch that it took."""
    _tell_what_is_kept()
    app.Wire = lambda relays: net
    app.Counter = lambda: net
    app.meter_module = lambda name: _MeterModule(number, wide)
    random.seed(number)
    sensor, _ = app.build(print)
    print("up", sensor.uplink.epoch)
    return sensor


def run_for(sensor, net, seconds):
    """Lets the sensor run for so long."""
    until_us = net.us + seconds * SECOND_US
    while net.us < until_us:
        sensor.step()


def _tell_what_is_kept():
    keep, keep_sealed = Spool.keep, Spool.keep_sealed

    def telling_keep(spool, rows, keep_oldest):
        written, given_up = keep(spool, rows, keep_oldest)
        _tell(rows[:written])
        return written, given_up

    def telling_keep_sealed(spool, rows, claims, keep_oldest):
        given_up = keep_sealed(spool, rows, claims, keep_oldest)
        if given_up is not None:
            _tell(rows)
        return given_up

    Spool.keep, Spool.keep_sealed = telling_keep, telling_keep_sealed


def _tell(rows):
    print("kept", " ".join([str(row[3][ENERGY_IMPORT]) for row in rows if ENERGY_IMPORT in row[3]]))
