"""Which way a relay's data go: to the remote, or with those of its group through the proxy. Decisions only: no clock, no socket."""

from gridecho.crypto import Cmac, same
from gridecho.groups import Handed, Turn, appointment_of

_FRUITLESS = 3  # loads one after the other that a proxy did not bring, but the remote took
_LOST_FOR_S = 30.0  # then a proxy that was lost is tried again, if it is the proxy still


class Way:
    """Decides from the turns that the remote gave, and from what failed. One thread at a time may be in it."""

    def __init__(self, relay_id: int, receipt_mac: Cmac) -> None:
        self.turn: Turn | None = None  # the last one; None: the remote has not said anything yet
        self._relay_id = relay_id
        self._receipt_mac = receipt_mac
        self._lost_term = (0, 0)
        self._lost_why = ""
        self._lost_until_s = 0.0
        self._fruitless = 0

    def take(self, turn: Turn) -> bool:
        """A turn from the remote: whether it says something new. One older than the last is passed over: somebody kept it back."""
        before = self.turn
        if turn.relay_id != self._relay_id or (before is not None and turn.issued_ms < before.issued_ms):
            return False
        self.turn = turn
        if before is not None and (_term(before), before.proxy, before.url) == (_term(turn), turn.proxy, turn.url):
            return False
        self._fruitless = 0
        return True

    def through(self, now_s: float) -> Turn | None:
        """The turn whose proxy takes this relay's data, itself perhaps; None: they go straight to the remote."""
        turn = self.turn
        if turn is None or not turn.proxy or (_term(turn) == self._lost_term and now_s < self._lost_until_s):
            return None
        return turn if turn.proxy == self._relay_id or turn.url else None

    def is_proxy(self, turn: Turn) -> bool:
        """Whether this relay itself is the proxy of that turn."""
        return turn.proxy == self._relay_id

    def lose(self, turn: Turn, why: str, now_s: float) -> bool:
        """The proxy of this turn fails: whether that is news. Until the next term, data go straight to the remote."""
        new = _term(turn) != self._lost_term or now_s >= self._lost_until_s
        self._lost_term, self._lost_why, self._lost_until_s = _term(turn), why, now_s + _LOST_FOR_S
        self._fruitless = 0
        return new

    def fruitless(self) -> bool:
        """The proxy did not bring a load that the remote took then: whether that was so too often."""
        self._fruitless += 1
        return self._fruitless >= _FRUITLESS

    def brought(self) -> None:
        """A proxy brought a load to the remote."""
        self._fruitless = 0

    def lost(self, now_s: float) -> str:
        """Why the present proxy is held for lost; empty: it is not."""
        turn = self.turn
        there = turn is not None and _term(turn) == self._lost_term and now_s < self._lost_until_s
        return self._lost_why if there else ""

    def appointed(self, handed: Handed) -> bool:
        """Whether the remote made this relay the proxy that what is handed over is for; the term may be over."""
        expected = appointment_of(self._relay_id, handed.group_id, handed.term, self._receipt_mac)
        return same(expected, handed.appointment)


def _term(turn: Turn) -> tuple[int, int]:
    return turn.group_id, turn.term
