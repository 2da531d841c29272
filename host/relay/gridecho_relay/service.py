"""One relay as a service: its works, with a socket, a page and threads."""

import logging
import sys
import time
from contextlib import ExitStack

from gridecho.groups import MAX_HANDED_BYTES
from gridecho.holdings import MAX_PULL_BYTES
from gridecho_common.secrets import read_secret

from .carry_api import carry_api
from .door import Door
from .listening import Listener
from .metrics import registry_of
from .pidfile import PidFile
from .pull import Pulls
from .pull_api import pull_api
from .report import Reporter
from .settings import RelaySettings
from .status import StatusServer
from .udp import UdpPlane, bind
from .works import Works

log = logging.getLogger(__name__)

_JOIN_S = 2.0  # for all threads at the stop together; what is unfinished then is on disk
# Of Python's threads: so long the UDP plane waits for one that computes, ten times less than by default.
_SWITCH_S = 0.0005


class Relay:
    """Opens all it needs, then `run` serves until `stop`. `listen` and `status_url` say where, also for port 0."""

    def __init__(self, settings: RelaySettings) -> None:
        """Raises SettingsError for what the operator has to mend."""
        self.settings = settings
        with ExitStack() as opened:
            secret = read_secret(settings.secret_file)
            pid_file = PidFile(settings.data_dir)
            opened.callback(pid_file.release)
            works = Works(settings, secret, lambda: self.report.beat(), opened)
            self._works, self._ledger, self._shelf = works, works.ledger, works.shelf
            self._plane = UdpPlane(bind(settings.listen), works.drain, works.ledger)
            opened.callback(self._plane.close)
            pulls = None
            more, most_bytes = [], MAX_PULL_BYTES
            if settings.pull_url:
                pulls = Pulls(
                    settings.relay_id,
                    secret,
                    works.ledger,
                    works.teller,
                    works.forwarder,
                    works.receipts,
                    settings.batch_frames,
                    lambda: works.delivery.goes_by_group,
                    lambda: works.utc.ms() / 1000,
                )
                more.append(pull_api(pulls))
            if settings.group_url:
                more.append(carry_api(works.carrier, works.delivery.appointed, lambda n: self._page.busy_with(n)))
                most_bytes = MAX_HANDED_BYTES
            self.report = Reporter(settings, works, self._plane, pulls)
            self._page = StatusServer(
                settings.status,
                self.report,
                registry_of(self.report, self.report.latencies),
                more,
                most_bytes,
                Door.of(settings),
            )
            self.listen = self._plane.address
            self.status_url = self.report.status_url = self._page.url
            pid_file.publish({"listen": self.listen, "status": self.status_url})
            self._opened = opened.pop_all()

    def run(self) -> None:
        """Serves in this thread until `stop`; what was acknowledged is on disk then."""
        works = self._works
        threads = (works.carrier, works.forwarder, works.heartbeat, self._page)
        listener = Listener(works.upstream, works.heartbeat)
        sys.setswitchinterval(_SWITCH_S)
        with self._opened:
            for thread in (*threads, listener):
                thread.start()
            log.info(
                "relay-started relay=%d listen=%s status=%s remote=%s readings=%d sensors=%d",
                self.settings.relay_id,
                self.listen,
                self.status_url,
                self.settings.remote,
                self._ledger.holding.readings,
                len(works.ingest.links),
            )
            try:
                self._plane.run()
            finally:
                listener.stop()  # it may wait for the remote for half a minute, and has nothing to see to the end
                for thread in threads:
                    thread.stop()
                end = time.monotonic() + _JOIN_S
                for thread in threads:
                    thread.join(max(0.0, end - time.monotonic()))
        log.info("relay-stopped readings=%d acked=%d", self._ledger.holding.readings, works.ingest.acked)

    def stop(self) -> None:
        """Makes `run` return; safe in a signal handler."""
        self._plane.stop()

    def flush(self) -> None:
        """Sends everything held to the remote; safe in a signal handler."""
        self._plane.flush()
