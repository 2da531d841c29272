"""Meters on a UART: the driver for those that speak by themselves, and the one for those that are asked."""

from gridecho.compat import const
from gridecho.errors import ConfigError
from gridecho.readings import MAX_VALUE

from .values import scaled

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any, Protocol

    from .framing import Framer

    class Line(Protocol):
        """machine.UART, as far as it is used here."""

        def any(self) -> int: ...
        def readinto(self, buf: "bytearray | memoryview", nbytes: int) -> "int | None": ...
        def write(self, buf: bytes) -> "int | None": ...
        def deinit(self) -> None: ...

    class Asked(Protocol):
        """A parser that knows what to ask its meter."""

        good: int
        bad: int
        noise: int
        heard: int
        refused: dict[str, int]
        answers: int

        def feed(self, data: "bytes | bytearray | memoryview") -> "list[dict[int, int]]": ...
        def reset(self) -> None: ...
        def request(self, number: int) -> "bytes | None": ...


_CHUNK_BYTES = const(256)
_CHUNKS_A_TURN = const(16)  # a line that never falls silent must not keep the sensor
_PUSH_TURN_US = const(100_000)
_ASKED_TURN_US = const(20_000)
_REPLY_US = const(600_000)  # a meter may think for half a second (DL/T 645-2007, 7.3.2)
_REPLY_BYTES = const(60)  # request and reply
_TRIES = const(2)
_SILENCE_US = const(60_000_000)
_KINDS = ("energy", "energy", "power", "power") + 3 * ("voltage",) + 3 * ("current",)  # by quantity code


def open_line(settings: "dict[str, Any]") -> "Line":
    """The UART. Raises ConfigError if this board cannot give it."""
    from .. import hw_lines  # no host has it

    parity = settings["parity"]
    try:
        return hw_lines.uart(  # type: ignore[no-any-return]
            settings["uart"],
            settings["rx"],
            settings["tx"],
            settings["baud"],
            settings["bits"],
            None if parity is None else parity - 1,  # machine's 0 is even, 1 is odd
            settings["stop"],
            settings["invert"],
        )
    except (ValueError, OSError):
        raise ConfigError("meter", "a uart, rx, tx and line settings that this board has") from None


class PushMeter:
    """A meter that speaks by itself. A reading has the newest of each quantity that came since the last one.

    `multiplier`: by what energy, power, voltage and current are multiplied.
    """

    lead_us = 0
    turn_us = _PUSH_TURN_US

    def __init__(self, line: "Line", parser: "Framer | Asked", multiplier: "dict[str, float] | None" = None) -> None:
        self._line = line
        self._parser = parser
        self._ratios: dict[str, tuple[int, int] | None] = {}
        if multiplier:
            from gridecho.checks import ratio  # not in the heap else

            self._ratios = {name: ratio(factor) for name, factor in multiplier.items()}
        self._fresh: dict[int, int] = {}
        self._silent_us: int | None = None  # since when there was no value; None while that is no matter
        self._chunk = bytearray(_CHUNK_BYTES)
        self._view = memoryview(self._chunk)

    def poll(self, now_us: int) -> "str | None":
        """Reads what came. A line for the console after each minute without a value: what was heard instead."""
        if self._silent_us is None:
            self._silent_us = now_us
        if self._receive():
            self._silent_us = now_us
        return self._heard(now_us)

    def _receive(self) -> bool:
        """Whether values came."""
        is_new = False
        for _ in range(_CHUNKS_A_TURN):
            count = min(self._line.any(), _CHUNK_BYTES)
            count = self._line.readinto(self._chunk, count) or 0 if count else 0
            if not count:
                break
            for values in self._parser.feed(self._view[:count]):
                is_new = True
                self._fresh.update(self._multiplied(values) if self._ratios else values)
        return is_new

    def _multiplied(self, values: "dict[int, int]") -> "dict[int, int]":
        result = {}
        for code, value in values.items():
            by = self._ratios.get(_KINDS[code]) if code < len(_KINDS) else None
            product = value if by is None else scaled(value * by[0], by[1])
            if -MAX_VALUE <= product <= MAX_VALUE:
                result[code] = product
        return result

    def _heard(self, now_us: int) -> "str | None":
        if self._silent_us is None or now_us - self._silent_us < _SILENCE_US:
            return None
        self._silent_us = now_us
        parser = self._parser
        line = "heard bytes=%d frames=%d noise=%d" % (parser.heard, parser.good + parser.bad, parser.noise)
        for why in sorted(parser.refused):
            line += " %s=%d" % (why, parser.refused[why])
        return line

    def begin(self, now_us: int) -> None:
        """Nothing: it is not asked."""

    def read(self, now_us: int) -> "dict[int, int] | None":
        """The newest values since the last read, {} if the meter gave none."""
        if self._receive():
            self._silent_us = now_us
        values, self._fresh = self._fresh, {}
        return values

    def bad(self) -> int:
        """Frames refused."""
        return self._parser.bad

    def close(self) -> None:
        """Gives the UART back."""
        self._line.deinit()


class AskedMeter(PushMeter):
    """A meter that is asked, request after request; a reading has the values of one whole round."""

    def __init__(
        self,
        line: "Line",
        parser: "Asked",
        baud: int,
        requests: int,
        multiplier: "dict[str, float] | None" = None,
    ) -> None:
        super().__init__(line, parser, multiplier)
        self._asked = parser
        line_us = _REPLY_BYTES * 11 * 1_000_000 // baud
        self._reply_us = _REPLY_US + line_us
        self.lead_us = requests * (200_000 + line_us)
        self.turn_us = 0
        self._request: int | None = None  # its number, while one is under way
        self._tries = 0
        self._answers = 0
        self._sent_us = 0
        self._round: dict[int, int] = {}
        self._sent = 0
        self._missing = 0

    def begin(self, now_us: int) -> None:
        """Starts a round, unless one is under way."""
        if self._request is None:
            self._round, self._fresh = {}, {}
            if self._silent_us is None:
                self._silent_us = now_us
            self._send(now_us, 0)

    def poll(self, now_us: int) -> "str | None":
        """Reads what came, and asks on when the meter answered or does not. A line for the console as a PushMeter's."""
        if self._receive():
            self._silent_us = None
        self._go_on(now_us)
        line = self._heard(now_us)
        return line and line + " asked=%d unanswered=%d" % (self._sent, self._missing)

    def _go_on(self, now_us: int) -> None:
        if self._request is None:
            return
        if self._asked.answers != self._answers:
            self._round.update(self._fresh)
            self._fresh = {}
            self._send(now_us, self._request + 1)
        elif now_us - self._sent_us >= self._reply_us:
            if self._tries < _TRIES:
                self._send(now_us, self._request, self._tries + 1)
            else:
                self._missing += 1
                self._send(now_us, self._request + 1)

    def read(self, now_us: int) -> "dict[int, int] | None":
        """The values of the newest round that is over; {} if none ended since the last read."""
        if self._receive():
            self._silent_us = None
        self._go_on(now_us)
        if self._request is not None:
            return {}
        values, self._round = self._round, {}
        return values

    def bad(self) -> int:
        """Frames refused, and requests without an answer."""
        return self._parser.bad + self._missing

    def _send(self, now_us: int, request: int, attempt: int = 1) -> None:
        self._asked.reset()
        body = self._asked.request(request)
        if body is None:
            self._request = None
            self.turn_us = 0
            return
        self._request, self._tries = request, attempt
        self._answers = self._asked.answers
        self._sent += 1
        self._sent_us = now_us
        self.turn_us = _ASKED_TURN_US
        self._line.write(body)
