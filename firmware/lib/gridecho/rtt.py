"""Round-trip times and the timers made from them: RFC 6298 for the estimate, RFC 7252 (CoAP) for the retries."""

from .compat import const

MIN_RTO_US = 200_000
MAX_RTO_US = 60_000_000
FIRST_RTO_US = 1_000_000
_MAX_DOUBLINGS = const(6)


class RttEstimator:
    """The smoothed RTT and its variation, in whole microseconds (RFC 6298 section 2, alpha 1/8, beta 1/4, K 4)."""

    def __init__(self) -> None:
        self.srtt_us = 0
        self.rttvar_us = 0

    def sample(self, rtt_us: int) -> None:
        """Takes in the RTT of a datagram that was sent once only (Karn's rule is the caller's)."""
        if not self.srtt_us:
            self.srtt_us = max(1, rtt_us)
            self.rttvar_us = rtt_us // 2
            return
        self.rttvar_us += (abs(self.srtt_us - rtt_us) - self.rttvar_us) // 4
        self.srtt_us = max(1, self.srtt_us + (rtt_us - self.srtt_us) // 8)

    def rto_us(self) -> int:
        """How long to wait for an ACK before the first retry."""
        if not self.srtt_us:
            return FIRST_RTO_US
        return min(MAX_RTO_US, max(MIN_RTO_US, self.srtt_us + 4 * self.rttvar_us))


def retry_timeout_us(rto_us: int, attempt: int, random_16: int) -> int:
    """How long to wait after sending for the `attempt`-th time (0 is the first): doubled each time, times 1 to 1.5.

    `random_16` is a random number below 65536; the factor is CoAP's ACK_RANDOM_FACTOR.
    """
    base = min(MAX_RTO_US, rto_us << min(attempt, _MAX_DOUBLINGS))
    return base + base * random_16 // 131_072
