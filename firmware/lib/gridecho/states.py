"""The sensor's own state as it tells it beside its meter's readings: names for the codes from 40 on. A board needs no names."""

from .quantities import FIRST_STATE_CODE

# code: (name, unit, field name), as in `registers.QUANTITIES`
STATES = {
    40: ("route.relay", "id", "route_relay_id"),
    41: ("route.rtt", "us", "route_rtt_us"),
    42: ("state.config", "version", "config_version"),
    43: ("state.firmware", "version", "firmware_version"),
    44: ("state.reset_cause", "cause", "reset_cause"),
    45: ("state.spooled", "readings", "spooled_readings"),
    46: ("state.lost", "readings", "lost_readings"),
    47: ("state.meter_bad", "frames", "meter_bad_frames"),
    48: ("state.heap_free", "bytes", "heap_free_bytes"),
    49: ("state.rejoins", "times", "rejoin_times"),
    50: ("state.refused", "datagrams", "refused_datagrams"),
    51: ("state.order_failed", "version", "order_failed_version"),
}


def is_state(code: int) -> bool:
    """Whether the code is the sensor's own state (its route, say) and not something a meter measured."""
    return code >= FIRST_STATE_CODE
