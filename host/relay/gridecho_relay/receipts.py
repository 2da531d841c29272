"""What the remote signed for lately, whichever way it went: for the status page and the metrics."""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from gridecho.batch import Receipt
from gridecho_common.clock import MACHINE, Clock

from .ledger import Batch
from .models import Outbox
from .rates import Rate

_SHOWN = 5
_DRAIN_OVER_S = 10.0


@dataclass(frozen=True, slots=True)
class Signed:
    """One receipt: when it came, and what the remote made of the frames."""

    utc_ms: int
    frames: int
    stored: int
    known: int
    quarantined: int


class Receipts:
    """Sums since the start, and the last few. Any thread may use it."""

    def __init__(self, clock: Clock = MACHINE) -> None:
        self._clock = clock
        self._stored = self._known = self._quarantined = 0
        self.held_bytes = self.outbox_bytes = 0  # of the frames that left, by where they were
        self._last: deque[Signed] = deque(maxlen=_SHOWN)
        self._rate = Rate(_DRAIN_OVER_S, self._clock.now_s())
        self._lock = threading.Lock()

    def add(self, receipt: Receipt, batch: Batch) -> None:
        """The remote's receipt for `batch`, which is deleted here."""
        frames, size = len(batch.frames), sum(map(len, batch.frames))
        with self._lock:
            self._stored += receipt.stored
            self._known += receipt.known
            self._quarantined += receipt.quarantined
            if batch.table is Outbox:
                self.outbox_bytes += size
            else:
                self.held_bytes += size
            self._last.appendleft(
                Signed(self._clock.utc_ms(), frames, receipt.stored, receipt.known, receipt.quarantined)
            )
            self._rate.add(frames, self._clock.now_s())

    @property
    def frames(self) -> dict[str, int]:
        """What the remote made of all frames it signed for."""
        with self._lock:
            return {"stored": self._stored, "known": self._known, "quarantined": self._quarantined}

    @property
    def last(self) -> list[dict[str, Any]]:
        """The last five, the newest first."""
        with self._lock:
            return [asdict(signed) for signed in self._last]

    @property
    def frames_per_s(self) -> float:
        """How fast frames went to the remote in the last seconds."""
        with self._lock:
            return self._rate.per_s(self._clock.now_s())
