"""What the sensor says on its console, a line an event: a word, then name=value."""

from gridecho.frames import SEND

from . import uplink as up

TROUBLE = (
    "slow",
    "missing",
    "busy",
    "lost",
    "dropped",
    "route",
    "flash",
    "wifi",
    "meter",
    "boot",
)  # what the log keeps


def event_line(event: tuple) -> str:  # type: ignore[type-arg]
    """An event of the uplink."""
    kind = event[0]
    if kind == up.ROUTE or kind == up.SLOW:
        return "%s relay=%d rtt_us=%d" % event
    if kind == up.SEALED:
        return "sealed seq=%d op=%s n=%s" % (event[1], op_name(event[2]), _numbers(event[3]))
    if kind == up.ACKED:
        return "acked seq=%d relay=%d rtt_us=%d n=%s" % (event[1], event[2], event[3], _numbers(event[4]))
    if kind == up.MISSING:
        return "missing seq=%d relay=%d" % event[1:]
    if kind == up.BUSY:
        return "busy relay=%d for_s=%d" % event[1:]
    if kind == up.DROPPED:
        return "dropped count=%d seq=%d" % event[1:]
    return "lost n=%s seq=%d" % event[1:]


def op_name(op: int) -> str:
    """An operation tag in letters."""
    return "SEND" if op == SEND else "STORE"


def _numbers(numbers: "list[int | None]") -> str:
    # "-" is the sensor's own state, or a reading of an earlier boot, whose numbers say nothing now.
    return ",".join("-" if number is None else str(number) for number in numbers)
