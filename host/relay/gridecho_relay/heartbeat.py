"""The heartbeat: one thread that says how this relay is, hears what is new, and fetches it. The UDP plane never waits for it."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from gridecho.crypto import Cmac
from gridecho.errors import FrameError, ProtocolError
from gridecho.holdings import MAX_LIVE, read_pull
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.logs import Seldom
from gridecho_common.retry import Backoff

from .collected import Collected
from .delivery import Delivery
from .forward import Forwarder
from .ingest import Link
from .ledger import Ledger, StoredKey
from .shelf import Shelf
from .upstream import Beat, Upstream, UpstreamError
from .utc import Utc

log = logging.getLogger(__name__)

_LEAST_PAUSE_S = 0.5  # between two heartbeats, however many unknown sensors call
_LEAST_ROUND_S = 0.05  # between two rounds, however often sensors ask for orders
_MOST_WAIT_S = 10.0
_LIVE_S = 15.0  # after it last heard of the remote a relay takes it that nobody looks any more

Links = Mapping[tuple[int, int], Link]


class _List:
    """Keys or orders, fetched when the remote has new ones: one that fails is tried again with a heartbeat later."""

    def __init__(self, every_s: float, fetch: Callable[[], None]) -> None:
        self._fetch = fetch
        self._backoff = Backoff(every_s, max(every_s, _MOST_WAIT_S))
        self._not_before_s = 0.0

    def fetch(self, now_s: float) -> None:
        """Tries it, if it is time to; what failed was logged where it was asked for."""
        if now_s < self._not_before_s:
            return
        try:
            self._fetch()
        except UpstreamError as error:
            self._not_before_s = now_s + max(self._backoff.next_s(), error.retry_after_s)
        else:
            self._backoff.reset()


class Heartbeat(threading.Thread):
    """Beats at start, every `every_s`, and soon after `wanted`. `state` is what it says.

    Each new set of keys is handed to `use`, the sensors at which somebody looks now to `look_at`.
    """

    def __init__(
        self,
        ledger: Ledger,
        upstream: Upstream,
        shelf: Shelf,
        forwarder: Forwarder,
        delivery: Delivery,
        collected: Collected,
        pull_mac: Cmac,
        every_s: float,
        state: Callable[[], dict[str, Any]],
        use: Callable[[Links], None],
        look_at: Callable[[frozenset[int]], None],
        utc: Utc,
        clock: Clock = MACHINE,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.errors = self.beats = 0
        self.clock_ahead_ms = 0  # of this relay's clock before the remote's
        self.group: str | None = None
        self.proxy: str | None = None
        self.news = ""  # what stands for what the last one brought; empty: the remote does not say
        self._ledger = ledger
        self._upstream = upstream
        self._shelf = shelf
        self._forwarder = forwarder
        self._delivery = delivery
        self._collected = collected
        self._pull_mac = pull_mac
        self._every_s = every_s
        self._state = state
        self._use = use
        self._look_at = look_at
        self._utc = utc
        self._clock = clock
        self._backoff = Backoff(every_s, max(every_s, _MOST_WAIT_S))
        self._lists = _List(every_s, self._fetch_keys), _List(every_s, self._fetch_orders)
        self._next_s = self._last_s = self._heard_s = 0.0
        self._seldom = Seldom()
        self._wake = clock.event()
        self._stopping = clock.event()
        self._orders_version = 0
        self.keys_version, stored = ledger.keys()
        self._hand_over(stored)
        shelf.on_wanted = self._wake.set
        forwarder.on_pulled = self.now
        delivery.on_lost = self.now

    def wanted(self) -> None:
        """A sensor called that this relay does not know: it may be new."""
        self._next_s = min(self._next_s, self._last_s + _LEAST_PAUSE_S)
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread after the question that is under way."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                pause_s = self.attempt()
                self._wake.wait(self.due_in_s())
                self._stopping.wait(pause_s)
        finally:
            self._ledger.close()

    def now(self) -> None:
        """There is something that the remote is to hear, or to be asked, at once."""
        self._next_s = 0.0
        self._wake.set()

    def due_in_s(self) -> float:
        """How long until the next heartbeat, if nobody wants one before."""
        return max(0.0, self._next_s - self._clock.now_s())

    def attempt(self) -> float:
        """One round: a heartbeat if it is due, and orders that sensors ask for. How long to leave the remote alone after it."""
        try:
            now_s = self._clock.now_s()
            if now_s >= self._next_s:
                self._last_s = now_s
                self._next_s = now_s + self._every_s
                self._beat()
            self._get_orders()
        except UpstreamError as error:
            self._utc.not_heard()
            if self._clock.now_s() - self._heard_s > _LIVE_S:
                self._look_at(frozenset())
            self._delivery.hear(None)
            self._next_s = 0.0
            return max(self._backoff.next_s(), error.retry_after_s)
        except Exception:  # the outermost loop of this thread: what it fetched before stays in use
            self.errors += 1
            log.exception("heartbeat-error")
            self._next_s = 0.0
            return self._backoff.next_s()
        self._backoff.reset()
        return _LEAST_ROUND_S

    def _beat(self) -> None:
        pulled = self._forwarder.pulled()
        said: dict[str, Any] = {
            "pulled": [{"id": str(pull_id), "frames": frames} for pull_id, frames in pulled.items()]
        }
        turn = self._delivery.turn
        whole = 0
        if turn is not None and turn.term:
            whole, bars = self._collected.bars(turn, self._clock.utc_ms())
            said["word"] = {
                "group": turn.group_id,
                "term": turn.term,
                "run": self._collected.run,
                "periods": whole,
                "bars": bars,
                "lost": self._delivery.lost,
            }
        beat = self._upstream.beat(self._state() | said)
        self.beats += 1
        now_s = self._clock.now_s()
        self._heard_s = now_s
        self._utc.heard(now_s - self._upstream.rtt_s, now_s, beat.utc_ms)
        self.clock_ahead_ms = round(self._clock.utc_ms() - 500 * self._upstream.rtt_s - beat.utc_ms)
        self._collected.ahead_ms = self.clock_ahead_ms
        if turn is not None:
            self._collected.told(turn, whole)
        self._hear_turn(beat)
        self._forwarder.reported(list(pulled))
        self._forwarder.remote_answers()
        self._take_pulls(beat)
        self.news = beat.news
        self._look_at(frozenset(one for one in beat.live[:MAX_LIVE] if type(one) is int))
        keys, orders = self._lists
        # What becomes of one of them keeps neither the other back, nor the next heartbeat.
        if beat.keys_version != self.keys_version:
            keys.fetch(now_s)
        if beat.orders_version != self._orders_version:
            orders.fetch(now_s)

    def _hear_turn(self, beat: Beat) -> None:
        self.group, self.proxy = beat.group, beat.proxy
        try:
            self._delivery.hear(bytes.fromhex(beat.turn))
        except (ProtocolError, ValueError) as error:
            if self._seldom.now("turn"):
                log.warning("turn-refused what=%r", str(error))

    def _take_pulls(self, beat: Beat) -> None:
        for packed in beat.pulls:
            try:
                request = read_pull(bytes.fromhex(str(packed)), self._pull_mac)
                if request.relay_id != self._upstream.relay_id:
                    raise FrameError("pull", "for another relay")
            except (ProtocolError, ValueError) as error:
                if self._seldom.now("pull"):
                    log.warning("pull-refused what=%r", str(error))
                continue
            self._forwarder.pull(request)

    def _fetch_keys(self) -> None:
        found = self._upstream.fetch_keys(self.keys_version)
        if found is None:
            return
        keys = [(s.sensor_id, s.key_id, bytes.fromhex(s.up), bytes.fromhex(s.down)) for s in found.sensors]
        self._ledger.replace_keys(found.version, keys)
        self.keys_version = found.version
        self._hand_over(keys)
        log.info("keys version=%d sensors=%d", found.version, len(keys))

    def _hand_over(self, keys: list[StoredKey]) -> None:
        self._use({(sensor_id, key_id): Link(Cmac(up), Cmac(down)) for sensor_id, key_id, up, down in keys})

    def _fetch_orders(self) -> None:
        found = self._upstream.fetch_orders(self._orders_version)
        if found is not None:
            self._shelf.replace({(one.sensor_id, one.key_id): one.version for one in found.orders})
            self._orders_version = found.version
            log.info("orders version=%d waiting=%d", found.version, len(found.orders))

    def _get_orders(self) -> None:
        for sensor in self._shelf.wanted():
            try:
                sealed = self._upstream.fetch_order(sensor[0])
                if sealed is not None:
                    self._shelf.put(sensor, sealed)
            except FrameError as error:
                log.warning("order-refused sensor=%d what=%r", sensor[0], str(error))
            except UpstreamError as error:
                if not error.status:
                    raise
                # The remote is there, and this order is not to be had: others may be. The sensor asks again.
                log.warning("order-failed sensor=%d what=%r", sensor[0], error.what)
