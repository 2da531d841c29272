"""S0 pulses (IEC 62053-31): the register lives over reboots on flash, the power comes from the distance of pulses."""

from gridecho.compat import const
from gridecho.errors import ConfigError
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT

from ..compat import ticks_diff, ticks_ms, unwrapped
from ..faults import FlashError
from ..files import read_file, replace_file

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any

_FILE = "pulses"
_MS_WH = const(3_600_000)  # W x ms in a Wh


def open_meter(settings: "dict[str, Any]") -> "S0Meter":
    """The meter on its pin. Raises ConfigError if this board has no such pin, OSError if flash cannot be read."""
    from .. import hw_lines  # no host has it

    pulses = PulseCounter(settings["min_gap_ms"])
    meter = S0Meter(pulses, settings)
    try:
        pulses.pin = hw_lines.pulses(settings["pin"], settings["pull_up"], pulses.edge)
    except (ValueError, OSError):
        raise ConfigError("meter.pin", "an input pin of this board") from None
    return meter


class PulseCounter:
    """Counts edges in a pin's interrupt; one that comes less than `min_gap_ms` after a pulse is a bounce.

    `count` and `span_ms`, the time between the first pulse and the newest, only grow. The board's ticks wrap: `mark` is to be
    called now and then, or a silence of many days is taken for a shorter one.
    """

    def __init__(self, min_gap_ms: int) -> None:
        self.count = 0
        self.bounces = 0
        self.span_ms = 0
        self.pin: Any = None
        self._last_ms = 0  # when the newest pulse was, on a clock that only grows
        self._min_gap_ms = min_gap_ms
        # That clock at some ticks. Replaced as a whole: an interrupt in between finds this one or the next, and both are right.
        self._mark = (0, ticks_ms())
        self._marked_us: int | None = None

    def edge(self, pin: object) -> None:
        """An edge, now."""
        now_ms = self._now_ms()
        if self.count:
            gap_ms = now_ms - self._last_ms
            if 0 <= gap_ms < self._min_gap_ms:
                self.bounces += 1
                return
            self.span_ms += max(gap_ms, 0)
        self._last_ms = now_ms
        self.count += 1

    def mark(self, now_us: int) -> None:
        """It is `now_us` on the sensor's counter: however long that was, wraps of the ticks since the last mark are counted."""
        since_ms, ticks = self._mark
        now = ticks_ms()
        ms = ticks_diff(now, ticks)
        if self._marked_us is not None:
            ms = unwrapped(ms, (now_us - self._marked_us) // 1000)
        self._mark = (since_ms + ms, now)
        self._marked_us = now_us

    def age_ms(self) -> int:
        """The time since the newest pulse."""
        return self._now_ms() - self._last_ms

    def _now_ms(self) -> int:
        since_ms, ticks = self._mark
        return since_ms + int(ticks_diff(ticks_ms(), ticks))

    def close(self) -> None:
        """No edge counts any more."""
        if self.pin is not None:
            self.pin.irq(None)


class S0Meter:
    """The register is `start_wh` and all pulses that were ever counted here, as the file `pulses` remembers them.

    The count is written to flash at most every `save_s` seconds, or every `save_pulses` pulses if that comes first: a power cut
    loses what was counted since. A file that is no count starts at 0 and is `bad`.
    """

    lead_us = 0
    turn_us = 0

    def __init__(self, pulses: PulseCounter, settings: "dict[str, Any]") -> None:
        self._pulses = pulses
        self._per_kwh = settings["pulses_per_kwh"]
        self._start_wh = settings["start_wh"]
        self._save_us = settings["save_s"] * 1_000_000
        self._save_pulses = settings["save_pulses"]
        self._failed = 0
        self._kept = self._saved = self._load()
        self._saved_us: int | None = None
        self._seen = (0, 0)  # count and span at the last read
        self._power_w: int | None = None

    def poll(self, now_us: int) -> None:
        """Nothing: pulses count themselves."""

    def begin(self, now_us: int) -> None:
        """Writes the count to flash if it is time."""
        if self._saved_us is None:
            self._saved_us = now_us
        total = self._kept + self._pulses.count
        fresh = total - self._saved
        if fresh and (now_us - self._saved_us >= self._save_us or fresh >= self._save_pulses):
            self._save(total)
            self._saved_us = now_us

    def read(self, now_us: int) -> "dict[int, int] | None":
        """The register in Wh (whole ones that are full) and, from the second pulse on, the power in W (to the nearest)."""
        self._pulses.mark(now_us)
        count, span_ms = self._pulses.count, self._pulses.span_ms
        while count != self._pulses.count:  # a pulse came between the two
            count, span_ms = self._pulses.count, self._pulses.span_ms
        values = {ENERGY_IMPORT: self._start_wh + (self._kept + count) * 1000 // self._per_kwh}
        power_w = self._power(count, span_ms)
        if power_w is not None:
            values[POWER_IMPORT] = power_w
        return values

    def bad(self) -> int:
        """Edges that came too soon after a pulse, and counts that flash did not keep."""
        return self._pulses.bounces + self._failed

    def close(self) -> None:
        """Writes the count, and gives the pin back."""
        self._pulses.close()
        self._save(self._kept + self._pulses.count)

    def _power(self, count: int, span_ms: int) -> "int | None":
        """The mean over the distances between the pulses since the last read; less if the next one is overdue."""
        gaps = max(count - 1, 0) - max(self._seen[0] - 1, 0)
        if gaps and span_ms > self._seen[1]:
            self._power_w = self._watts(gaps, span_ms - self._seen[1])
        self._seen = (count, span_ms)
        if self._power_w is None:
            return None
        return min(self._power_w, self._watts(1, max(1, self._pulses.age_ms())))

    def _watts(self, gaps: int, ms: int) -> int:
        divisor = self._per_kwh * ms
        return int((gaps * 1000 * _MS_WH + divisor // 2) // divisor)

    def _load(self) -> int:
        content = read_file(_FILE)
        if content is None:
            return 0
        if not content.isdigit():
            self._failed += 1
            return 0
        return int(content)

    def _save(self, total: int) -> None:
        if total != self._saved:
            try:
                replace_file(_FILE, b"%d" % total)
                self._saved = total
            except (OSError, FlashError):
                self._failed += 1
