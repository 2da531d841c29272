"""Looks up the names of relays that are silent: their addresses may have changed. Only a sensor with names has this in its heap."""

from gridecho.compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from .compat import Counter, Wire
    from .uplink import Uplink

_ROOM_US = const(10_000_000)  # a board's resolver blocks for as long where no server answers
_PAUSE_US = const(10_000_000)  # and twice as long each time, while relays stay silent
_PAUSE_MOST_US = const(3_600_000_000)


class Names:
    """`relay_ids` are those that are known by name. `turn` asks for one name at most, where no reading has to wait for it."""

    def __init__(
        self, relay_ids: "list[int]", uplink: "Uplink", wire: "Wire", counter: "Counter", say: "Callable[[str], None]"
    ) -> None:
        self._relay_ids = relay_ids
        self._uplink = uplink
        self._wire = wire
        self._counter = counter
        self._say = say
        self._due: dict[int, tuple[int, int]] = {}  # relay that was asked for: (when again, the pause after that)

    def again(self) -> None:
        """The network is another: all are asked for soon."""
        self._due.clear()

    def turn(self, now_us: int, room_us: int, period_us: int) -> None:
        """Asks for a silent relay's name if it is time and nothing is to be done for `room_us`; a new address is probed at once."""
        relay_id = self._next(now_us)
        # Where the period is short, what is left of it after the reading has to do.
        if relay_id is None or room_us < min(_ROOM_US, period_us * 3 // 4):
            return
        _, pause_us = self._due.get(relay_id, (0, _PAUSE_US))
        changed = self._wire.look_up(relay_id)
        took_us = self._counter.now_us() - now_us
        if took_us > room_us:
            pause_us = _PAUSE_MOST_US  # it would make readings late again
        self._due[relay_id] = (now_us + took_us + pause_us, min(_PAUSE_MOST_US, pause_us * 2))
        if changed:
            self._say("wifi relay=%d has another address now" % relay_id)
            self._uplink.probe_now(now_us + took_us)

    def _next(self, now_us: int) -> "int | None":
        """The relay whose turn it is."""
        next_us, next_id = now_us, None
        for relay_id in self._relay_ids:
            if not self._uplink.link(relay_id).silent:
                self._due.pop(relay_id, None)
                continue
            due_us, _ = self._due.get(relay_id, (0, 0))
            if due_us <= next_us:
                next_us, next_id = due_us, relay_id
        return next_id
