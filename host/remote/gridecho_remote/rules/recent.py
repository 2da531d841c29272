"""What somebody did a moment ago: the same once more is no second row of the audit."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

AGAIN_MS = 600_000
MOST_ROWS = 1_000  # of one party in that time
_MOST = 50_000  # things that are remembered; what is forgotten earlier is a row again
_MOST_SPANS = 64

Key = tuple[str, ...]  # the party first
Span = tuple[int, int]
ALL: Span = (0, 1 << 62)


@dataclass(slots=True)
class _Seen:
    since_ms: int
    spans: list[Span] = field(default_factory=list)
    count: int = 0

    def is_over(self, now_ms: int) -> bool:
        return not self.since_ms <= now_ms < self.since_ms + AGAIN_MS


class Recent:
    """In memory; any thread may use it. Several processes have one each, so each of them may write the row."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()  # `count`: how often once more
        self._rows: OrderedDict[Key, _Seen] = OrderedDict()  # `count`: rows of a party
        self._lock = Lock()

    def is_known(self, key: Key, span: Span, now_ms: int, *, counted: bool = False) -> bool:
        """Whether a row of the last ten minutes says this, for all of that span; `counted`: then `due` tells of one more."""
        with self._lock:
            seen = _of(self._seen, key, now_ms)
            if seen is None or not any(first <= span[0] and span[1] <= last for first, last in seen.spans):
                return False
            seen.count += counted
            return True

    def is_too_much(self, party: str, now_ms: int) -> bool:
        """Whether there are so many rows of a party that what else it does is only counted."""
        with self._lock:
            rows = _of(self._rows, (party,), now_ms)
            return rows is not None and rows.count >= MOST_ROWS

    def add(self, key: Key, span: Span, now_ms: int) -> None:
        """There is a row of this now."""
        with self._lock:
            seen = _of(self._seen, key, now_ms) or _begun(self._seen, key, now_ms)
            seen.spans = [*seen.spans, span][-_MOST_SPANS:]
            rows = _of(self._rows, key[:1], now_ms) or _begun(self._rows, key[:1], now_ms)
            rows.count += 1

    def due(self, now_ms: int) -> list[tuple[Key, int]]:
        """What was only counted, and how often, of that whose ten minutes are over; each once."""
        with self._lock:
            over = [(key, one.count) for key, one in self._seen.items() if one.count and one.is_over(now_ms)]
            for key, _ in over:
                del self._seen[key]
        return over


def _of(kept: OrderedDict[Key, _Seen], key: Key, now_ms: int) -> _Seen | None:
    seen = kept.get(key)
    return None if seen is None or seen.is_over(now_ms) else seen


def _begun(kept: OrderedDict[Key, _Seen], key: Key, now_ms: int) -> _Seen:
    kept.pop(key, None)
    kept[key] = _Seen(now_ms)
    if len(kept) > _MOST:
        kept.popitem(last=False)
    return kept[key]
