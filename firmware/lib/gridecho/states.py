"""The sensor's own state as it tells it beside its meter's readings: names for the codes from 40 on, and what a value can be.

Host only: a board needs no names.
"""

from .quantities import CONFIG_VERSION, FIRMWARE_VERSION, FIRST_STATE_CODE, ORDER_FAILED, ROUTE_RELAY, ROUTE_RTT
from .readings import MAX_VALUE

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

MAX_VERSION = (1 << 32) - 1  # of an order
# A remote goes on above what a sensor tells, also one that lost its database: so what is believed leaves room for all that follow.
MAX_TOLD_VERSION = (1 << 31) - 1
_MOST = {
    ROUTE_RELAY: (1 << 32) - 1,
    ROUTE_RTT: (1 << 32) - 1,
    CONFIG_VERSION: MAX_TOLD_VERSION,
    FIRMWARE_VERSION: MAX_TOLD_VERSION,
    ORDER_FAILED: MAX_TOLD_VERSION,
}


def can_be(code: int, value: int) -> bool:
    """Whether a sensor can be in this state; a value that cannot be is told by mistake, or to do harm."""
    return (1 if code == ROUTE_RELAY else 0) <= value <= _MOST.get(code, MAX_VALUE)


def is_state(code: int) -> bool:
    """Whether the code is the sensor's own state (its route, say) and not something a meter measured."""
    return code >= FIRST_STATE_CODE
