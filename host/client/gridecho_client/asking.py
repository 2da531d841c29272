"""Asking a remote by HTTP: with the token, which goes nowhere else, and again while it is busy or away."""

import json
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from gridecho_common.retry import Backoff

_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_MOST_BYTES = 64 << 20  # of an answer that is taken whole
_MOST_SAID_BYTES = 64 << 10
_MOST_WAIT_S = 600
_BUSY = (429, 503)

Given = TypeVar("Given")


class ClientError(Exception):
    """What was asked for did not come. No text of an error has the token in it."""


class RefusedError(ClientError):
    """The remote gives nothing: `status` of HTTP, and what its problem document says (`code`, `fields`, `detail`)."""

    def __init__(self, status: int, code: str, fields: dict[str, Any], detail: str) -> None:
        super().__init__(status, code, fields, detail)
        self.status, self.code, self.fields, self.detail = status, code, fields, detail

    def __str__(self) -> str:
        """For people."""
        return f"{self.detail or self.code or 'refused'} (HTTP {self.status})"


class UnreachableError(ClientError):
    """The remote did not answer, or was busy, for as long as it was waited for; `reason` is the last time's."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        """For people."""
        return f"{self.url} cannot be reached: {self.reason}"


class AnswerError(ClientError):
    """What answered is no remote that this client knows: `what` was wrong."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _NotNow(Exception):  # noqa: N818  # it is no error yet
    def __init__(self, reason: str, wait_s: float = 0) -> None:
        super().__init__(reason)
        self.reason, self.wait_s = reason, wait_s


class Asker:
    """Asks one remote, from one thread at a time.

    `token`: None shows none. `patience_s`: for how long it is tried again when nothing comes. `ca_file`: an authority in place of
    the system's. Raises ValueError for a URL or a token that cannot be, and for http:// to another machine without `plain`.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        ca_file: str | None = None,
        patience_s: float = 120,
        plain: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"{url!r} is no address of a remote, as https://readings.example")
        if parts.scheme == "http" and not plain and not _is_here(parts.hostname):
            raise ValueError(f"{url!r}: a token is shown over https only, but to this machine itself")
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            raise ValueError("the token has a character that no token has")  # which one would tell of it
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.url = self.origin + parts.path.rstrip("/")
        self._path = parts.path.rstrip("/")
        self._headers = {"User-Agent": "gridecho-client"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._patience_s, self._sleep, self._clock = patience_s, sleep, clock
        trusted = ssl.create_default_context(cafile=ca_file)
        self._pool = urllib3.PoolManager(ssl_context=trusted, timeout=_TIMEOUT, retries=False)

    def close(self) -> None:
        """Ends its connections."""
        self._pool.clear()

    def json(self, address: str) -> dict[str, Any]:
        """The answer to a GET of this address (below the remote's own), whole. Raises ClientError."""

        def whole() -> bytes:
            response = self._once(address)
            try:
                content = response.read(_MOST_BYTES + 1)
            finally:
                response.close()
            if len(content) > _MOST_BYTES:
                raise AnswerError(f"an answer of more than {_MOST_BYTES} bytes")
            return content

        try:
            answer = json.loads(self.again(whole))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AnswerError("no JSON object")
        return answer

    def opened(self, address: str) -> urllib3.BaseHTTPResponse:
        """The answer to a GET of this address, to be read and closed. Raises ClientError."""
        return self.again(lambda: self._once(address))

    def again(self, ask: Callable[[], Given]) -> Given:
        """What `ask` gives, asked again for as long as there is patience. Raises ClientError."""
        backoff, end_s = Backoff(0.5, 30), self._clock() + self._patience_s
        while True:
            try:
                return ask()
            except urllib3.exceptions.SSLError as error:  # it will not be trusted in a minute either
                raise UnreachableError(self.origin, str(error)) from None
            except urllib3.exceptions.HTTPError as error:
                reason, wait_s = str(error), 0.0
            except _NotNow as error:
                reason, wait_s = error.reason, error.wait_s
            wait_s = max(wait_s, backoff.next_s())
            if self._clock() + wait_s > end_s:
                raise UnreachableError(self.origin, reason)
            self._sleep(wait_s)

    def _once(self, address: str) -> urllib3.BaseHTTPResponse:
        """Raises _NotNow, RefusedError, AnswerError and urllib3's HTTPError."""
        if not address.startswith("/") or address.startswith("//"):
            raise AnswerError(f"{address!r} leads away from {self.origin}")
        at = self.origin + (address if address.startswith(f"{self._path}/") else self._path + address)
        response = self._pool.request("GET", at, headers=self._headers, preload_content=False, redirect=False)
        if response.status == 200:
            return response
        try:
            said = response.read(_MOST_SAID_BYTES)
        finally:
            response.close()
        if 300 <= response.status < 400:
            raise AnswerError(f"a redirect (HTTP {response.status}), which is not followed with a token")
        refused = _refused(response.status, said)
        if response.status in _BUSY:
            raise _NotNow(str(refused), _wait_s(response.headers.get("Retry-After", "")))
        raise refused


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _wait_s(header: str) -> float:
    return float(min(int(header), _MOST_WAIT_S)) if header.isascii() and header.isdecimal() and len(header) < 10 else 0


def _refused(status: int, said: bytes) -> RefusedError:
    problem: Any = None
    with suppress(ValueError):
        problem = json.loads(said)
    if not isinstance(problem, dict):
        problem = {}
    fields = problem.get("fields")
    code, detail = str(problem.get("code", "")), str(problem.get("detail", ""))
    return RefusedError(status, code, fields if isinstance(fields, dict) else {}, detail)
