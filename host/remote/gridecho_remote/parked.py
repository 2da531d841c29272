"""Relays that wait to be called: their questions hold a connection each, and all of them one thread."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from waitress.channel import HTTPChannel

CALLS = "/relay/v1/calls"
_LONGEST_S = 25.0  # proxies in front of a remote wait for a minute, as a rule
_LOOK_S = 0.25

log = logging.getLogger("gridecho.remote.parked")


class NotKnownError(Exception):
    """Nobody can say now what news there are."""


@dataclass(frozen=True, slots=True)
class _Waits:
    channel: HTTPChannel
    seen: str
    until_s: float


class Parked(threading.Thread):
    """Hands a question to `go` once the news of its relay are others than it has `seen`, or after half a minute; at once where no
    relay proves itself by it. Of each relay the last one waits.
    """

    def __init__(
        self,
        is_relay: Callable[[str, str], bool],
        all_news: Callable[[], Callable[[int], str]],
        go: Callable[[HTTPChannel], None],
    ) -> None:
        """`is_relay`: whether a query and an Authorization header are a relay's; `all_news`: the news, or NotKnownError."""
        super().__init__(name="parked", daemon=True)
        self._is_relay, self._all_news, self._go = is_relay, all_news, go
        self._new: deque[HTTPChannel] = deque()
        self._waiting: dict[int, _Waits] = {}
        self._came = threading.Event()
        self._ending = False

    def add(self, channel: HTTPChannel) -> None:
        """One more question; any thread may call it."""
        self._new.append(channel)
        self._came.set()

    def stop(self) -> None:
        """Has all of them answered, and ends."""
        self._ending = True
        self._came.set()

    def run(self) -> None:
        while not self._ending:
            self._came.wait(_LOOK_S if self._waiting else None)
            self._came.clear()
            try:
                self.look()
            except Exception:  # the outermost loop of this thread: who waits is answered after its time at the latest
                log.exception("parked-error")
                self._let_go(lambda relay_id, one: time.monotonic() >= one.until_s)
        self._let_go(lambda relay_id, one: True)

    def look(self) -> None:
        """Takes in new questions, and hands on those that are to be answered."""
        while self._new:
            self._park(self._new.popleft())
        if self._waiting:
            now_s = time.monotonic()
            try:
                news = self._all_news()
            except NotKnownError:
                self._let_go(lambda relay_id, one: now_s >= one.until_s)
            else:
                self._let_go(lambda relay_id, one: now_s >= one.until_s or news(relay_id) != one.seen)

    def _park(self, channel: HTTPChannel) -> None:
        request = channel.requests[0]
        if not self._is_relay(request.query, request.headers.get("AUTHORIZATION", "")):
            self._go(channel)
            return
        asked = parse_qs(request.query)
        before = self._waiting.pop(relay_id := int(asked["relay"][0]), None)
        if before is not None:
            self._go(before.channel)
        seen = asked.get("seen", [""])[0]
        self._waiting[relay_id] = _Waits(channel, seen, time.monotonic() + _LONGEST_S)

    def _let_go(self, over: Callable[[int, _Waits], bool]) -> None:
        for relay_id, one in list(self._waiting.items()):
            if over(relay_id, one):
                del self._waiting[relay_id]
                self._go(one.channel)
