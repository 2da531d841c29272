"""Brings readings to a relay: probes, chooses, seals, sends, times every acknowledgement, tries again. No I/O.

The caller owns socket and clock. It takes `outgoing` until that gives None, calls `sent` as each datagram leaves, hands in what
arrives with `receive`, sleeps until `next_us`, and works off `events`. Times are microseconds of one counter that only grows.

Modes, and what leads from one to the next:

    RESTING  --probe_at_us is reached-->            PROBING
    PROBING  --round over, a relay answered-->      SENDING   (event ROUTE)
    PROBING  --round over, none answered-->         RESTING   (probe again later, each time twice as late)
    SENDING  --RTT above the limit, ACK missing,
               or the target is busy-->             RESTING   (probe again after a short random time)
    SENDING  --some seconds after a change-->       RESTING   (probe again at once, and once: others changed too, and slowed what
                                                               was measured)
"""

from gridecho import frames
from gridecho.clock import Clock
from gridecho.compat import const
from gridecho.crypto import Siv
from gridecho.errors import MisuseError, ProtocolError
from gridecho.frames import SEND, STORE, Control
from gridecho.quantities import ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import MAX_VALUE, Reading, encode
from gridecho.route import ProbeRound, choose
from gridecho.rtt import RttEstimator, retry_timeout_us

from .traffic import Flight, Link, Queue, Queued

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from .spool import Batch

RESTING, PROBING, SENDING = 0, 1, 2

# Events, as tuples in `Uplink.events`; numbers are those that `submit` gave, None for the sensor's own state.
ROUTE = "route"  # (ROUTE, relay id, RTT in us): this relay is the target now
SLOW = "slow"  # (SLOW, relay id, RTT in us): above the limit, so all relays are probed again
SEALED = "sealed"  # (SEALED, seq, operation tag, [numbers]): these readings have a data id now
ACKED = "acked"  # (ACKED, seq, relay id, RTT in us, [numbers]): a relay has them on disk
MISSING = "missing"  # (MISSING, seq, relay id): no ACK in time
BUSY = "busy"  # (BUSY, relay id, seconds): the relay asked for a pause
LOST = "lost"  # (LOST, number, seq): the queue was full; this seq is never sent, so that the remote sees the gap
DROPPED = "dropped"  # (DROPPED, count, seq): so many readings on flash were given up, and as many seqs from this one on

IN_FLIGHT = 4  # datagrams without ACK at one time
_QUIET_US = const(200_000)  # a rest of this length is long enough for a write to flash
_STALL_US = const(30_000_000)  # so long a reading waits in RAM for a relay before it should go to flash
_PROBES_EACH = const(3)
_PROBE_SPACING_US = const(40_000)
_PROBE_WAIT_US = const(1_000_000)
_PROBE_JITTER_US = const(50_000)  # so that a thousand sensors that lost one relay do not probe as one
_PROBE_PAUSE_US = const(2_000_000)  # the least time between two rounds, or a slow LAN would be probed without end
_CONFIRM_US = const(5_000_000)  # times 1 to 1.5: a crowd that lost its relay has sent by then what it had kept
_PROBE_REST_US = const(1_000_000)
_PROBE_REST_MOST_US = const(40_000_000)  # times 1 to 1.5: a minute at most
_SENDS_TO_ONE = const(2)  # so often a datagram goes to one relay before all relays are probed again


