"""What a relay is made of, but for its sockets, page and threads: wired once, for a service as for a simulation."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import urllib3
from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho_common.clock import MACHINE, Clock

from .carrier import Carrier
from .collected import Collected
from .delivery import Delivery
from .drain import Drain
from .forward import Forwarder
from .heartbeat import Heartbeat, Links
from .holding import Limits
from .index import Teller
from .ingest import Ingest
from .ledger import Ledger
from .receipts import Receipts
from .settings import RelaySettings
from .shelf import Shelf
from .upstream import Http, Upstream, is_loopback
from .utc import Utc


class Works:
    """The parts of one relay. They keep time by `clock` and reach others by the connections that `http` makes."""

    def __init__(
        self,
        settings: RelaySettings,
        secret: bytes,
        state: Callable[[], dict[str, Any]],
        opened: ExitStack,
        clock: Clock = MACHINE,
        http: Http = urllib3.PoolManager,
    ) -> None:
        """`state` gives what a heartbeat says; `opened` closes what is opened here. Raises SettingsError."""
        limits = Limits(settings.store_bytes, settings.threshold_bytes, settings.buffer_bytes, settings.outbox_bytes)
        relay_id = settings.relay_id
        self.clock = clock
        self.ledger = Ledger(settings.data_dir / "relay.sqlite", limits, clock)
        opened.callback(self.ledger.close)
        self.utc = Utc(clock, self.ledger.noted_utc_ms(), self.ledger.note_utc_ms)
        self.shelf, self.receipts = Shelf(), Receipts(clock)
        self.ingest = Ingest(relay_id, self.ledger.replay, settings.busy_retry_s, self.shelf)
        self.upstream = Upstream(settings.remote, relay_id, secret, clock, http)
        opened.callback(self.upstream.close)
        self.carrier = Carrier(relay_id, self.upstream, clock)
        compress = settings.compress and not is_loopback(settings.remote)
        self.delivery = Delivery(
            relay_id, secret, self.upstream, self.carrier, compress=compress, clock=clock, http=http
        )
        opened.callback(self.delivery.close)
        self.teller = Teller(self.ledger, self.delivery, settings.index_every_s, clock)
        self.forwarder = Forwarder(self.ledger, self.delivery, self.teller, self.receipts, settings.batch_frames, clock)
        self.collected = Collected(clock.utc_ms())
        self.heartbeat = Heartbeat(
            self.ledger,
            self.upstream,
            self.shelf,
            self.forwarder,
            self.delivery,
            self.collected,
            Cmac(relay_keys.pull_key(secret, relay_id)),
            settings.heartbeat_every_s,
            state,
            self._use_links,
            self._look_at,
            self.utc,
            clock,
        )
        self.carrier.on_moved = self.heartbeat.now
        self.drain = Drain(
            self.ingest, self.ledger, self.collected, self.forwarder.wake, self.heartbeat.wanted, clock, self.utc
        )
        self.ledger.close()  # this thread's connection; others work from here on

    def _look_at(self, sensors: frozenset[int]) -> None:
        self.ingest.looked_at = sensors

    def _use_links(self, links: Links) -> None:
        self.ingest.links = links
