"""What a proxy does for its group: it joins what members hand it within a few ms into one request upstream, without custody.

It keeps nothing: a member deletes on the remote's receipt for it, which the proxy can neither read nor forge. All of a group, the
proxy's own data too, goes over one connection to the remote.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable

from gridecho.errors import FrameError
from gridecho.groups import MAX_LOADS, Carried, Carry, Handed, read_carried
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.shares import fair

from .upstream import MOVED, TOO_LARGE, Upstream, UpstreamError

log = logging.getLogger(__name__)

_JOIN_S = 0.003
_JOINED_BYTES = 1 << 20  # of loads in a request, so that no one waits long for another's
_MOST_WAITING_BYTES = 64 << 20

Answer = tuple[int, int, bytes]  # status (0: the remote did not answer), seconds to wait, body


class CarrierBusyError(Exception):
    """As much is waiting as this proxy keeps in memory."""


class Waiting:
    """A load on its way. `answer` is there once `done` is set."""

    def __init__(self, handed: Handed, done: threading.Event, source: str = "") -> None:
        self.handed = handed
        self.source = source  # who handed it over; empty: this relay itself
        self.answer: Answer = (0, 0, b"")
        self.done = done

    def set(self, answer: Answer) -> None:
        """The end of it."""
        self.answer = answer
        self.done.set()


class Carrier(threading.Thread):
    """One thread that carries; any thread may `submit`."""

    def __init__(self, relay_id: int, upstream: Upstream, clock: Clock = MACHINE) -> None:
        super().__init__(name="carrier", daemon=True)
        self.carries = self.loads = self.errors = 0
        self.on_moved: Callable[[], None] = lambda: None  # a term is over
        self._relay_id = relay_id
        self._upstream = upstream
        self._clock = clock
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()  # by source
        self._over = (0, 0)  # the last term of which it is known that it is over
        self._asked_s = 0.0  # when the request under way was made; 0: there is none
        self._changed = clock.condition()
        self._stopping = False

    def submit(self, handed: Handed, source: str = "") -> Waiting:
        """Takes a load for the next request; of each `source` its share. Raises CarrierBusyError."""
        waiting = Waiting(handed, self._clock.event(), source)
        size = len(handed.load[1])
        with self._changed:
            if self._is_over(handed):
                waiting.set((MOVED, 0, b""))
                return waiting
            held = self._bytes_of[source] if source else 0
            if self._stopping or (self._waiting and not fair(held, size, _MOST_WAITING_BYTES - self._bytes)):
                raise CarrierBusyError
            self._waiting.append(waiting)
            self._bytes += size
            self._bytes_of[source] += size
            self._changed.notify()
        return waiting

    def begun(self, group_id: int, term: int) -> None:
        """The remote said that this term has begun: those before it are over."""
        with self._changed:
            if self._over[0] != group_id or self._over[1] < term - 1:
                self._over = (group_id, term - 1)

    @property
    def silent_s(self) -> float:
        """For how long the remote has not answered the request under way."""
        asked_s = self._asked_s
        return self._clock.now_s() - asked_s if asked_s else 0.0

    def stop(self) -> None:
        """Ends the thread after the request that is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        while joined := self._join():
            try:
                self._carry(joined)
            except Exception:  # the outermost loop of this thread: whose data it was keeps it
                self.errors += 1
                log.exception("carry-error")
            finally:
                for one in joined:
                    if not one.done.is_set():
                        one.set((0, 0, b""))

    def _join(self) -> list[Waiting]:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            end_s = self._clock.now_s() + _JOIN_S
            while len(self._waiting) < MAX_LOADS and not self._stopping and (left_s := end_s - self._clock.now_s()) > 0:
                self._changed.wait(left_s)
            joined: list[Waiting] = []
            size = 0
            while self._waiting and len(joined) < MAX_LOADS:
                one = self._waiting[0].handed
                size += len(one.load[1])
                if joined and (size > _JOINED_BYTES or _term(one) != _term(joined[0].handed)):
                    break
                first = self._waiting.popleft()
                joined.append(first)
                self._bytes -= len(one.load[1])
                self._bytes_of[first.source] -= len(one.load[1])
                if not self._bytes_of[first.source]:
                    del self._bytes_of[first.source]
            return joined

    def _carry(self, joined: list[Waiting]) -> None:
        first = joined[0].handed
        if self._is_over(first):
            answers: list[Answer] = [(MOVED, 0, b"")] * len(joined)
        else:
            try:
                answers = self._ask(joined)
            except UpstreamError as error:
                if error.status == TOO_LARGE and len(joined) > 1:
                    for one in joined:
                        self._carry([one])
                    return
                answers = [(error.status, error.retry_after_s, b"")] * len(joined)
        for one, answer in zip(joined, answers, strict=True):
            one.set(answer)

    def _ask(self, joined: list[Waiting]) -> list[Answer]:
        group_id, term = _term(joined[0].handed)
        body = Carry(self._relay_id, group_id, term, [one.handed.load for one in joined]).pack()
        self._asked_s = self._clock.now_s()
        try:
            carried = self._read(self._upstream.carry(body), len(joined))
        finally:
            self._asked_s = 0.0
        self.carries += 1
        self.loads += len(carried.answers)
        if (carried.proxy, carried.term) != (self._relay_id, term):
            self._end(group_id, term)
        return carried.answers or [(MOVED, 0, b"")] * len(joined)

    def _read(self, answer: bytes, loads: int) -> Carried:
        try:
            carried = read_carried(answer)
        except FrameError as error:
            raise UpstreamError(f"no answer to a carry ({error})") from None
        if len(carried.answers) not in (0, loads):
            raise UpstreamError("another number of answers than of loads")
        return carried

    def _end(self, group_id: int, term: int) -> None:
        # The next proxy opens a connection of its own now.
        with self._changed:
            self._over = (group_id, term)
        self._upstream.release_data()
        log.info("term-over group=%d term=%d", group_id, term)
        self.on_moved()

    def _is_over(self, handed: Handed) -> bool:
        group_id, term = self._over
        return handed.group_id == group_id and handed.term <= term


def _term(handed: Handed) -> tuple[int, int]:
    return handed.group_id, handed.term
