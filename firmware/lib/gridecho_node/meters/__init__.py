"""Meters: a module a type, each gives readings as integers under the quantity codes of `gridecho.quantities`.

Every module has `open_meter(settings)`, which gives the meter (ConfigError, MeterError); what it takes is checked, and told, by
`gridecho.meter_settings`. A meter has

- `turn_us`: `poll` is to be called at least so often; 0: it needs no turns;
- `lead_us`: how long before a reading `begin` wants to be called, so that it is fresh; 0: it makes no difference;
- `poll(now_us)`: moves bytes, never blocks; a line for the console, at most one a minute, if what it hears makes no reading;
- `begin(now_us)`: a period starts; a polled meter asks now;
- `read(now_us)`: the newest values by code since the last `read`; {} if there are none, None if the series ended; MeterError;
- `bad()`: frames refused and requests without answer so far;
- `close()`: gives its hardware or file back.
"""

from gridecho.compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Meter(Protocol):
        """What the sensor's loop uses of a meter."""

        turn_us: int
        lead_us: int

        def poll(self, now_us: int) -> "str | None": ...
        def begin(self, now_us: int) -> None: ...
        def read(self, now_us: int) -> "dict[int, int] | None": ...
        def bad(self) -> int: ...
        def close(self) -> None: ...


def meter_module(name: str) -> "Any":
    """The module of a type of meter. Only the configured meter's is ever imported on a board."""
    return __import__("gridecho_node.meters." + name, None, None, ("open_meter",))
