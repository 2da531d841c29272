"""What a relay says of itself: to its status page and metrics, and with each heartbeat to the remote."""

import os
from typing import Any

from .holding import Holding
from .latency import Latency
from .pull import Pulls
from .rates import Arrivals, hours_covered
from .settings import RelaySettings
from .udp import UdpPlane
from .works import Works

_OVER_S = 300.0  # the present rate is a mean over minutes
_ROW_BYTES = 40  # that the database adds to a frame, at most


class Reporter:
    """`__call__` gives what /status.json says; `beat` what a heartbeat says, and it looks at the rates each time."""

    def __init__(self, settings: RelaySettings, works: Works, plane: UdpPlane, pulls: Pulls | None) -> None:
        self.status_url = ""
        self._settings = settings
        self._plane = plane
        self._pulls = pulls
        self._works = works
        self._clock = works.clock
        self._ledger = works.ledger
        self._ingest = works.ingest
        self._upstream = works.upstream
        self._delivery = works.delivery
        self._carrier = works.carrier
        self._forwarder = works.forwarder
        self._teller = works.teller
        self._receipts = works.receipts
        self._heartbeat = works.heartbeat
        self._shelf = works.shelf
        self._started_s = now_s = self._clock.now_s()
        held, outbox, frames = self._totals(works.ledger.holding)
        self._held = Arrivals(_OVER_S, held, now_s)
        self._outbox = Arrivals(_OVER_S, outbox, now_s)
        self._frames = Arrivals(_OVER_S, frames, now_s)
        self._outage_hours: float | None = None
        self._arriving_per_s = 0.0

    @property
    def latencies(self) -> dict[tuple[str, str], Latency]:
        """What is measured each time, by name and meaning."""
        return {
            (
                "ack_latency_seconds",
                "From receiving a datagram to its answer, its commit included.",
            ): self._works.drain.latency,
            ("remote_rtt_seconds", "From a heartbeat to the remote's answer."): self._upstream.rtts,
        }

    def beat(self) -> dict[str, Any]:
        """How this relay is, in a few numbers."""
        holding = self._ledger.holding
        self._look(holding)
        return {
            "uptime_s": round(self._clock.now_s() - self._started_s, 1),
            "every_s": self._settings.heartbeat_every_s,
            "pull_url": self._settings.pull_url,
            "group_url": self._settings.group_url,
            "store_bytes": self._settings.store_bytes,
            "store_free_bytes": max(0, self._settings.store_bytes - holding.store.bytes),
            "buffer_bytes": self._settings.buffer_bytes,
            "buffer_bytes_used": holding.buffer.bytes,
            "clock_ahead_ms": self._heartbeat.clock_ahead_ms,
            "outbox_frames": holding.outbox.frames,
            "held_frames": holding.store.frames + holding.buffer.frames,
            "readings_held": holding.readings,
        }

    def __call__(self) -> dict[str, Any]:
        holding, ingest, settings = self._ledger.holding, self._ingest, self._settings
        last, turn = self._receipts.last, self._delivery.turn
        return {
            "relay_id": settings.relay_id,
            "name": settings.name,
            "listen": self._plane.address,
            "status": self.status_url,
            "remote": settings.remote,
            "uptime_s": round(self._clock.now_s() - self._started_s, 1),
            "held_store": holding.store.frames,
            "held_buffer": holding.buffer.frames,
            "outbox": holding.outbox.frames,
            "readings_held": holding.readings,
            "bytes_store": holding.store.bytes,
            "bytes_buffer": holding.buffer.bytes,
            "bytes_outbox": holding.outbox.bytes,
            "store_bytes": settings.store_bytes,
            "threshold_bytes": settings.threshold_bytes,
            "buffer_bytes": settings.buffer_bytes,
            "outbox_bytes": settings.outbox_bytes,
            "flushing": holding.flushing,
            "flushes": self._ledger.flushes,
            "backlog_frames": holding.outbox.frames + (holding.store.frames if holding.flushing else 0),
            "backlog_readings": holding.outbox.readings + (holding.store.readings if holding.flushing else 0),
            "outage_hours": self._outage_hours,
            "arriving_bytes_per_s": round(self._arriving_per_s, 1),
            "drain_frames_per_s": round(self._receipts.frames_per_s, 1),
            "acked": ingest.acked,
            "duplicates": ingest.duplicates,
            "busy": ingest.busy,
            "busy_by_share": ingest.over_share,
            "echoed": ingest.echoed,
            "orders_waiting": len(self._shelf),
            "orders_left_out": self._upstream.left_out.get("orders", 0),
            "keys_left_out": self._upstream.left_out.get("keys", 0),
            "pieces": ingest.pieces,
            "refused": dict(ingest.refused),
            "replies_lost": self._plane.replies_lost,
            "forwarded": self._ledger.forwarded,
            "batch_bytes": self._delivery.batch_bytes,
            "sent_bytes": self._delivery.sent_bytes,
            "receipts": last,
            "receipt_frames": self._receipts.frames,
            "last_receipt_utc_ms": last[0]["utc_ms"] if last else 0,
            "index_runs_told": self._teller.runs_told,
            "index_behind": max(0, holding.next_id - 1 - self._teller.looked_to),
            "pulls_waiting": self._forwarder.pulls_waiting,
            "pulls_served": self._forwarder.pulls_served + (self._pulls.served if self._pulls else 0),
            "pulls_direct": self._pulls.served if self._pulls else 0,
            "ack_ms_p50": _in_ms(self._works.drain.latency.quantile_s(0.5)),
            "ack_ms_p99": _in_ms(self._works.drain.latency.quantile_s(0.99)),
            "sensors": len({sensor_id for sensor_id, _ in ingest.links}),
            "keys_version": self._heartbeat.keys_version,
            "remote_reachable": self._upstream.reachable,
            "remote_problem": self._upstream.problem,
            "remote_refuses": dict(self._upstream.refusals),
            "remote_rtt_ms": round(1000 * self._upstream.rtt_s, 1),
            "clock_ahead_ms": self._heartbeat.clock_ahead_ms,
            "time_from": self._works.utc.source,
            "time_known": self._works.utc.ms() > 0,
            "group": self._heartbeat.group,
            "proxy": self._heartbeat.proxy,
            "is_proxy": self._is_proxy,
            "term": turn.term if turn else 0,
            "proxy_lost": self._delivery.lost,
            "loads_by_group": self._delivery.by_group,
            "loads_direct": self._delivery.direct,
            "carries": self._carrier.carries,
            "loads_carried": self._carrier.loads,
            "errors": self._forwarder.errors + self._heartbeat.errors + self._carrier.errors,
        }

    @property
    def _is_proxy(self) -> bool:
        turn = self._delivery.turn
        return turn is not None and turn.proxy == self._settings.relay_id

    def _look(self, holding: Holding) -> None:
        now_s = self._clock.now_s()
        held, outbox, frames = self._totals(holding)
        held_per_s, outbox_per_s = self._held.look(held, now_s), self._outbox.look(outbox, now_s)
        self._arriving_per_s = held_per_s + outbox_per_s
        on_disk_per_s = self._arriving_per_s + _ROW_BYTES * self._frames.look(frames, now_s)
        disk = os.statvfs(self._settings.data_dir)
        hours = hours_covered(
            (
                (room_for_held(holding), held_per_s),
                (holding.limits.outbox_bytes - holding.outbox.bytes, outbox_per_s),
                (disk.f_bavail * disk.f_frsize, on_disk_per_s),
            )
        )
        self._outage_hours = None if hours is None else round(hours, 4)

    def _totals(self, holding: Holding) -> tuple[int, int, int]:
        # What is here and what left since the start: together it grows by what arrives.
        held = holding.store.bytes + holding.buffer.bytes + self._receipts.held_bytes
        outbox = holding.outbox.bytes + self._receipts.outbox_bytes
        return held, outbox, holding.next_id


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None or seconds == float("inf") else 1000 * seconds


def room_for_held(holding: Holding) -> int:
    """So many bytes of STORE frames still fit while the remote is away: up to the threshold, then the buffer."""
    buffer = holding.limits.buffer_bytes - holding.buffer.bytes
    if holding.flushing:
        return buffer
    return buffer + max(0, holding.limits.store_bytes - holding.limits.threshold_bytes - holding.store.bytes)
