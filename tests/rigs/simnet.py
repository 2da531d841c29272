"""Relays and a network on a virtual clock, for the sensor's tests. Plain enough for MicroPython; seeded, the same on every runtime.

`Net` is clock, network and relays at once; it can stand in for the sensor's Wire and Counter.
"""

import heapq

from gridecho import frames, intake
from gridecho.crypto import Cmac
from gridecho.errors import ProtocolError
from gridecho.frames import ACK, BUSY, ECHO, NACK, OK, PROBE, Control
from gridecho.keys import link_key_down, link_key_up

SECOND_US = 1_000_000
ROOT = bytes(range(32))
SENSOR, KEY_ID, EPOCH = 77, 1, 5
UTC_AT_0_MS = 1_780_000_000_123  # the relays' clock when the sensor's counter is at 0


class Dice:
    """`dice(n)` is a number from 0 to n - 1 (xorshift32), the same on every runtime for one seed."""

    def __init__(self, seed):
        self._x = (seed * 2_654_435_761 + 0x9E3779B9) & 0xFFFFFFFF or 1

    def __call__(self, n):
        x = self._x
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._x = x
        return x % n


def reply(kind, relay_id, seq, utc_ms, status=OK, retry_s=0, sensor_id=SENSOR, epoch=EPOCH, key_of=None, root=ROOT):
    """A reply as a relay packs it; `key_of` is the relay whose key is used if it is not the one that it claims to be from."""
    link = Cmac(link_key_down(root, sensor_id, KEY_ID, relay_id if key_of is None else key_of))
    return Control(kind, status, KEY_ID, retry_s, sensor_id, epoch, seq, utc_ms, relay_id).pack(link)


class Relay:
    """What the sensor sees of a relay: verify, keep, answer. `state` is how it fails now."""

    UP, DEAD, FROZEN, BUSY = 0, 1, 2, 3

    def __init__(self, relay_id, delay_us, root=ROOT):
        self.relay_id = relay_id
        self.delay_us = delay_us  # one way
        self.back_us = None  # the way back, where it differs
        self.state = Relay.UP
        self.retry_s = 2
        self.skew_ms = 0
        self.knows_time = True
        self.status = OK
        self.kept = {}  # seq, or (epoch, seq) of another epoch: frame without link tag
        self.order = []  # (utc ms, seq, operation tag) of every new frame
        self.refused = 0
        self.probes = self.datagrams = 0
        self.waiting = []  # what lies in a frozen relay's socket
        self.link_up = Cmac(link_key_up(root, SENSOR, KEY_ID, relay_id))
        self.link_down = Cmac(link_key_down(root, SENSOR, KEY_ID, relay_id))

    def answer(self, datagram, utc_ms):
        """The reply to one datagram, or None."""
        if self.state == Relay.DEAD:
            return None
        if self.state == Relay.FROZEN:
            self.waiting.append(datagram)
            return None
        utc_ms = utc_ms + self.skew_ms if self.knows_time else 0
        try:
            if frames.kind_of(datagram) == PROBE:
                probe = frames.read_control(datagram, self.link_up)
                self.probes += 1
                return self._reply(ECHO, probe, utc_ms)
            frame = frames.untag(datagram, self.link_up)
            header = intake.read_header(frame)
        except ProtocolError:
            self.refused += 1
            return None
        self.datagrams += 1
        key = header.seq if header.epoch == EPOCH else (header.epoch, header.seq)
        if self.state == Relay.BUSY and key not in self.kept:
            return self._reply(NACK, header, utc_ms, BUSY, self.retry_s)
        if key not in self.kept:
            self.kept[key] = frame
            self.order.append((utc_ms, header.seq, header.op))
        elif self.kept[key] != frame and self.kept[key][1] == frame[1]:
            raise AssertionError("two frames with one data id and one tag")
        return self._reply(ACK, header, utc_ms)

    def _reply(self, kind, to, utc_ms, status=None, retry_s=0):
        status = self.status if status is None else status
        reply = Control(kind, status, KEY_ID, retry_s, to.sensor_id, to.epoch, to.seq, utc_ms, self.relay_id)
        return reply.pack(self.link_down)


class Net:
    """The clock, the wires and the relays. Loss and duplicates are percentages each way; jitter reorders."""

    def __init__(self, relays, seed=1, loss=0, duplicates=0, jitter_us=0):
        self.relays = {relay.relay_id: relay for relay in relays}
        self.dice = Dice(seed)
        self.loss = loss
        self.duplicates = duplicates
        self.jitter_us = jitter_us
        self.us = 0
        self.sends = []  # (us, relay id, kind) of every datagram that the sensor sent, if `record`
        self.record = False
        self._events = []
        self._n = 0

    def now_us(self):
        """The sensor's counter."""
        return self.us

    def utc_ms(self, at_us=None):
        """The true time."""
        return UTC_AT_0_MS + (self.us if at_us is None else at_us) // 1000

    def at(self, us, call, *args):
        """Calls `call(*args)` when the clock is there."""
        self._n += 1
        heapq.heappush(self._events, (us, self._n, call, args))

    def send(self, relay_id, datagram):
        """The sensor's datagram leaves."""
        if self.record:
            self.sends.append((self.us, relay_id, frames.kind_of(datagram)))
        relay = self.relays[relay_id]
        self._carry(relay.delay_us, self._arrive, relay, datagram)
        return True

    def next_us(self):
        """When something happens next; None if nothing will."""
        return self._events[0][0] if self._events else None

    def advance(self, until_us):
        """Goes on to the next event, at most to `until_us`; gives the datagram that then arrives at the sensor, if any."""
        if not self._events or self._events[0][0] > until_us:
            self.us = max(self.us, until_us)
            return None
        us, _, call, args = heapq.heappop(self._events)
        self.us = max(self.us, us)
        return call(*args)

    def receive(self, wait_us):
        """As the sensor's Wire: the next datagram, waiting for it."""
        until_us = self.us + (wait_us + 999) // 1000 * 1000
        while True:
            datagram = self.advance(until_us)
            if datagram is not None:
                return datagram
            if self.us >= until_us and (self.next_us() is None or self.next_us() > until_us):
                return None

    def state(self, relay_id, state, retry_s=2):
        """Sets how a relay fails; a thawed one answers what lay in its socket."""
        relay = self.relays[relay_id]
        relay.state = state
        relay.retry_s = retry_s
        waiting, relay.waiting = relay.waiting, []
        for datagram in waiting:
            self._arrive(relay, datagram)

    def delay(self, relay_id, delay_us):
        """Makes the way to a relay longer or shorter."""
        self.relays[relay_id].delay_us = delay_us

    def inject(self, datagram):
        """A datagram that arrives at the sensor now, from whoever."""
        return datagram

    def _arrive(self, relay, datagram):
        answer = relay.answer(datagram, self.utc_ms())
        if answer is not None:
            if len(answer) > len(datagram):
                raise AssertionError("a reply longer than its request")
            self._carry(relay.delay_us if relay.back_us is None else relay.back_us, self.inject, answer)

    def _carry(self, delay_us, call, *args):
        for _ in range(2 if self.duplicates and self.dice(100) < self.duplicates else 1):
            if not self.loss or self.dice(100) >= self.loss:
                jitter_us = self.dice(self.jitter_us + 1) if self.jitter_us else 0
                self.at(self.us + delay_us + jitter_us, call, *args)
