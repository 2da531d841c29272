"""The sensors this relay knows: their link keys come from the remote and are kept for a start without it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from gridecho.crypto import Cmac
from gridecho_common.retry import Backoff

from .ingest import Link
from .ledger import Ledger, StoredKey
from .upstream import Upstream, UpstreamError

log = logging.getLogger(__name__)

_LEAST_PAUSE_S = 0.5  # between two questions, however many unknown sensors call
_MOST_WAIT_S = 10.0

Links = Mapping[tuple[int, int], Link]


class KeyKeeper(threading.Thread):
    """Asks the remote for keys at start, every `every_s`, and soon after `wanted`. Hands each new set to `use`."""

    def __init__(
        self,
        ledger: Ledger,
        upstream: Upstream,
        every_s: float,
        use: Callable[[Links], None],
        remote_answers: Callable[[], None],
    ) -> None:
        super().__init__(name="keys", daemon=True)
        self.errors = 0
        self._ledger = ledger
        self._upstream = upstream
        self._every_s = every_s
        self._use = use
        self._remote_answers = remote_answers
        self._backoff = Backoff(every_s, max(every_s, _MOST_WAIT_S))
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self.version, stored = ledger.keys()
        self._hand_over(stored)

    def wanted(self) -> None:
        """A sensor called that this relay does not know: it may be new."""
        self._wanted.set()

    def stop(self) -> None:
        """Ends the thread after the question that is under way."""
        self._stopping.set()
        self._wanted.set()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                asked = time.monotonic()
                self._wanted.clear()
                wait_s = self._ask()
                if wait_s is None:
                    self._wanted.wait(self._every_s)
                else:
                    self._stopping.wait(wait_s)
                self._stopping.wait(max(0.0, asked + _LEAST_PAUSE_S - time.monotonic()))
        finally:
            self._ledger.close()

    def _ask(self) -> float | None:
        # None, or how long to leave the remote alone after a failure.
        try:
            found = self._upstream.fetch_keys(self.version)
            self._remote_answers()
            if found is not None:
                keys = [(s.sensor_id, s.key_id, bytes.fromhex(s.up), bytes.fromhex(s.down)) for s in found.sensors]
                self._ledger.replace_keys(found.version, keys)
                self.version = found.version
                self._hand_over(keys)
                log.info("keys version=%d sensors=%d", found.version, len(keys))
        except UpstreamError as error:
            return max(self._backoff.next_s(), error.retry_after_s)
        except Exception:  # the outermost loop of this thread: the keys at hand stay in use
            self.errors += 1
            log.exception("keys-error")
            return self._backoff.next_s()
        self._backoff.reset()
        return None

    def _hand_over(self, keys: list[StoredKey]) -> None:
        self._use({(sensor_id, key_id): Link(Cmac(up), Cmac(down)) for sensor_id, key_id, up, down in keys})
