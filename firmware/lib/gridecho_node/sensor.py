"""The sensor's loop: read the meter each period, let the uplink send, keep flash up to date, say on the console what happens."""

import gc

from gridecho.compat import const
from gridecho.frames import PIECE, SEND, STORE
from gridecho.quantities import CONFIG_VERSION, FIRMWARE_VERSION, HEAP_FREE, LOST, METER_BAD, REFUSED, REJOINS, SPOOLED

from .compat import heap_free
from .faults import FlashError, MeterError
from .files import write_route
from .lines import event_line, op_name

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .backlog import Backlog
    from .compat import Counter, Wire
    from .hw import Radio
    from .meters import Meter
    from .names import Names
    from .orders import Orders
    from .port import Port
    from .ring import Ring
    from .rules import Tagger
    from .uplink import Uplink
    from .watch import Watch

_DATAGRAMS_A_TURN = const(32)  # a flood must not keep the meter waiting
_LONGEST_WAIT_US = const(1_000_000)  # the watchdog and the console want a turn at least so often
_TELL_US = const(3_600_000_000)  # the sensor's own state goes to the remote so often
_ROUTES_AN_HOUR = const(4)  # written to flash at most
_ORDER_US = const(20_000)  # pieces of an order come one after the other, but not in a row without end
_SILENCE_US = const(120_000_000)  # after so long something is done about the radio
_FLASH_PAUSE_US = const(60_000_000)  # after flash failed


