"""Sensors on virtual time that send until they are acknowledged, as load.py's do: with the core's own frames and one relay."""

import random

from gridecho import frames

from tests.rigs.load import Sealer

RETRY_US = 200_000
WINDOW = 20
LAN_US = 500


class SimLoad:
    """`rate` data a second, `sends` the share tagged SEND, `again` the share sent once more, as SEND, after its ACK.

    `acked` has the relay's clock, in ms, when it acknowledged, by data id.
    """

    def __init__(self, site, relay_id, sensors, rate, sends=0.3, again=0.1):
        self.acked = {}
        self._site, self._time, self._relay = site, site.time, site.relays[relay_id]
        self._sealers = {sensor_id: Sealer(sensor_id, 1, relay_id) for sensor_id in sensors}
        self._period_us = round(1_000_000 / rate)
        self._sends, self._again = sends, again
        self._chance = random.Random(relay_id)
        self._waiting = {}  # (sealer, seq) by data id
        self._made = 0
        self._ending = False

    def start(self):
        # Not all in step: each begins somewhere within its period.
        self._time.at(self._time.us + self._chance.randrange(self._period_us), self._turn)

    def finish(self):
        """Nothing new; until all is acknowledged."""
        self._ending = True
        self._time.wait_for(lambda: not self._waiting, "an ACK for everything")

    def _turn(self):
        if self._ending:
            return
        if len(self._waiting) < WINDOW:
            sealers = list(self._sealers.values())
            sealer, seq = sealers[self._made % len(sealers)], self._made // len(sealers)
            self._made += 1
            self._waiting[b"".join(n.to_bytes(4, "big") for n in (sealer.sensor_id, sealer.epoch, seq))] = sealer, seq
            self._ask(sealer, seq)
        self._time.at(self._time.us + self._period_us, self._turn)

    def _ask(self, sealer, seq):
        self._send(sealer, seq, frames.SEND if self._chance.random() < self._sends else frames.STORE)
        self._time.at(self._time.us + RETRY_US, lambda: self._ask_again(sealer, seq))

    def _ask_again(self, sealer, seq):
        if (sealer, seq) in self._waiting.values():
            self._ask(sealer, seq)

    def _send(self, sealer, seq, op):
        datagram = sealer.datagram(op, seq)
        self._time.at(self._time.us + LAN_US, lambda: self._relay.take(datagram, self._answered))

    def _answered(self, reply):
        self._time.at(self._time.us + LAN_US, lambda: self._take(reply))

    def _take(self, reply):
        sealer = self._sealers[int.from_bytes(reply[4:8], "big")]
        said = frames.read_control(reply, sealer.down)
        waiting = self._waiting.pop(reply[4:16], None) if said.kind == frames.ACK else None
        if waiting is not None:
            self.acked[reply[4:16]] = said.utc_ms
            if self._chance.random() < self._again:
                self._send(*waiting, frames.SEND)
