"""Telling the remote what this relay holds: the holdings index, piece by piece in order of row ids.

An entry must not outlive its datum. The remote takes a frame off the index when it stores it, so a piece that names it may not
arrive after that: while it is not known whether the last piece arrived (it is `in_doubt`), no batch goes out. A process tells
all of it anew under a listing of its own, and from then on what is new. Layouts: docs/protocol.md, "Index".
"""

import logging

from gridecho.holdings import Known, Piece
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.logs import Seldom

from .delivery import Delivery
from .ledger import Batch, Ledger
from .upstream import TOO_LARGE, UpstreamError

log = logging.getLogger(__name__)

MOST_RUNS = 20_000  # a piece, so that what is to be sent at once does not wait long for it
_CHECK_S = 60.0  # without news, so often it is asked whether the remote still knows what it was told
_REFUSED_S = 10.0


class Teller:
    """Tells pieces from one thread, the forwarder's; `wait_until_told` and `delete_told` are for any thread."""

    def __init__(self, ledger: Ledger, delivery: Delivery, every_s: float, clock: Clock = MACHINE) -> None:
        self.listing = 0
        self.told_to = 0  # the last row id that the remote took
        self.looked_to = 0  # up to this row id nothing is here that is not told
        self.runs_told = 0
        self.in_doubt = True  # what another process of this relay sent last may still arrive
        self._ledger = ledger
        self._delivery = delivery
        self._every_s = every_s
        self._clock = clock
        self._most = MOST_RUNS
        self._pending: Piece | None = None
        self._next_s = self._check_s = 0.0
        self._seldom = Seldom()
        self._told = clock.condition()  # guards the listing and how far it is told

    def due_in_s(self) -> float:
        """How long until `tell` may have something to do."""
        if self.in_doubt:
            return 0.0
        now_s = self._clock.now_s()
        if self.looked_to < self._last_id:
            return max(0.0, self._next_s - now_s)
        return max(0.0, min(self._check_s - now_s, self._every_s))  # nobody says when there is news

    def hurry(self) -> None:
        """What is new is told at the next `tell`."""
        self._next_s = 0.0

    def wait_until_told(self, within_s: float) -> None:
        """Waits until all that is held now is told, so many seconds at most."""
        last_id = self._last_id
        with self._told:
            self._told.wait_for(lambda: self.looked_to >= last_id, within_s)

    def tell(self) -> None:
        """Tells the next piece, or the one in doubt again. Raises UpstreamError."""
        if not self.listing:
            self._begin(0)
        piece = self._pending or self._next()
        if piece is None:
            return
        self._pending, self.in_doubt = piece, True
        try:
            known = self._delivery.tell(piece)
        except UpstreamError as error:
            if 400 <= error.status < 500:  # an answer of the remote's own: it did not take the piece
                self._pending, self.in_doubt = None, False
                self._refused(piece, error)
                return
            raise
        self._pending, self.in_doubt = None, False
        if (known.listing, known.end) == (piece.listing, piece.end):
            self._taken(piece)
        else:
            self._begin_anew(piece, known)

    @property
    def told(self) -> tuple[int, int]:
        """(listing, last row id): all rows up to it are told under that listing."""
        with self._told:
            return self.listing, self.looked_to

    def delete_told(self, batch: Batch, listing: int) -> bool:
        """Deletes a batch that was told under `listing`; False if all is told anew since then, which may name it once more."""
        with self._told:
            if listing != self.listing:
                return False
            self._ledger.delete(batch)
        return True

    @property
    def _last_id(self) -> int:
        return self._ledger.holding.next_id - 1

    def _next(self) -> Piece | None:
        last_id = self._last_id  # before the look: of what comes meanwhile, nothing is passed over
        found = self._ledger.listing_piece(self.told_to, self._most)
        end, runs = found or (max(self.told_to, last_id), [])
        now_s = self._clock.now_s()
        if found is None and not self.in_doubt and now_s < self._check_s:
            self._reached(end)
            self._next_s = now_s + self._every_s
            return None
        return Piece(self._delivery.relay_id, self.listing, self.told_to, end, runs)

    def _taken(self, piece: Piece) -> None:
        now_s = self._clock.now_s()
        rows = sum(run[3] for run in piece.runs)
        self._next_s = now_s if rows >= self._most else now_s + self._every_s
        self._check_s = now_s + _CHECK_S
        self._most = min(MOST_RUNS, self._most + self._most // 8 + 1)
        self.told_to = piece.end
        self.runs_told += len(piece.runs)
        self._reached(piece.end)

    def _reached(self, row_id: int) -> None:
        with self._told:
            self.looked_to = row_id
            self._told.notify_all()

    def _refused(self, piece: Piece, error: UpstreamError) -> None:
        wait_s = max(_REFUSED_S, error.retry_after_s)
        if error.status == TOO_LARGE and self._most > 1:
            self._most = max(1, min(self._most, len(piece.runs)) // 2)
            wait_s = 0.0
        self._next_s = self._check_s = self._clock.now_s() + wait_s

    def _begin(self, above: int) -> None:
        with self._told:
            self.listing = self._ledger.next_listing(max(self._clock.utc_ms(), above + 1))
            self.told_to = self.looked_to = 0

    def _begin_anew(self, piece: Piece, known: Known) -> None:
        if self._seldom.now("anew"):
            log.warning(
                "index-anew listing=%d told-to=%d remote-has-listing=%d told-to=%d; everything held is told again",
                piece.listing,
                piece.end,
                known.listing,
                known.end,
            )
        self._begin(known.listing)
        self._next_s = self._check_s = self._clock.now_s() + (self._every_s if piece.start == 0 else 0.0)
