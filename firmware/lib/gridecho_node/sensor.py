"""The sensor's loop: read the meter each period, let the uplink send, keep the route, say on the console what happens."""

import gc

from gridecho.frames import SEND

from . import uplink as up
from .files import FlashError, write_route
from .meters import MeterError

TYPE_CHECKING = False  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from .compat import Counter, Wire
    from .meters import Meter
    from .rules import Tagger
    from .uplink import Uplink

_DATAGRAMS_A_TURN = 32  # a flood must not keep the meter waiting
_LONGEST_WAIT_US = 1_000_000  # the watchdog and the console want a turn at least so often


class Sensor:
    """Wires a meter, the tagging rules, the uplink and the socket; `say(line)` prints on the console."""

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
    ) -> None:
        self.uplink = uplink
        self._meter: Meter | None = meter
        self._tagger = tagger
        self._wire = wire
        self._counter = counter
        self._period_us = period_us
        self._kept_route = kept_route
        self._say = say
        self._reading_at_us = counter.now_us()
        self._rested = False

    def step(self) -> None:
        """One whole turn: what is due is done, then it waits for a datagram or for the next thing that is due."""
        now_us = self._counter.now_us()
        if self._meter is not None:
            self._meter.poll(now_us)
            if now_us >= self._reading_at_us:
                self._read_meter(now_us)
        self._send_all()
        self._report()
        if self.uplink.idle():
            self._use_quiet()
        wait_us = self._wait_us()
        for _ in range(_DATAGRAMS_A_TURN):
            datagram = self._wire.receive(wait_us)
            if datagram is None:
                break
            self.uplink.receive(self._counter.now_us(), datagram)
            wait_us = 0
        self._report()

    def _read_meter(self, now_us: int) -> None:
        ended = "meter ended"
        try:
            values = self._meter.read(now_us) if self._meter is not None else None
        except MeterError as error:
            values, ended = None, "meter broken: %s" % error
        if values is None:
            # What was read so far is still brought to a relay.
            self._say(ended)
            self._meter = None
            return
        if self._meter is not None:
            self._meter.begin(now_us)
        if values:
            op = self._tagger.tag(values)
            number = self.uplink.submit(now_us, op, values)
            self._say(
                "reading n=%d op=%s at=%d"
                % (number, "SEND" if op == SEND else "STORE", self.uplink.clock.utc_ms(now_us))
            )
        # A turn that came late does not move the ones after it; what was missed for longer than a period is not made up.
        periods = (now_us - self._reading_at_us) // self._period_us + 1
        self._reading_at_us += periods * self._period_us
        self._rested = False

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
        if self._meter is not None:
            until_us = min(until_us, self._reading_at_us)
            if self._meter.turn_us:
                until_us = min(until_us, now_us + self._meter.turn_us)
        return max(0, until_us - now_us)

    def _use_quiet(self) -> None:
        # Writing flash and collecting garbage take milliseconds: here they are in no RTT's way.
        route = self.uplink.route
        if route is not None and route[0] != self._kept_route:
            try:
                write_route(route[0], route[1])
            except (OSError, FlashError) as error:
                self._say("flash route=%s" % error)
            self._kept_route = route[0]
        if not self._rested:
            gc.collect()
            self._rested = True

    def _report(self) -> None:
        events = self.uplink.events
        while events:
            event = events.pop(0)
            self._say(_line(event))


def _line(event: tuple) -> str:  # type: ignore[type-arg]
    kind = event[0]
    if kind == up.ROUTE or kind == up.SLOW:
        return "%s relay=%d rtt_us=%d" % event
    if kind == up.SEALED:
        return "sealed seq=%d op=%s n=%s" % (event[1], "SEND" if event[2] == SEND else "STORE", _numbers(event[3]))
    if kind == up.ACKED:
        return "acked seq=%d relay=%d rtt_us=%d n=%s" % (event[1], event[2], event[3], _numbers(event[4]))
    if kind == up.MISSING:
        return "missing seq=%d relay=%d" % event[1:]
    if kind == up.BUSY:
        return "busy relay=%d for_s=%d" % event[1:]
    return "lost n=%s seq=%d" % event[1:]


def _numbers(numbers: "list[int | None]") -> str:
    # "-" is the sensor's own state, which has no number.
    return ",".join("-" if number is None else str(number) for number in numbers)