class Sensor:
    """Wires meter, rules, uplink, flash ring and socket. `say(line)` prints; `facts` are state codes that hold until the next boot.

    Without `ring` what no relay takes waits in RAM only; without `radio` nothing is done about a network that carries nothing.
    """

    def __init__(
        self,
        meter: "Meter",
        tagger: "Tagger",
        uplink: "Uplink",
        wire: "Wire",
        counter: "Counter",
        period_us: int,
        kept_route: "int | None",
        say: "Callable[[str], None]",
        ring: "Ring | None" = None,
        radio: "Radio | None" = None,
        facts: "dict[int, int] | None" = None,
        orders: "Orders | None" = None,
        names: "Names | None" = None,
    ) -> None:
        self.uplink = uplink
        self._meter: Meter | None = meter
        self._tagger = tagger
        self._wire = wire
        self._counter = counter
        self._period_us = period_us
        self._kept_route = kept_route
        self._say = say
        self._ring = ring
        self._backlog: Backlog | None = ring.found() if ring is not None else None
        self._radio = radio
        self._facts = facts or {}
        self._orders = orders
        self._names = names
        self._watch: Watch | None = None
        self._reading_at_us = counter.now_us()
        self._begun = False  # whether the meter was asked for the next reading
        self._rested = False
        self._told_us: int | None = None
        self._meter_bad = 0
        self._route_hour_us = self._reading_at_us
        self._route_writes = 0
        self._flash_at_us = 0

    def run(self, port: "Port", watchdog: "Any") -> None:
        """The loop, for ever. The watchdog, if there is one, is fed only after a whole turn."""
        while True:
            self.step()
            port.turn()
            if watchdog is not None:
                watchdog.feed()

    def step(self) -> None:
        """One whole turn: what is due is done, then it waits for a datagram or for the next thing that is due."""
        now_us = self._counter.now_us()
        self._turn_meter(now_us)
        if self._told_us is None or now_us - self._told_us >= _TELL_US:
            self._tell(now_us)
        self._send_all()
        self._report()
        self._keep_flash()
        wait_us = self._wait_us()
        for _ in range(_DATAGRAMS_A_TURN):
            datagram = self._wire.receive(wait_us)
            if datagram is None:
                break
            if self._orders is not None and datagram and datagram[0] & 15 == PIECE:
                self._orders.receive(self._counter.now_us(), datagram)
            else:
                self.uplink.receive(self._counter.now_us(), datagram)
            wait_us = 0
        self._report()
        if self._orders is not None or self.uplink.order_waiting:
            self._turn_orders()
        if self._radio is not None:
            self._watch_radio(self._radio)

    def read_now(self, op: int) -> "int | None":
        """Takes a reading out of turn, with this operation tag; its number, None if the meter gave nothing."""
        now_us = self._counter.now_us()
        values = self._meter.read(now_us) if self._meter is not None else None
        return self._submit(now_us, op, values) if values else None

    def probe_now(self) -> None:
        """Begins a round of probes with the next turn."""
        self.uplink.probe_now(self._counter.now_us())

    def status(self) -> str:
        """Everything that a technician wants to see, in one line."""
        now_us = self._counter.now_us()
        uplink = self.uplink
        relay_id, rtt_us = uplink.route or (0, 0)
        line = "status up_s=%d relay=%d rtt_us=%d waiting=%d lost=%d meter_bad=%d rejoins=%d heap=%d" % (
            now_us // 1_000_000,
            relay_id,
            rtt_us,
            uplink.waiting(),
            uplink.lost,
            self._bad(),
            self._rejoins(),
            heap_free(),
        )
        if self._ring is None:
            return line
        spooled, room = 0, self._ring.readings
        if self._backlog is not None:
            spooled, room = self._backlog.spool.count(), self._backlog.spool.room()
        return line + " spooled=%d covers_h=%d" % (spooled, room * (self._period_us // 1000) // 3_600_000)

    # --- the meter ---

    def _turn_meter(self, now_us: int) -> None:
        if self._meter is None:
            return
        heard = self._meter.poll(now_us)
        if heard:
            self._say(heard)
        if not self._begun and now_us >= self._reading_at_us - self._meter.lead_us:
            self._meter.begin(now_us)
            self._begun = True
        if now_us >= self._reading_at_us:
            self._read_meter(now_us)

    def _read_meter(self, now_us: int) -> None:
        ended = "meter ended"
        try:
            values = self._meter.read(now_us) if self._meter is not None else None
        except MeterError as error:
            values, ended = None, "meter broken: %s" % error
        if values is None:
            # What was read so far is still brought to a relay.
            self._say(ended)
            self._meter_bad = self._bad()
            self._meter = None
            return
        if values:
            self._submit(now_us, self._tagger.tag(values), values)
        # A turn that came late does not move the ones after it; what was missed for longer than a period is not made up.
        periods = (now_us - self._reading_at_us) // self._period_us + 1
        self._reading_at_us += periods * self._period_us
        self._begun = False
        self._rested = False

    def _submit(self, now_us: int, op: int, values: "dict[int, int]") -> int:
        number = self.uplink.submit(now_us, op, values)
        if self._ring is not None:
            self._ring.measure(values)
        self._say("reading n=%d op=%s at=%d" % (number, op_name(op), self.uplink.clock.utc_ms(now_us)))
        return number

    def _bad(self) -> int:
        return self._meter.bad() if self._meter is not None else self._meter_bad

    # --- the network ---

    def _tell(self, now_us: int) -> None:
        values = dict(self._facts)
        values[SPOOLED] = self._backlog.spool.count() if self._backlog is not None else 0
        values[LOST] = self.uplink.lost
        values[METER_BAD] = self._bad()
        values[HEAP_FREE] = heap_free()
        values[REJOINS] = self._rejoins()
        values[REFUSED] = self.uplink.refused
        self.uplink.tell(now_us, SEND if self._told_us is None else STORE, values)
        self._told_us = now_us

    def _send_all(self) -> None:
        outgoing = self.uplink.outgoing(self._counter.now_us())
        while outgoing is not None:
            relay_id, datagram = outgoing
            sent_us = self._counter.now_us()
            self._wire.send(relay_id, datagram)
            self.uplink.sent(sent_us)
            outgoing = self.uplink.outgoing(self._counter.now_us())

    def _wait_us(self) -> int:
        now_us = self._counter.now_us()
        until_us = min(self.uplink.next_us(now_us), now_us + _LONGEST_WAIT_US)
        if self._orders is not None:
            until_us = min(until_us, max(self._orders.next_us(), now_us + _ORDER_US))
        if self._meter is not None:
            until_us = min(until_us, self._due_us())
            if self._meter.turn_us:
                until_us = min(until_us, now_us + self._meter.turn_us)
        return max(0, until_us - now_us)

    def _due_us(self) -> int:
        """When the meter wants to be asked or read next; far away if it ended."""
        if self._meter is None:
            return self._counter.now_us() + _TELL_US
        return self._reading_at_us - (0 if self._begun else self._meter.lead_us)

    def _rejoins(self) -> int:
        return self._watch.rejoins if self._watch is not None else 0

    def _watch_radio(self, radio: "Radio") -> None:
        now_us = self._counter.now_us()
        silent_us = self.uplink.silent_us(now_us)
        if self._watch is None and silent_us < _SILENCE_US:
            return
        watch = self._open_watch()
        what = watch.due(silent_us, now_us)
        if what is None:
            return
        self._say("wifi %s" % what)
        if what != "rejoin":
            self._restart(radio)
            return
        try:
            radio.rejoin()
        except (OSError, RuntimeError) as error:
            self.radio_failed(error)
        else:
            watch.works()
        self._wire.reopen()
        if self._names is not None:
            self._names.again()

    def radio_failed(self, error: Exception) -> None:
        """The radio gave an error. It is tried again, for ever; until then readings are taken and kept."""
        self._say("wifi error=%s" % error)
        self._open_watch().failed(self._counter.now_us())

    def _open_watch(self) -> "Watch":
        if self._watch is None:
            from .watch import Watch  # most sensors never need it

            self._watch = Watch(_SILENCE_US)
        return self._watch

    def _turn_orders(self) -> None:
        if self._orders is None:
            from .orders import Orders  # few boots see an order

            self._orders = Orders(self.uplink, self._wire)
        try:
            restart = self._orders.turn(self._counter.now_us())
        except OSError as error:
            self._say("flash order=%s" % error)
            return
        if self._orders.in_force:
            # Only what is in force is told, and it is told at once.
            self._facts[CONFIG_VERSION], self._facts[FIRMWARE_VERSION] = self._orders.in_force
            self._orders.in_force = ()
            self._told_us = None
        if restart and self._radio is not None:
            self._say("order restart")
            self._restart(self._radio)

    def _restart(self, radio: "Radio") -> None:
        if self._meter is not None:
            self._meter.close()  # it may have pulses to keep
        if self._ring is not None:
            try:
                self._open_backlog(self._ring).keep_all()
            except OSError as error:
                self._say("flash spool=%s" % error)
        radio.restart()

    # --- flash ---

    def _keep_flash(self) -> None:
        # Writing flash and collecting garbage take milliseconds: they wait for a moment in which they are in no RTT's way.
        now_us = self._counter.now_us()
        quiet = self.uplink.quiet(now_us)
        ring = self._ring
        if (
            ring is not None
            and now_us >= self._flash_at_us
            and (self.uplink.stalled(now_us) or (quiet and self._backlog))
        ):
            try:
                self._open_backlog(ring).turn(now_us)
            except OSError as error:
                self._say("flash spool=%s" % error)
                self._flash_at_us = now_us + _FLASH_PAUSE_US
            self._report()
            self._send_all()
        if quiet:
            self._keep_route(now_us)
            if not self._rested:
                self._rested = True
                gc.collect()
                self._say(self.status())
        if self._names is not None:
            now_us = self._counter.now_us()
            if self.uplink.quiet(now_us):
                self._names.turn(now_us, self._due_us() - now_us, self._period_us)

    def _open_backlog(self, ring: "Ring") -> "Backlog":
        if self._backlog is None:
            self._backlog = ring.open()
        return self._backlog

    def _keep_route(self, now_us: int) -> None:
        route = self.uplink.route
        if route is None or route[0] == self._kept_route:
            return
        if now_us - self._route_hour_us >= 3_600_000_000:
            self._route_hour_us = now_us
            self._route_writes = 0
        if self._route_writes >= _ROUTES_AN_HOUR:
            return
        self._route_writes += 1
        self._kept_route = route[0]
        try:
            write_route(route[0], route[1])
        except (OSError, FlashError) as error:
            self._say("flash route=%s" % error)

    def _report(self) -> None:
        events = self.uplink.events
        while events:
            self._say(event_line(events.pop(0)))
