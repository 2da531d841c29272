"""What the remote says of itself to Prometheus, at an address of its own: counts only, for those who operate it."""

from collections.abc import Iterator

from gridecho_common.settings import SettingsError, split_address
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ..rules.actor import OPERATOR
from ..use import quarantine
from ..use.site import Site
from .connections import DataConnections

_PREFIX = "gridecho_remote_"


class _RemoteCollector(Collector):
    def __init__(self, connections: DataConnections, site: Site) -> None:
        self._connections = connections
        self._site = site

    def collect(self) -> Iterator[Metric]:
        said = "Connections over which relays bring data, open now: one a group, and one of each relay without a group."
        yield GaugeMetricFamily(_PREFIX + "data_connections", said, value=self._connections.count)
        said = "The most of these at a time since the start."
        yield GaugeMetricFamily(_PREFIX + "data_connections_most", said, value=self._connections.most)
        said = "Requests with batches, pieces of the index, or what a proxy carried."
        yield CounterMetricFamily(_PREFIX + "data_requests", said, value=self._connections.requests)
        yield from self._set_aside()

    def _set_aside(self) -> Iterator[Metric]:
        said = "Frames in quarantine."
        kept = GaugeMetricFamily(_PREFIX + "quarantined", said, labels=["reason"])
        said = "What relays and sensors sent that cannot be used and is only counted; a purge forgets it."
        more = GaugeMetricFamily(_PREFIX + "set_aside", said, labels=["reason"])
        try:
            for family, counts in (
                (kept, quarantine.counts(self._site, OPERATOR)),
                (more, quarantine.not_kept(self._site, OPERATOR)),
            ):
                for reason, count in counts.items():
                    family.add_metric([reason], count)
                yield family
        finally:
            self._site.archive.give_back()


class Metrics:
    """Serves /metrics in a thread from here on; `url` says where. Raises SettingsError if the address cannot be had."""

    def __init__(self, address: str, connections: DataConnections, site: Site) -> None:
        host, port = split_address(address)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_RemoteCollector(connections, site))
        ProcessCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise SettingsError(
                f'metrics = "{address}": cannot be bound ({error.strerror}); choose another port'
            ) from None
        bound_host, bound_port = self._server.server_address[:2]
        shown = bound_host.decode() if isinstance(bound_host, bytes) else bound_host
        self.url = f"http://[{shown}]:{bound_port}/metrics" if ":" in shown else f"http://{shown}:{bound_port}/metrics"

    def close(self) -> None:
        """Frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
