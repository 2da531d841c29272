"""Who may see the relay's page: whoever is at this machine, and whom the operator named; under names that the relay has.

A page in a browser of the LAN may send requests here under a name of its own (DNS rebinding): a name that is not this relay's is
refused. A number is none: a browser takes no other page's answer for one that it asked by number.
"""

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from flask import Request, Response
from gridecho_common.settings import split_address

from .problems import problem
from .settings import RelaySettings

_OPEN = "/healthz"  # says nothing but that the process serves
_FORWARDED = ("Forwarded", "X-Forwarded-For", "Via")


class Door:
    """Looks at requests that prove nothing by themselves."""

    def __init__(self, hosts: Iterable[str] = (), readers: Iterable[str] = ()) -> None:
        """`hosts` are names of this relay, `readers` addresses or networks that may see the page."""
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._readers = [ip_network(one) for one in readers]

    @classmethod
    def of(cls, settings: RelaySettings) -> "Door":
        """The door of a relay, which has the names in its own addresses and those that its operator wrote down."""
        urls = (settings.pull_url, settings.group_url)
        named = [urlsplit(url).hostname or "" for url in urls if url]
        return cls([*named, split_address(settings.status)[0], *settings.status_hosts], settings.status_readers)

    def refusal(self, request: Request) -> Response | None:
        """The answer to who may not see the page; None: he may."""
        name = _host_in(request)
        if name not in self._hosts and not _is_number(name):
            return problem(
                421, "This relay has another name; if it is its own, put it into status_hosts in relay.toml."
            )
        if request.path == _OPEN or self._may_read(request):
            return None
        return problem(
            403, "This page is for the relay's own machine; status_readers in relay.toml names who else may see it."
        )

    def _may_read(self, request: Request) -> bool:
        try:
            peer = _plain(ip_address((request.remote_addr or "").partition("%")[0]))
        except ValueError:
            return False
        if any(peer in network for network in self._readers):
            return True
        # What a proxy on this machine brings is from elsewhere.
        return is_here(str(peer)) and not any(name in request.headers for name in _FORWARDED)


@lru_cache(256)
def is_here(address: str) -> bool:
    """Whether this is an address of this machine: only such a one can be bound."""
    where = ip_address(address)
    if where.is_loopback:
        return True
    family = socket.AF_INET if where.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


def _host_in(request: Request) -> str:
    try:
        return (urlsplit(f"//{request.headers.get('Host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_number(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
