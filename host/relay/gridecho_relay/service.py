"""One relay, wired: ledger, UDP plane, forwarder, keys and status page."""

import logging
import time
from contextlib import ExitStack
from typing import Any

from gridecho_common.secrets import read_secret

from .forward import Forwarder
from .holding import Limits
from .ingest import Ingest
from .ledger import Ledger
from .order_keeper import OrderKeeper
from .pidfile import PidFile
from .sensor_keys import KeyKeeper, Links
from .settings import RelaySettings
from .shelf import Shelf
from .status import StatusServer
from .udp import UdpPlane, bind
from .upstream import Upstream

log = logging.getLogger(__name__)

_JOIN_S = 2.0  # for all threads at the stop together; what is unfinished then is on disk


class Relay:
    """Opens all it needs, then `run` serves until `stop`. `listen` and `status_url` say where, also for port 0."""

    def __init__(self, settings: RelaySettings) -> None:
        """Raises SettingsError for what the operator has to mend."""
        self.settings = settings
        self._started_s = time.monotonic()
        limits = Limits(settings.store_bytes, settings.threshold_bytes, settings.buffer_bytes, settings.outbox_bytes)
        with ExitStack() as opened:
            secret = read_secret(settings.secret_file)
            pid_file = PidFile(settings.data_dir)
            opened.callback(pid_file.release)
            self._ledger = Ledger(settings.data_dir / "relay.sqlite", limits)
            opened.callback(self._ledger.close)
            self._shelf = Shelf()
            self._ingest = Ingest(settings.relay_id, self._ledger.replay, settings.busy_retry_s, self._shelf)
            self._upstream = Upstream(settings.remote, settings.relay_id, secret)
            opened.callback(self._upstream.close)
            self._forwarder = Forwarder(self._ledger, self._upstream, settings.batch_frames)
            self._keys = KeyKeeper(
                self._ledger, self._upstream, settings.keys_every_s, self._use_links, self._forwarder.remote_answers
            )
            self._orders = OrderKeeper(self._shelf, self._upstream, settings.orders_every_s)
            self._ledger.close()  # this thread's connection; `run` may be called in another one
            self._plane = UdpPlane(
                bind(settings.listen), self._ingest, self._ledger, self._forwarder.wake, self._keys.wanted
            )
            opened.callback(self._plane.close)
            self.listen = self._plane.address
            self._page = StatusServer(settings.status, self.report)
            self.status_url = self._page.url
            pid_file.publish({"listen": self.listen, "status": self.status_url})
            self._opened = opened.pop_all()

    def run(self) -> None:
        """Serves in this thread until `stop`; what was acknowledged is on disk then."""
        threads = (self._forwarder, self._keys, self._orders, self._page)
        with self._opened:
            for thread in threads:
                thread.start()
            log.info(
                "relay-started relay=%d listen=%s status=%s remote=%s readings=%d sensors=%d",
                self.settings.relay_id,
                self.listen,
                self.status_url,
                self.settings.remote,
                self._ledger.holding.readings,
                len(self._ingest.links),
            )
            try:
                self._plane.run()
            finally:
                for thread in threads:
                    thread.stop()
                end = time.monotonic() + _JOIN_S
                for thread in threads:
                    thread.join(max(0.0, end - time.monotonic()))
        log.info("relay-stopped readings=%d acked=%d", self._ledger.holding.readings, self._ingest.acked)

    def stop(self) -> None:
        """Makes `run` return; safe in a signal handler."""
        self._plane.stop()

    def flush(self) -> None:
        """Sends everything held to the remote; safe in a signal handler."""
        self._plane.flush()

    def report(self) -> dict[str, Any]:
        """What /status.json says."""
        holding = self._ledger.holding
        ingest = self._ingest
        return {
            "relay_id": self.settings.relay_id,
            "name": self.settings.name,
            "listen": self.listen,
            "status": self.status_url,
            "remote": self.settings.remote,
            "uptime_s": round(time.monotonic() - self._started_s, 1),
            "held_store": holding.store.frames,
            "held_buffer": holding.buffer.frames,
            "outbox": holding.outbox.frames,
            "readings_held": holding.readings,
            "bytes_store": holding.store.bytes,
            "bytes_buffer": holding.buffer.bytes,
            "bytes_outbox": holding.outbox.bytes,
            "store_bytes": self.settings.store_bytes,
            "threshold_bytes": self.settings.threshold_bytes,
            "buffer_bytes": self.settings.buffer_bytes,
            "outbox_bytes": self.settings.outbox_bytes,
            "flushing": holding.flushing,
            "flushes": self._ledger.flushes,
            "acked": ingest.acked,
            "duplicates": ingest.duplicates,
            "busy": ingest.busy,
            "echoed": ingest.echoed,
            "orders_waiting": len(self._shelf),
            "pieces": ingest.pieces,
            "refused": dict(ingest.refused),
            "replies_lost": self._plane.replies_lost,
            "forwarded": self._ledger.forwarded,
            "last_receipt_utc_ms": self._forwarder.last_receipt_utc_ms,
            "sensors": len({sensor_id for sensor_id, _ in ingest.links}),
            "keys_version": self._keys.version,
            "remote_reachable": self._upstream.reachable,
            "errors": self._forwarder.errors + self._keys.errors + self._orders.errors,
        }

    def _use_links(self, links: Links) -> None:
        self._ingest.links = links
