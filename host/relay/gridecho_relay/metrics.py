"""What a relay says of itself, as Prometheus metrics: read from the same report as the status page when they are scraped."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .latency import BOUNDS_S, Latency

_PREFIX = "gridecho_relay_"

_COUNTERS = (
    ("datagrams_acknowledged", "Datagrams acknowledged, the duplicates among them.", "acked"),
    ("datagrams_duplicate", "Datagrams acknowledged that had been committed before.", "duplicates"),
    ("datagrams_busy", "Datagrams answered with busy for want of room.", "busy"),
    (
        "datagrams_over_share",
        "Of these, those whose sensor had its share while there was room for others.",
        "busy_by_share",
    ),
    ("probes_echoed", "Probes answered.", "echoed"),
    ("replies_lost", "Replies that the system did not take.", "replies_lost"),
    ("order_pieces", "Pieces of orders handed to sensors.", "pieces"),
    ("frames_forwarded", "Frames that are at the remote by its receipt, and deleted here.", "forwarded"),
    ("batch_bytes", "Bytes of all batches before compression.", "batch_bytes"),
    ("batch_sent_bytes", "Bytes of all batches as they were sent.", "sent_bytes"),
    ("flushes", "Times that the whole store went to the remote.", "flushes"),
    ("index_runs_told", "Runs of data ids told to the remote's index.", "index_runs_told"),
    ("carries", "Requests in which this relay, as proxy, carried what its group handed it.", "carries"),
    ("loads_carried", "Batches and pieces of the index in these requests.", "loads_carried"),
    ("errors", "Unexpected errors, each with a trace in the log.", "errors"),
)
_GAUGES = (
    ("held_readings", "Readings that are here.", "readings_held"),
    ("store_threshold_bytes", "With less than this free, the whole store goes to the remote.", "threshold_bytes"),
    ("flushing", "Whether the store is on its way to the remote.", "flushing"),
    ("backlog_frames", "Frames that are due to the remote.", "backlog_frames"),
    ("backlog_readings", "Readings that are due to the remote.", "backlog_readings"),
    ("arriving_bytes_per_second", "Bytes of frames that arrive a second, a mean over minutes.", "arriving_bytes_per_s"),
    ("index_behind_rows", "Rows that the remote's index was not told of yet.", "index_behind"),
    ("pulls_waiting", "Requests of the remote that are not finished.", "pulls_waiting"),
    ("orders_left_out", "Orders that this relay cannot read; others are not kept back.", "orders_left_out"),
    ("keys_left_out", "Keys of sensors that this relay cannot read.", "keys_left_out"),
    ("sensors", "Sensors that may use this relay.", "sensors"),
    ("orders_waiting", "Sensors that an order waits for.", "orders_waiting"),
    ("is_proxy", "Whether this relay is the proxy of its group.", "is_proxy"),
    ("proxy_lost", "Whether this relay holds the proxy of its group for lost.", "proxy_lost"),
    ("group_term", "The term of the group as this relay knows it.", "term"),
    ("time_known", "Whether this relay can tell its sensors the time.", "time_known"),
    ("remote_reachable", "Whether the last answer was one of a remote.", "remote_reachable"),
)
_ASKED = ("batch", "carry", "heartbeat", "index", "keys", "orders")
_PLACES = (
    ("store", "held_store", "bytes_store", "store_bytes"),
    ("buffer", "held_buffer", "bytes_buffer", "buffer_bytes"),
    ("outbox", "outbox", "bytes_outbox", "outbox_bytes"),
)


class RelayCollector(Collector):
    """Gives all metrics from one report; `latencies` are histograms by name and help."""

    def __init__(self, report: Callable[[], dict[str, Any]], latencies: Mapping[tuple[str, str], Latency]) -> None:
        self._report = report
        self._latencies = latencies

    def collect(self) -> Iterator[Metric]:
        report = self._report()
        info = InfoMetricFamily(_PREFIX.removesuffix("_"), "Which relay this is.")
        said = {"relay_id": str(report["relay_id"]), "name": report["name"], "group": report["group"] or ""}
        info.add_metric([], said)
        yield info
        for name, said_of_it, key in _COUNTERS:
            yield CounterMetricFamily(_PREFIX + name, said_of_it, value=report[key])
        for name, said_of_it, key in _GAUGES:
            yield GaugeMetricFamily(_PREFIX + name, said_of_it, value=_number(report[key]))
        yield self._of("datagrams_refused", "Datagrams without an answer.", "reason", report["refused"])
        yield self._of(
            "receipt_frames", "Frames by what the remote's receipts say.", "result", report["receipt_frames"]
        )
        loads = {"group": report["loads_by_group"], "direct": report["loads_direct"]}
        yield self._of("loads_delivered", "Batches and pieces of the index that the remote answered.", "way", loads)
        pulls = {"direct": report["pulls_direct"], "heartbeat": report["pulls_served"] - report["pulls_direct"]}
        yield self._of("pulls_served", "Requests of the remote that are finished.", "way", pulls)
        frames = GaugeMetricFamily(_PREFIX + "held_frames", "Frames that are here.", labels=["place"])
        held = GaugeMetricFamily(_PREFIX + "held_bytes", "Bytes of frames that are here.", labels=["place"])
        limits = GaugeMetricFamily(_PREFIX + "limit_bytes", "Bytes of frames there is room for.", labels=["place"])
        for place, frames_key, bytes_key, limit_key in _PLACES:
            frames.add_metric([place], report[frames_key])
            held.add_metric([place], report[bytes_key])
            limits.add_metric([place], report[limit_key])
        yield from (frames, held, limits)
        refuses = GaugeMetricFamily(_PREFIX + "remote_refuses", "Whether the remote refuses this.", labels=["what"])
        for what in _ASKED:
            refuses.add_metric([what], float(what in report["remote_refuses"]))
        yield refuses
        hours = report["outage_hours"]
        if hours is not None:
            name, said_of_it = "outage_covered_seconds", "How long the free space lasts if the remote goes away now."
            yield GaugeMetricFamily(_PREFIX + name, said_of_it, value=3600 * hours)
        if report["last_receipt_utc_ms"]:
            name, said_of_it = "last_receipt_timestamp_seconds", "When the remote's last receipt came, Unix time."
            yield GaugeMetricFamily(_PREFIX + name, said_of_it, value=report["last_receipt_utc_ms"] / 1000)
        name, said_of_it = "clock_ahead_seconds", "How far this clock is ahead of the remote's."
        yield GaugeMetricFamily(_PREFIX + name, said_of_it, value=report["clock_ahead_ms"] / 1000)
        for (name, said_of_it), latency in self._latencies.items():
            yield _histogram(_PREFIX + name, said_of_it, latency)

    @staticmethod
    def _of(name: str, said_of_it: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
        family = CounterMetricFamily(_PREFIX + name, said_of_it, labels=[label])
        for value, n in counts.items():
            family.add_metric([value], n)
        return family


def registry_of(
    report: Callable[[], dict[str, Any]], latencies: Mapping[tuple[str, str], Latency]
) -> CollectorRegistry:
    """A registry of this relay's own, with the process's CPU time, memory and open files beside its metrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RelayCollector(report, latencies))
    ProcessCollector(registry=registry)
    return registry


def _number(said: str | float) -> float:
    return float(bool(said)) if isinstance(said, str) else float(said)


def _histogram(name: str, said_of_it: str, latency: Latency) -> HistogramMetricFamily:
    buckets, below = [], 0
    for bound, n in zip((*map(str, BOUNDS_S), "+Inf"), list(latency.counts), strict=True):
        below += n
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(name, said_of_it, buckets=buckets, sum_value=latency.sum_s)