class Uplink:
    """One sensor's way to its relays. `randrange(n)` gives a random number from 0 to n - 1."""

    def __init__(
        self,
        root: bytes,
        sensor_id: int,
        key_id: int,
        epoch: int,
        relay_ids: "list[int]",
        randrange: "Callable[[int], int]",
        rtt_limit_us: int = 250_000,
        queue_readings: int = 64,
        readings_per_datagram: int = 32,
    ) -> None:
        from gridecho.keys import siv_key  # it and what it needs can leave the heap afterwards

        self.epoch = epoch
        self.clock = Clock()
        self.route: tuple[int, int] | None = None  # (relay id, RTT in us)
        self.mode = RESTING
        self.live_wanted = False
        self.order_waiting = False
        self.acked = 0  # datagrams that a relay has
        self.hold_store = False  # set while older readings on flash go first
        self.refused = 0  # datagrams that were not a relay's reply to us
        self.lost = 0  # readings given up
        self.returned: list[Batch] = []  # of `offer`, that a relay has now; whoever keeps them takes them off
        self.events: list[tuple] = []  # type: ignore[type-arg]
        self.sensor_id = sensor_id
        self.key_id = key_id
        self._siv = Siv(siv_key(root, sensor_id, key_id))
        self._links = {relay_id: Link(root, sensor_id, key_id, relay_id) for relay_id in relay_ids}
        self._randrange = randrange
        self._rtt_limit_us = rtt_limit_us
        self._readings_per_datagram = readings_per_datagram
        self._rtt = RttEstimator()
        self._late = False  # whether the last ACK came later than the RTT limit
        self._queue = Queue(queue_readings)
        self._flights: dict[tuple[int, int], Flight] = {}  # by epoch and seq
        self._seq = 0
        self._numbers = 0
        self._probes = 0
        self._round: ProbeRound | None = None
        self._round_over_us = -_PROBE_PAUSE_US
        self._probe_at_us = 0
        self._confirm_at_us: int | None = None  # when a new target is measured once more
        self._confirming = False
        self._rest_us = _PROBE_REST_US
        self._prepared: tuple[int, int, Flight | None] | None = None  # (relay id, probe number, flight)
        self._unanswered_us: int | None = None  # when the first datagram left since a relay of ours replied

    def submit(self, now_us: int, op: int, values: "dict[int, int]") -> int:
        """Takes a reading, made now, with its operation tag; gives its number. When the queue is full the oldest is lost.

        Raises MisuseError for what can't be encoded: refused here, it is in nobody's way; refused when it is sealed, it would be.
        """
        number = self._numbers
        queued = Queued(number, now_us, op == SEND, values)
        if max(values.values()) > MAX_VALUE or min(values.values()) < -MAX_VALUE:
            raise MisuseError("a value beyond 53 bits")
        oldest = self._queue.add(queued)
        if oldest is not None:
            self.events.append((LOST, oldest.number, self._seq))
            self._seq += 1
            self.lost += 1
        self._numbers += 1
        return number

    def tell(self, now_us: int, op: int, values: "dict[int, int]") -> None:
        """Takes the sensor's own state to the remote; what was told and did not leave yet goes with it, the newer value counts."""
        self._queue.tell(now_us, op == SEND, values)

    def stalled(self, now_us: int) -> bool:
        """Whether readings wait in RAM that should be on flash: nobody took them for long, or they are many."""
        if self._queue.half_full():
            return True
        if self.mode == SENDING:
            return False
        since_us = now_us - _STALL_US
        readings = self._queue.readings
        if readings and readings[0].at_us <= since_us:
            return True
        return any(flight.batch is None and flight.first_us <= since_us for flight in self._flights.values())

    def unsealed(self) -> "list[Queued]":
        """The readings that have no data id yet, oldest first."""
        return self._queue.readings

    def sealed(self) -> "list[Flight]":
        """The datagrams on their way whose readings are only in RAM, but for the sensor's own state."""
        return [flight for flight in self._flights.values() if flight.batch is None and flight.numbers[0] is not None]

    def take_off(self, count: int, sealed: "list[Flight]") -> None:
        """The first `count` unsealed readings and these datagrams are on flash now, and come back by `offer`."""
        del self._queue.readings[:count]
        for flight in sealed:
            self._flights.pop((flight.epoch, flight.seq), None)

    def next_seq(self) -> int:
        """The seq of the next data id."""
        return self._seq

    def offer(self, batch: "Batch") -> None:
        """Takes readings back from flash, to send them at once. They come back on `returned` when a relay has them."""
        flight = Flight(batch.epoch, batch.seq, batch.urgent, batch.numbers, batch.time_s, batch.data, batch)
        if batch.epoch == self.epoch and batch.seq == self._seq:
            self._seq += 1
            self.events.append((SEALED, batch.seq, self._op(batch.urgent), batch.numbers))
        self._flights[(batch.epoch, batch.seq)] = flight

    def give_up(self, count: int, sent: int) -> None:
        """Readings on flash were given up: for each of `count` a seq is never sent, so that the remote sees the gap.

        The `sent` others have a data id: theirs is the gap, unless a relay had them after all.
        """
        self.events.append((DROPPED, count + sent, self._seq))
        self._seq += count
        self.lost += count + sent

    def idle(self) -> bool:
        """Whether there is a route, nothing is on its way and nothing is to be sent."""
        return not self._flights and self.mode == SENDING and not self._may_seal()

    def quiet(self, now_us: int) -> bool:
        """Whether flash may be written: it is idle, or rests for long enough."""
        return self.idle() or (self.mode == RESTING and self._probe_at_us - now_us >= _QUIET_US)

    def silent_us(self, now_us: int) -> int:
        """For how long nothing that was sent has been answered; 0 if nothing waits for an answer."""
        return now_us - self._unanswered_us if self._unanswered_us is not None else 0

    def probe_now(self, now_us: int) -> None:
        """Ends SENDING or resting for a round of probes at once."""
        if self.mode != PROBING:
            self._rest_until(now_us)

    def link(self, relay_id: int) -> Link:
        """What this sensor and the relay prove themselves with."""
        return self._links[relay_id]

    def waiting(self) -> int:
        """How many readings are not acknowledged yet."""
        return self._queue.count() + sum(len(flight.numbers) for flight in self._flights.values())

    def outgoing(self, now_us: int) -> "tuple[int, bytes] | None":
        """(relay id, datagram) to send now, then call `sent`; None if there is nothing to send before `next_us`."""
        if self.mode == RESTING and now_us >= self._probe_at_us:
            self._begin_round(now_us)
        if self.mode == PROBING:
            return self._outgoing_probe(now_us)
        if self.mode == SENDING:
            if self._confirm_at_us is not None and now_us >= self._confirm_at_us and not self._flights:
                self._confirming = True
                self._rest_until(now_us)
                return self.outgoing(now_us)
            return self._outgoing_data(now_us)
        return None

    def sent(self, now_us: int) -> None:
        """The datagram that `outgoing` gave leaves now (or could not: then it counts as lost on the way)."""
        if self._prepared is None:
            return
        relay_id, probe, flight = self._prepared
        self._prepared = None
        if self._unanswered_us is None:
            self._unanswered_us = now_us
        if flight is None:
            if self._round is not None:
                self._round.sent(probe, relay_id, now_us)
            return
        if not flight.sends and flight.once_only:
            flight.first_us = now_us
        flight.due_us = now_us + retry_timeout_us(self._rtt.rto_us(), flight.sends, self._randrange(65536))
        flight.sends += 1
        flight.relay_id = relay_id
        flight.asked.add(relay_id)

    def next_us(self, now_us: int) -> int:
        """When `outgoing` may have something again, if nothing is submitted or received before."""
        if self.mode == RESTING:
            return self._probe_at_us
        if self.mode == PROBING and self._round is not None:
            return self._round.next_us()
        next_us = now_us + _PROBE_REST_MOST_US
        for flight in self._flights.values():
            next_us = min(next_us, flight.due_us)
        if self._confirm_at_us is not None and not self._flights:
            next_us = min(next_us, self._confirm_at_us)
        if self._may_seal():
            return now_us
        return next_us

    def receive(self, now_us: int, datagram: bytes) -> None:
        """Takes what came in at the socket. What is not a relay's reply to this sensor is counted in `refused`, nothing else."""
        try:
            reply = self._verified(datagram)
        except ProtocolError:
            self.refused += 1
            return
        self._unanswered_us = None
        self._links[reply.relay_id].silent = False
        if reply.kind == frames.ECHO:
            self._take_echo(now_us, reply)
        elif reply.kind == frames.ACK:
            self._take_ack(now_us, reply)
        elif reply.kind == frames.NACK:
            self._take_nack(now_us, reply)

    def _verified(self, datagram: bytes) -> Control:
        frames.kind_of(datagram)
        # The relay's id stands in the reply itself; only that relay's key verifies it.
        link = self._links.get(int.from_bytes(datagram[24:28], "big"))
        if link is None:
            raise ProtocolError("reply", "from a relay that is not ours")
        reply = frames.read_control(datagram, link.down)
        if reply.sensor_id != self.sensor_id:
            raise ProtocolError("reply", "to another sensor")
        if reply.epoch != self.epoch and (reply.kind == frames.ECHO or (reply.epoch, reply.seq) not in self._flights):
            raise ProtocolError("reply", "to another epoch")
        return reply

    def _take_echo(self, now_us: int, echo: Control) -> None:
        if self._round is None:
            return
        rtt_us = self._round.echo(echo.seq, echo.relay_id, now_us)
        if rtt_us is not None:
            self.clock.sample(now_us - rtt_us, now_us, echo.utc_ms, echo.relay_id)
            self._take_status(echo.status)

    def _take_ack(self, now_us: int, ack: Control) -> None:
        flight = self._flights.get((ack.epoch, ack.seq))
        if flight is None or ack.relay_id not in flight.asked:
            return
        del self._flights[(ack.epoch, ack.seq)]
        if flight.batch is not None:
            self.returned.append(flight.batch)
        rtt_us = now_us - flight.first_us
        self.acked += 1
        self._take_status(ack.status)
        self.events.append((ACKED, ack.seq, ack.relay_id, rtt_us, flight.numbers))
        if not flight.once_only:
            return
        late, late_before = rtt_us > self._rtt_limit_us, self._late
        self._late = late
        if flight.sends == 1:
            # Karn's rule: the ACK of a datagram that was sent again does not say which of the two it answers.
            self._rtt.sample(rtt_us)
            self.clock.sample(flight.first_us, now_us, ack.utc_ms, ack.relay_id)
        elif not late_before:
            # Once, the first may have been lost. Twice running, the relay is slow, and only the retries hide it.
            return
        if late and self._probe_again(now_us):
            self.events.append((SLOW, ack.relay_id, rtt_us))

    def _take_status(self, status: int) -> None:
        self.live_wanted = bool(status & frames.LIVE_WANTED)
        self.order_waiting = bool(status & frames.ORDER_WAITING)

    def _take_nack(self, now_us: int, nack: Control) -> None:
        flight = self._flights.get((nack.epoch, nack.seq))
        if flight is None or flight.relay_id != nack.relay_id:
            return
        pause_s = max(1, nack.retry_after_s)
        link = self._links[nack.relay_id]
        link.busy_until_us = now_us + pause_s * 1_000_000
        flight.due_us = link.busy_until_us
        self.events.append((BUSY, nack.relay_id, pause_s))
        if self.mode == SENDING:
            self._rest_until(now_us + self._randrange(_PROBE_JITTER_US))

    def _begin_round(self, now_us: int) -> None:
        ready = self._ready(now_us)
        if not ready:
            self._probe_at_us = min(link.busy_until_us for link in self._links.values())
            return
        self._round = ProbeRound(ready, now_us, _PROBES_EACH, _PROBE_SPACING_US, _PROBE_WAIT_US)
        self.mode = PROBING

    def _ready(self, now_us: int) -> "list[int]":
        return [relay_id for relay_id, link in self._links.items() if link.busy_until_us <= now_us]

    def _outgoing_probe(self, now_us: int) -> "tuple[int, bytes] | None":
        probes = self._round
        if probes is None:
            return None
        relay_id = probes.due(now_us)
        if relay_id is None:
            if probes.over(now_us):
                self._end_round(now_us, probes)
                return self.outgoing(now_us)
            return None
        self._probes += 1
        self._prepared = (relay_id, self._probes, None)
        probe = Control(frames.PROBE, 0, self.key_id, 0, self.sensor_id, self.epoch, self._probes, 0, relay_id)
        return relay_id, probe.pack(self._links[relay_id].up)

    def _end_round(self, now_us: int, probes: ProbeRound) -> None:
        self._round = None
        self._round_over_us = now_us
        confirming, self._confirming, self._confirm_at_us = self._confirming, False, None
        ready = self._ready(now_us)  # one may have asked for a pause while the round was on
        for relay_id in ready:
            if relay_id not in probes.least_us:
                self._links[relay_id].silent = True
        answered = {relay_id: rtt_us for relay_id, rtt_us in probes.least_us.items() if relay_id in ready}
        best = choose(answered, self._randrange)
        if best is None:
            self._rest_until(now_us + self._rest_us + self._randrange(self._rest_us // 2))
            self._rest_us = min(_PROBE_REST_MOST_US, self._rest_us * 2)
            return
        self._rest_us = _PROBE_REST_US
        self.mode = SENDING
        if self.route is None or self.route[0] != best[0]:
            # Not after a second look, or two relays alike would take turns for ever.
            if self.route is not None and not confirming:
                self._confirm_at_us = now_us + _CONFIRM_US + self._randrange(_CONFIRM_US // 2)
            self._rtt = RttEstimator()
            self.tell(now_us, SEND, {ROUTE_RELAY: best[0], ROUTE_RTT: best[1]})
        self._rtt.sample(best[1])
        self._late = False
        self.route = best
        self.events.append((ROUTE, best[0], best[1]))
        # What is on its way goes out again at once, by the new route.
        for flight in self._flights.values():
            flight.due_us = now_us
            flight.sends = 0
            flight.once_only = False

    def _outgoing_data(self, now_us: int) -> "tuple[int, bytes] | None":
        if self.route is None:
            return None
        flight = self._due_flight(now_us)
        if self.mode != SENDING:
            return None
        if flight is None:
            if not self._may_seal():
                return None
            flight = self._seal_next()
        relay_id = self.route[0]
        self._prepared = (relay_id, 0, flight)
        send = self._op(flight.urgent) == SEND
        frame = flight.seal(self.sensor_id, self.key_id, send, self._siv)
        return relay_id, frames.tag(frame, self._links[relay_id].up)

    def _due_flight(self, now_us: int) -> "Flight | None":
        for flight in self._flights.values():
            if flight.due_us <= now_us:
                if flight.sends:
                    self.events.append((MISSING, flight.seq, flight.relay_id))
                if flight.sends >= _SENDS_TO_ONE and self._probe_again(now_us):
                    return None
                return flight
        return None

    def _probe_again(self, now_us: int) -> bool:
        """Ends SENDING for a new round, unless the last one was just now."""
        if self.mode != SENDING or now_us - self._round_over_us < _PROBE_PAUSE_US:
            return False
        self._rest_until(now_us + self._randrange(_PROBE_JITTER_US))
        return True

    def _rest_until(self, at_us: int) -> None:
        self.mode = RESTING
        self._probe_at_us = at_us

    def _op(self, urgent: bool) -> int:
        """The operation tag now: what is not urgent is wanted at once all the same while somebody looks."""
        return SEND if urgent or self.live_wanted else STORE

    def _may_seal(self) -> bool:
        return len(self._flights) < IN_FLIGHT and self._queue.may_leave(self.live_wanted, self.hold_store)

    def _seal_next(self) -> Flight:
        chosen = self._queue.choose(self.live_wanted, self._readings_per_datagram)
        while True:
            readings = [Reading(self.clock.utc_ms(queued.at_us) // 1000, queued.values) for queued in chosen]
            dated = bool(readings[0].time_s)
            if bool(readings[-1].time_s) != dated:
                # A relay's clock is at an end of time, and only some of them have a UTC by it: a datagram has one kind.
                readings = [reading for reading in readings if bool(reading.time_s) == dated]
                chosen = chosen[: len(readings)]
            data = encode(readings)
            if len(data) <= frames.MAX_SEALED - frames.SIV_BYTES:
                break
            chosen = chosen[: len(chosen) // 2]
        self._queue.take(chosen)
        urgent = any(queued.urgent for queued in chosen)
        numbers = [queued.number for queued in chosen]
        flight = Flight(self.epoch, self._seq, urgent, numbers, readings[0].time_s, data, None)
        self._seq += 1
        self._flights[(self.epoch, flight.seq)] = flight
        self.events.append((SEALED, flight.seq, self._op(urgent), numbers))
        return flight
