"""Whose word about the client counts: a TLS proxy in front of the remote, if its address is in `trusted_proxies`."""

import ipaddress
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gridecho_common.logs import Seldom

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("gridecho.remote")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """WSGI middleware: the client's address and scheme as a trusted proxy says them (X-Forwarded-For, X-Forwarded-Proto), and the
    request's id as it says it (X-Request-ID).

    The client is the last address in the chain that is no trusted proxy: what stands before it anybody may have written.
    """

    def __init__(self, app: "WSGIApplication", trusted: list[Network]) -> None:
        self._app = app
        self._trusted = trusted
        self._seldom = Seldom()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        chain = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        if self._trusts(peer):
            for address in reversed(chain):
                if not _address(address):
                    break
                environ["REMOTE_ADDR"] = address
                if not self._trusts(address):
                    break
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        else:
            environ.pop("HTTP_X_REQUEST_ID", None)
            if chain and self._seldom.now("untrusted"):
                log.warning(
                    "forwarded-by peer=%s: what it says of clients is not believed, so its logins share one limit; if it is your "
                    "TLS proxy, put its address into trusted_proxies in remote.toml",
                    peer,
                )
        return self._app(environ, start_response)

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
