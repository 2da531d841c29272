"""A register of a department, asked over HTTP who somebody is. Whatever is not the plain answer that was agreed on is an error."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import quote

import urllib3
from cachetools import TTLCache
from gridecho_common.deadlines import until

from ..rules.reasons import Reason, reason
from ..rules.verification import PLACEHOLDERS, Claim

_MOST_BYTES = 64 << 10
_MOST_KEPT = 1_000  # answers
_FOUND, _NOBODY = 200, 404
_AWAY = (408, 425, 429)  # of those below 500


class RegistryError(Exception):
    """There is no answer that counts, for a reason in a few words, without what was asked."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code, reason.fields)
        self.reason = reason


class Registry(Protocol):
    """Whom a register knows."""

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        """What it has of who claims this; None: it knows nobody such. Raises RegistryError."""


class HttpRegistry:
    """A register at a URL with places for what is asked, as "https://register.example/staff/{evidence}"."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        token: str = "",
        ca_file: Path | str | None = None,
        timeout_s: float = 5.0,
        keep_s: float = 600.0,
    ) -> None:
        """`clock` is only read for its steps; `token` is shown as a bearer; without `ca_file` the system's authorities count."""
        self._url = url
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._ca_file = str(ca_file) if ca_file else None
        self._timeout_s = timeout_s
        self._clock = clock
        self._kept: TTLCache[str, dict[str, Any] | None] = TTLCache(_MOST_KEPT, keep_s, timer=clock)
        self._one_at_a_time = Lock()  # with the cache, not with the register

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        """As in Registry. Answers are kept for a while, failures are not."""
        url = filled(self._url, claim)
        with self._one_at_a_time, suppress(KeyError):
            return self._kept[url]
        found = self._asked(url)
        with self._one_at_a_time:
            self._kept[url] = found
        return found

    def _asked(self, url: str) -> dict[str, Any] | None:
        ends = self._clock() + self._timeout_s

        def left_s() -> float:
            return ends - self._clock()

        plain = urllib3.PoolManager(
            headers=self._headers, retries=False, cert_reqs="CERT_REQUIRED", ca_certs=self._ca_file
        )
        pool = until(left_s, plain)
        try:
            with pool:
                response = pool.request("GET", url, preload_content=False, redirect=False, timeout=self._timeout_s)
                try:
                    body = b""
                    # A body that was cut short is told of only by the read that finds no more.
                    while len(body) <= _MOST_BYTES and (part := response.read(_MOST_BYTES, decode_content=False)):
                        body += part
                finally:
                    response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RegistryError(reason("verify-away", why=type(error).__name__)) from error
        if response.status == _NOBODY:
            return None
        if response.status != _FOUND:
            why = f"HTTP {response.status}"
            away = response.status in _AWAY or response.status >= 500
            raise RegistryError(reason("verify-away", why=why) if away else reason("verify-answer", why=why))
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise RegistryError(reason("verify-answer", why="it is not JSON"))
        return _record(body)


def filled(url: str, claim: Claim) -> str:
    """The URL for a claim: what somebody says of themselves gets no further than to its place in it."""
    return url.format_map({name: quote(getattr(claim, name), safe="") for name in PLACEHOLDERS})


def _record(body: bytes) -> dict[str, Any]:
    if len(body) > _MOST_BYTES:
        raise RegistryError(reason("verify-answer", why="it is too long"))
    try:
        found = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RegistryError(reason("verify-answer", why="it is not JSON")) from None
    if not isinstance(found, dict):
        raise RegistryError(reason("verify-answer", why="it is no record"))
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name others might take the other one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found
