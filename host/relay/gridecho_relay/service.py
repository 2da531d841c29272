"""One relay, wired: ledger, UDP plane, forwarder, heartbeat and status page."""

import logging
import sys
import time
from contextlib import ExitStack

from gridecho import relay_keys
from gridecho.crypto import Cmac
from gridecho.groups import MAX_HANDED_BYTES
from gridecho.holdings import MAX_PULL_BYTES
from gridecho_common.secrets import read_secret

from .carrier import Carrier
from .carry_api import carry_api
from .collected import Collected
from .delivery import Delivery
from .forward import Forwarder
from .heartbeat import Heartbeat, Links
from .holding import Limits
from .index import Teller
from .ingest import Ingest
from .ledger import Ledger
from .metrics import registry_of
from .pidfile import PidFile
from .pull import Pulls
from .pull_api import pull_api
from .receipts import Receipts
from .report import Reporter
from .settings import RelaySettings
from .shelf import Shelf
from .status import StatusServer
from .udp import UdpPlane, bind
from .upstream import Upstream, is_loopback

log = logging.getLogger(__name__)

_JOIN_S = 2.0  # for all threads at the stop together; what is unfinished then is on disk
# Of Python's threads: so long the UDP plane waits for one that computes, ten times less than by default.
_SWITCH_S = 0.0005


class Relay:
    """Opens all it needs, then `run` serves until `stop`. `listen` and `status_url` say where, also for port 0."""

    def __init__(self, settings: RelaySettings) -> None:
        """Raises SettingsError for what the operator has to mend."""
        self.settings = settings
        limits = Limits(settings.store_bytes, settings.threshold_bytes, settings.buffer_bytes, settings.outbox_bytes)
        with ExitStack() as opened:
            secret = read_secret(settings.secret_file)
            pid_file = PidFile(settings.data_dir)
            opened.callback(pid_file.release)
            self._ledger = Ledger(settings.data_dir / "relay.sqlite", limits)
            opened.callback(self._ledger.close)
            self._shelf, receipts = Shelf(), Receipts()
            self._ingest = Ingest(settings.relay_id, self._ledger.replay, settings.busy_retry_s, self._shelf)
            upstream = Upstream(settings.remote, settings.relay_id, secret)
            opened.callback(upstream.close)
            self._carrier = Carrier(settings.relay_id, upstream)
            compress = settings.compress and not is_loopback(settings.remote)
            delivery = Delivery(settings.relay_id, secret, upstream, self._carrier, compress=compress)
            opened.callback(delivery.close)
            teller = Teller(self._ledger, delivery, settings.index_every_s)
            self._forwarder = Forwarder(self._ledger, delivery, teller, receipts, settings.batch_frames)
            collected = Collected(time.time_ns() // 1_000_000)
            pull_mac = Cmac(relay_keys.pull_key(secret, settings.relay_id))
            self._heartbeat = Heartbeat(
                self._ledger,
                upstream,
                self._shelf,
                self._forwarder,
                delivery,
                collected,
                pull_mac,
                settings.heartbeat_every_s,
                lambda: self.report.beat(),
                self._use_links,
            )
            self._carrier.on_moved = self._heartbeat.now
            self._ledger.close()  # this thread's connection; `run` may be called in another one
            self._plane = UdpPlane(
                bind(settings.listen),
                self._ingest,
                self._ledger,
                collected,
                self._forwarder.wake,
                self._heartbeat.wanted,
            )
            opened.callback(self._plane.close)
            pulls = None
            more, most_bytes = [], MAX_PULL_BYTES
            if settings.pull_url:
                pulls = Pulls(
                    settings.relay_id,
                    secret,
                    self._ledger,
                    teller,
                    self._forwarder,
                    receipts,
                    settings.batch_frames,
                    lambda: delivery.goes_by_group,
                )
                more.append(pull_api(pulls))
            if settings.group_url:
                more.append(carry_api(self._carrier, delivery.appointed, lambda n: self._page.busy_with(n)))
                most_bytes = MAX_HANDED_BYTES
            self.report = Reporter(
                settings,
                self._ledger,
                self._ingest,
                self._plane,
                upstream,
                delivery,
                self._carrier,
                self._forwarder,
                teller,
                receipts,
                self._heartbeat,
                self._shelf,
                pulls,
            )
            self._page = StatusServer(
                settings.status, self.report, registry_of(self.report, self.report.latencies), more, most_bytes
            )
            self.listen = self._plane.address
            self.status_url = self.report.status_url = self._page.url
            pid_file.publish({"listen": self.listen, "status": self.status_url})
            self._opened = opened.pop_all()

    def run(self) -> None:
        """Serves in this thread until `stop`; what was acknowledged is on disk then."""
        threads = (self._carrier, self._forwarder, self._heartbeat, self._page)
        sys.setswitchinterval(_SWITCH_S)
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

    def _use_links(self, links: Links) -> None:
        self._ingest.links = links
