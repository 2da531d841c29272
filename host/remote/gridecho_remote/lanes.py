"""Threads for what comes in: those for relays apart from those for people, and of each its share to every party.

A party is a relay or a person that the guard knows by what it shows, else the address that it comes from. Who has its share of
the threads waits, and of those that wait the next is the one with the fewest.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator

from gridecho_common.shares import fair
from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

from .parked import CALLS, Parked

RELAYS = "/relay/"  # what paths for relays begin with

_queue_log = logging.getLogger("gridecho.remote.doors.queue")
_queue_log.setLevel(logging.ERROR)  # waitress warns at each request that waits for a thread

_ANY = 1 << 30

Whose = Callable[[HTTPChannel], str]


class Lanes:
    """Threads for relays, and threads for all others: neither waits for the other. What waitress takes for its dispatcher."""

    def __init__(self, whose: Whose, parked: Callable[[Callable[[HTTPChannel], None]], Parked]) -> None:
        """`whose` says which party a channel's next request is of; `parked` makes what holds calls, of where they go then."""
        self._people, self._relays = Lane(whose), Lane(whose)
        self._parked = parked(self._relays.add_task)
        self._parked.start()

    def set_thread_counts(self, people: int, relays: int) -> None:
        """Starts or ends threads."""
        self._people.set_thread_count(people)
        self._relays.set_thread_count(relays)

    def add_task(self, channel: HTTPChannel) -> None:
        """A request has come in."""
        path = getattr(channel.requests[0], "path", "")  # one that could not be parsed has none
        if path == CALLS:
            self._parked.add(channel)
            return
        (self._relays if path.startswith(RELAYS) else self._people).add_task(channel)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> None:
        """Ends the threads."""
        self._parked.stop()
        self.set_thread_counts(0, 0)
        self._people.shutdown(cancel_pending, timeout)
        self._relays.shutdown(cancel_pending, timeout)


class Lane(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Some threads, of which each party has its share."""

    queue_logger = _queue_log

    def __init__(self, whose: Whose) -> None:
        super().__init__()
        self.queue = _Queue(whose, self._free, self._ended)
        self._running = self.queue.running

    def _free(self) -> int:
        threads: int = len(self.threads) - self.stop_count
        return threads - self._running.total() if threads else _ANY  # at the end all are taken to be given up

    def _ended(self, party: str) -> None:
        with self.lock:
            self._running[party] -= 1
            self.queue.forget_idle(party)
            self.queue_cv.notify()  # one that waited for its share may go on, in a thread that is idle


class _Queue:
    """Channels that wait for a thread; in place of the deque of waitress, and under its lock."""

    def __init__(self, whose: Whose, free: Callable[[], int], ended: Callable[[str], None]) -> None:
        self.running: Counter[str] = Counter()  # threads by party
        self._whose, self._free, self._ended = whose, free, ended
        self._waiting: dict[str, deque[HTTPChannel]] = {}
        self._served: dict[str, int] = {}  # when a party that is here had its last turn
        self._turns = 0

    def append(self, channel: HTTPChannel) -> None:
        """One more."""
        self._waiting.setdefault(self._whose(channel), deque()).append(channel)

    def popleft(self) -> "_Task":
        """The next; it has the thread of who asks until it is done."""
        party = min(self._may_go(), key=lambda one: (self.running[one], self._served.get(one, 0)))
        waiting = self._waiting[party]
        channel = waiting.popleft()
        if not waiting:
            del self._waiting[party]
        self.running[party] += 1
        self._turns += 1
        self._served[party] = self._turns
        return _Task(channel, lambda: self._ended(party))

    def forget_idle(self, party: str) -> None:
        """Of who has nothing waiting and no thread nothing is kept."""
        if not self.running[party]:
            del self.running[party]
            if party not in self._waiting:
                self._served.pop(party, None)

    def _may_go(self) -> Iterator[str]:
        free = self._free()
        return (one for one in self._waiting if fair(self.running[one], 1, free))

    def __bool__(self) -> bool:
        return any(True for _ in self._may_go())

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


class _Task:
    """A channel's next request."""

    def __init__(self, channel: HTTPChannel, done: Callable[[], None]) -> None:
        self._channel, self._done = channel, done

    def service(self) -> None:
        """Answers it."""
        try:
            self._channel.service()
        finally:
            self._done()

    def cancel(self) -> None:
        """Gives it up."""
        self._channel.cancel()
