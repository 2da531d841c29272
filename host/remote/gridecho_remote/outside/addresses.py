"""Which addresses the remote calls for a relay's sake: those that an administrator allowed, and the one that the relay speaks from.

What a relay says of itself may name any host, this machine or another one of the inner network.
"""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gridecho_common.logs import Seldom

log = logging.getLogger("gridecho.remote.addresses")


class Addresses:
    """The rule. This machine itself is called only where the administrator says so: for a trial on one machine."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """`allowed`: addresses or networks."""
        self._allowed = [ip_network(one) for one in allowed]
        self._seldom = Seldom()

    def may(self, address: str, spoke_from: str) -> bool:
        """Whether to call this address for a relay whose heartbeat came from `spoke_from`."""
        wanted, its = _address(address), _address(spoke_from)
        if wanted is None:
            return False
        if any(wanted in network for network in self._allowed):
            return True
        fine = wanted == its and not (wanted.is_loopback or wanted.is_unspecified or wanted.is_multicast)
        if not fine and self._seldom.now(f"{address} {spoke_from}"):
            log.warning(
                "pull-url-not-called address=%s spoke-from=%s: if a relay is there, put it into pull_addresses in remote.toml",
                address,
                spoke_from,
            )
        return fine


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
