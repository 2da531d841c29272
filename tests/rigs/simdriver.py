"""Runs an `Uplink` on a simulated network as uplink.py says, and checks at every turn what must always hold."""

from gridecho import intake
from gridecho.crypto import Siv
from gridecho.frames import PROBE, SEND, STORE
from gridecho.keys import siv_key
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import decode
from gridecho.replay import SeqRuns
from gridecho.states import is_state
from gridecho_node import uplink as up

from tests.rigs.simnet import EPOCH, KEY_ID, ROOT, SECOND_US, SENSOR, Net, Relay


class Driver:
    """Runs one Uplink on a Net and keeps account of every reading, from `submit` to what the relays hold."""

    def __init__(self, net, **settings):
        self.net = net
        self.uplink = up.Uplink(ROOT, SENSOR, KEY_ID, EPOCH, sorted(net.relays), net.dice, **settings)
        self.submitted = {}  # number: (us, operation tag, values)
        self.sealed = {}  # seq: numbers
        self.open = 0  # datagrams sealed and not acknowledged
        self.acked = set()
        self.lost = {}  # number: seq
        self.log = []  # (us, event) of ROUTE, SLOW, MISSING, BUSY
        self.turns = 0
        self.largest = 0
        self.honest = True  # whether every ACK comes from a relay that has the frame
        self.live = False  # whether somebody looked meanwhile: STORE may then be tagged SEND

    def submit(self, op=STORE, values=None):
        """A reading that its number can be told from, or the given one."""
        number = len(self.submitted)
        if values is None:
            values = {ENERGY_IMPORT: 1000 + 7 * number, POWER_IMPORT: number * number % 9001}
        assert self.uplink.submit(self.net.us, op, values) == number
        self.submitted[number] = (self.net.us, op, values)
        self._events()

    def every(self, period_us, count, op_of=None, start_us=0):
        """Schedules `count` readings; `op_of(i)` gives the operation tag."""
        for i in range(count):
            self.net.at(start_us + i * period_us, self.submit, op_of(i) if op_of else STORE)

    def run(self, seconds):
        """Runs for so long."""
        until_us = self.net.us + int(seconds * SECOND_US)
        while self.net.us < until_us:
            self._turn(until_us)

    def run_until(self, condition, seconds):
        """Runs until the condition holds; AssertionError if it does not within so long. Gives the seconds that it took."""
        begun_us = self.net.us
        until_us = begun_us + int(seconds * SECOND_US)
        while not condition():
            if self.net.us >= until_us:
                raise AssertionError(f"not within {seconds} s; waiting {self.uplink.waiting()}")
            self._turn(until_us)
        return (self.net.us - begun_us) / SECOND_US

    def drained(self):
        """Whether all that was submitted so far is acknowledged or was reported as lost."""
        return not self.uplink.waiting()

    def told(self, kind):
        """The events of one kind in the log, each as (us, fields...)."""
        return [(us,) + event[1:] for us, event in self.log if event[0] == kind]

    def _turn(self, until_us):
        net, uplink = self.net, self.uplink
        self.turns += 1
        self._drain()
        now_us = net.us
        wake_us = uplink.next_us(now_us)
        for _ in range(2):
            # A change of mode may be due at once; it must come to something within this very turn.
            if wake_us > now_us:
                break
            self._drain()
            wake_us = uplink.next_us(now_us)
        else:
            if wake_us <= now_us:
                raise AssertionError("next_us is now, but there is nothing to send")
        wake_us = min(wake_us, until_us)
        if net.next_us() is not None:
            wake_us = min(wake_us, net.next_us())
        if wake_us - 1 > now_us:
            mode = uplink.mode
            if uplink.outgoing(wake_us - 1) is not None or uplink.mode != mode:
                raise AssertionError("next_us sleeps past work that was due")
        datagram = net.advance(wake_us)
        if datagram is not None:
            uplink.receive(net.us, datagram)
            self._events()

    def _drain(self):
        for _ in range(100):
            outgoing = self.uplink.outgoing(self.net.us)
            self._events()
            if outgoing is None:
                return
            relay_id, datagram = outgoing
            self.largest = max(self.largest, len(datagram))
            assert len(datagram) <= 1200
            self.uplink.sent(self.net.us)
            self.net.send(relay_id, datagram)
        raise AssertionError("sends without end")

    def _events(self):
        events = self.uplink.events
        while events:
            event = events.pop(0)
            kind = event[0]
            if kind == up.SEALED:
                _, seq, op, numbers = event
                assert seq not in self.sealed
                self.sealed[seq] = numbers
                self.open += 1
                assert self.open <= 4, "more than 4 in flight"
                for number in numbers:
                    assert number is None or self._may_be(op, self.submitted[number][1])
            elif kind == up.ACKED:
                _, seq, relay_id, rtt_us, numbers = event
                assert numbers == self.sealed[seq] and rtt_us >= 0
                self.open -= 1
                if self.honest:
                    assert seq in self.net.relays[relay_id].kept, "acknowledged, but not kept"
                for number in numbers:
                    if number is not None:
                        assert number not in self.acked and number not in self.lost
                        self.acked.add(number)
            elif kind == up.LOST:
                assert event[1] not in self.acked and event[1] not in self.lost
                self.lost[event[1]] = event[2]
            else:
                self.log.append((self.net.us, event))

    def _may_be(self, op, submitted):
        return op == submitted or (self.live and op == SEND)

    def check(self, clock_error_ms):
        """All is delivered as it was submitted: opens what the relays hold with the remote's key. Gives how many it decoded."""
        siv = Siv(siv_key(ROOT, SENSOR, KEY_ID))
        held = {}
        for relay in self.net.relays.values():
            for seq, frame in relay.kept.items():
                assert held.get(seq, frame) == frame, "one data id, two frames"
                held[seq] = frame
        seen = set()
        for seq, frame in held.items():
            header, data = intake.unseal(frame, siv)
            assert (header.sensor_id, header.epoch, header.seq) == (SENSOR, EPOCH, seq)
            readings = decode(data, header.count, header.time_s)
            numbers = self.sealed[seq]
            assert len(readings) == len(numbers)
            for i, reading in enumerate(readings):
                number = numbers[i]
                if number is None:
                    assert all(is_state(code) for code in reading.values) and header.op == SEND
                    continue
                at_us, op, values = self.submitted[number]
                assert number not in seen, "a reading twice"
                seen.add(number)
                assert reading.values == values and self._may_be(header.op, op)
                late_ms = self.net.utc_ms(at_us) - reading.time_s * 1000
                assert -clock_error_ms <= late_ms < 1000 + clock_error_ms, f"a time is wrong by {late_ms} ms"
        missing = [number for number in self.submitted if number not in seen and number not in self.lost]
        assert not missing, f"not delivered: {missing}"
        assert not [number for number in self.lost if number in seen]
        self._check_gaps(held)
        return len(seen)

    def _check_gaps(self, held):
        runs = SeqRuns(10_000)
        for seq in held:
            runs.add(seq)
        gaps = set()
        for first, last in runs.gaps():
            gaps.update(range(first, last + 1))
        newest = max(held) if held else -1
        assert gaps == {seq for seq in self.lost.values() if seq < newest}, "a loss must be a gap, and nothing else"
        assert not [seq for seq in self.lost.values() if seq in self.sealed]


def make_driver(*delays_ms, seed=1, **settings):
    """A driver with relays 1, 2, ... of these one-way delays; its net records what the sensor sends."""
    net = Net([Relay(i + 1, delay_ms * 1000) for i, delay_ms in enumerate(delays_ms)], seed)
    net.record = True
    return Driver(net, **settings)


def rounds_of(net):
    """When each round of probes began: a probe that comes at least 100 ms after the one before."""
    starts = []
    last_us = -SECOND_US
    for us, _, kind in net.sends:
        if kind == PROBE:
            if us - last_us > 100_000:
                starts.append(us)
            last_us = us
    return starts
