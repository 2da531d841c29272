"""Moves readings between the uplink's queue and the flash ring: to flash while no relay takes them, back when one does."""

from gridecho.compat import const
from gridecho.readings import decode

from .spool import UPTIME, URGENT
from .uplink import IN_FLIGHT

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .spool import Spool
    from .uplink import Uplink


class Backlog:
    """`turn` is called whenever flash may be written. With `keep_oldest` a full ring refuses what is new, else the oldest go."""

    def __init__(self, uplink: "Uplink", spool: "Spool", keep_oldest: bool, readings_per_datagram: int) -> None:
        self.spool = spool
        self._uplink = uplink
        self._keep_oldest = keep_oldest
        self._most = readings_per_datagram

    def turn(self, now_us: int) -> None:
        """Does what is to be done now. Raises OSError if flash fails; nothing is lost by that, and the next turn tries again."""
        uplink, spool = self._uplink, self.spool
        while uplink.returned:
            spool.done(uplink.returned.pop(0))
        if uplink.stalled(now_us):
            self.keep_all()
        uplink.hold_store = not spool.newest_first and spool.count() > 0
        if uplink.idle():
            self._offer()

    def keep_all(self) -> None:
        """Everything that waits goes to flash, before a restart. Raises OSError."""
        self._keep_sealed()
        self._keep_unsealed()

    def _keep_unsealed(self) -> None:
        clock = self._uplink.clock
        rows = []
        for queued in self._uplink.unsealed():
            flags = URGENT if queued.urgent else 0
            time_s = clock.utc_ms(queued.at_us) // 1000
            if not time_s:
                flags |= UPTIME
                time_s = queued.at_us // 1_000_000
            rows.append((queued.number or 0, flags, time_s, queued.values))
        kept, given_up = self.spool.keep(rows, self._keep_oldest)
        self._uplink.take_off(kept, [])
        self._tell(given_up)

    def _keep_sealed(self) -> None:
        sealed = self._uplink.sealed()
        if not sealed:
            return
        rows = []
        for flight in sealed:
            flags = URGENT if flight.urgent else 0
            readings = decode(flight.data, len(flight.numbers), flight.time_s)
            rows += [(number or 0, flags, r.time_s, r.values) for number, r in zip(flight.numbers, readings)]
        given_up = self.spool.keep_sealed(
            rows, [(flight.seq, len(flight.numbers)) for flight in sealed], self._keep_oldest
        )
        if given_up is None:
            return  # no room, and the oldest stay: these wait in RAM
        self._uplink.take_off(0, sealed)
        self._tell(given_up)

    def _tell(self, given_up: int) -> None:
        sent, self.spool.forgotten = self.spool.forgotten, 0
        if given_up or sent:
            self._uplink.give_up(given_up, sent)

    def _offer(self) -> None:
        offset_s = self._uplink.clock.utc_ms(0) // 1000
        for _ in range(IN_FLIGHT):
            batch = self.spool.next_batch(self._uplink.next_seq(), self._most, offset_s)
            if batch is None:
                return
            self._uplink.offer(batch)
