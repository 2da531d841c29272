"""A timed run: makes the fastest relay the slowest half-way, waits until everything has arrived, and says what holds."""

import time
from typing import Any

from .observer import Observer, SendWatch
from .report import least_delay, percentiles, tally
from .world import World

_READY_S = 30.0
_SETTLE_S = 30.0


class Verdict:
    """Call `turn` again and again until it says that the run is over, then `result`."""

    def __init__(self, world: World) -> None:
        if world.plan.for_s is None:
            raise ValueError("a run without an end has no result")
        self._world = world
        self._for_s = world.plan.for_s
        self._observer = Observer(world.url, world.observer, world.observer_password)
        self._watch = SendWatch(Observer(world.url, world.observer, world.observer_password), world.ledgers)
        self._watch.start()
        self._begun = time.monotonic()
        self._changed = False
        self._before: dict[int, int] = {}
        self._settled = 0.0

    def turn(self) -> bool:
        """Does what is due; True when the run is over."""
        world, now = self._world, time.monotonic()
        if not self._changed and now - self._begun >= self._for_s / 2:
            self._before = self._routes()
            for relay_id, delay_ms in world.plan.delays_after_ms.items():
                world.set_delay(relay_id, delay_ms)
            self._changed = True
        if now - self._begun < self._for_s:
            return False
        if now - self._begun > self._for_s + _SETTLE_S:
            return True
        # The series ends with the run; what is on its way gets time to arrive, and the relays give what they hold.
        if not all(ledger.ended and ledger.acked() == len(ledger.made) for ledger in world.ledgers.values()):
            return False
        world.flush()
        time.sleep(0.2)
        return world.held() == 0

    def result(self, send_limit_ms: int) -> dict[str, Any]:
        """What --json writes; `holds` says of each promise whether it held."""
        world, plan = self._world, self._world.plan
        self._watch.stop()
        after = self._routes()
        at_remote = {sensor_id: self._observer.readings(sensor_id) for sensor_id in plan.sensor_ids}
        counts = tally(plan.inputs, world.ledgers, at_remote)
        gaps = sum(self._observer.gaps(sensor_id) for sensor_id in plan.sensor_ids)
        on_relays = world.held()
        wire_bytes = sum(count["data_bytes"] for count in world.wire_counts())
        rtts_ms = [rtt_us / 1000 for ledger in world.ledgers.values() for rtt_us in ledger.rtt_us]
        send_ms = percentiles(self._watch.took_ms)
        best_before, best_after = least_delay(plan.delays_before_ms), least_delay(plan.delays_after_ms)
        return {
            **vars(counts),
            "readings_on_relays": on_relays,
            "gaps": gaps,
            "ack_rtt_ms": percentiles(rtts_ms),
            "acks_missing": sum(ledger.missing for ledger in world.ledgers.values()),
            "send_readings": len(self._watch.took_ms) + self._watch.never_seen,
            "send_to_queryable_ms": send_ms,
            "bytes_per_reading_wire": round(wire_bytes / max(1, counts.readings_acked), 1),
            "relay_delays_ms": {"before": plan.delays_before_ms, "after": plan.delays_after_ms},
            "sensors": {
                sensor_id: {
                    "route_before": self._before.get(sensor_id),
                    "route_after": after.get(sensor_id),
                    "relay_delays_ms": {"before": plan.delays_before_ms, "after": plan.delays_after_ms},
                }
                for sensor_id in plan.sensor_ids
            },
            "strange_lines": {
                sensor_id: ledger.strange for sensor_id, ledger in world.ledgers.items() if ledger.strange
            },
            "holds": {
                "every reading was made": counts.readings_generated == sum(len(rows) for rows in plan.inputs.values()),
                "every reading was acknowledged": counts.readings_acked == counts.readings_generated,
                "every reading is at the remote": counts.lost == 0,
                "no reading is there twice": counts.duplicates == 0,
                "no value was changed": counts.value_mismatches == 0,
                "no gaps": gaps == 0,
                "no reading is left on a relay": on_relays == 0,
                "every route before was the fastest": set(self._before.values()) == {best_before},
                "every route after was the fastest": set(after.values()) == {best_after},
                f"SEND to queryable p99 <= {send_limit_ms} ms": self._watch.never_seen == 0
                and (send_ms["p99"] or 0) <= send_limit_ms,
            },
        }

    def _routes(self) -> dict[int, int]:
        routes = {}
        for sensor_id, ledger in self._world.ledgers.items():
            with ledger.lock:
                if ledger.routes:
                    routes[sensor_id] = ledger.routes[-1][0]
        return routes
