"""One turn of the UDP plane: take what is waiting at a port, commit it once, answer it. The port is handed in."""

import logging
from collections.abc import Callable
from typing import Protocol

from gridecho_common.clock import MACHINE, Clock
from gridecho_common.logs import Seldom

from .collected import Collected
from .ingest import UNKNOWN_SENSOR, Group, Ingest
from .latency import Latency
from .ledger import Ledger
from .utc import Utc

log = logging.getLogger(__name__)


class Port(Protocol):
    """Where datagrams come in by groups; what a reply is for is said by its request's place in the group."""

    def receive(self, taken: int) -> list[bytes]:
        """The datagrams that are waiting, as the next ones of a group that has `taken` already."""

    def send(self, replies: list[tuple[int, bytes]]) -> None:
        """Sends each reply to where the request at its place in the last group came from."""


class Drain:
    """Carries datagrams between a port, `Ingest` and the `Ledger`."""

    def __init__(
        self,
        ingest: Ingest,
        ledger: Ledger,
        collected: Collected,
        wake_forwarder: Callable[[], None],
        keys_wanted: Callable[[], None],
        clock: Clock = MACHINE,
        utc: Utc | None = None,
    ) -> None:
        """`utc` is the time that sensors are told; else that of `clock`."""
        self.latency = Latency()  # from receiving a datagram to its answer
        self._ingest = ingest
        self._ledger = ledger
        self._collected = collected
        self._wake_forwarder = wake_forwarder
        self._keys_wanted = keys_wanted
        self._clock = clock
        self._told_ms = clock.utc_ms if utc is None else utc.ms
        self._seldom = Seldom()

    def __call__(self, port: Port) -> int:
        """Takes and answers all that is waiting: how many datagrams it was."""
        ingest, ledger, clock = self._ingest, self._ledger, self._clock
        datagrams = port.receive(0)
        if not datagrams:
            return 0
        begun_s = clock.now_s()
        refused_before = ingest.refused.total()
        unknown_before = ingest.refused[UNKNOWN_SENSOR]
        over_share_before = ingest.over_share
        with ledger.lock:
            before = ledger.holding.readings
            group = Group(ledger.holding.copy())
            while datagrams:
                ingest.take(datagrams, self._told_ms(), group)
                if group.at_once:
                    port.send(group.at_once)
                    group.at_once = []
                # What came meanwhile shares the commit.
                datagrams = port.receive(group.taken)
            committed = ledger.insert(group)
            due = bool(committed and group.outbox)
            if group.wanted:
                due |= ledger.promote(group.wanted)
            if committed and group:
                self._collected.add(group.after.readings - before, clock.utc_ms())
            replies = ingest.settle(group, self._told_ms(), committed=committed)
            due |= ledger.holding.flushing
        if replies:
            port.send(replies)
            self.latency.add(clock.now_s() - begun_s, len(replies))
        if due or (not committed and ledger.relieve()):
            self._wake_forwarder()
        if ingest.over_share != over_share_before and self._seldom.now("share"):
            log.warning("sensor-has-its-share sensor=%d busy-since-start=%d", ingest.greedy, ingest.over_share)
        if ingest.refused.total() != refused_before:
            if ingest.refused[UNKNOWN_SENSOR] != unknown_before:
                self._keys_wanted()
            if self._seldom.now("refused"):
                counts = " ".join(f"{reason}={n}" for reason, n in ingest.refused.items())
                log.warning("refused-datagrams since-start %s", counts)
        return group.taken

    def flush(self) -> None:
        """Sends everything held to the remote."""
        self._ledger.flush_all()
        self._wake_forwarder()
