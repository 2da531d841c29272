"""Relays that can be reached, over HTTP: asked for what they hold, and told that something waits for them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3
from gridecho.batch import MAX_BATCH_BYTES
from gridecho.errors import ProtocolError
from gridecho_common.deadlines import until

from .addresses import Addresses

_CONNECT_S = 1.0


class NoAnswerError(Exception):
    """The relay could not be asked, broke off, or sent what is no batch of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a relay says that it is (its `pull_url`), and the address that its heartbeat came from."""

    url: str
    spoke_from: str = ""


class Relays(Protocol):
    """The relays at their places. `left_s` says how much time there is still; after that an answer counts for nothing."""

    def fetch(self, place: Place, body: bytes, take: Callable[[bytes], bytes], left_s: Callable[[], float]) -> None:
        """Sends a pull request; each batch that comes is given to `take`, and the receipt that this gives is sent for it.

        Raises NoAnswerError, also where `take` raises ProtocolError or OSError; its others come through. What was taken stays.
        """

    def nudge(self, place: Place, body: bytes, left_s: Callable[[], float]) -> None:
        """Tells a relay of a pull request that it is to bring by another way. Whether it heard of it is not known."""


class HttpRelays:
    """Relays as they are, each asked over a connection of its own, at addresses that may be called."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def fetch(self, place: Place, body: bytes, take: Callable[[bytes], bytes], left_s: Callable[[], float]) -> None:
        """As in Relays."""
        with self._pool(place, left_s) as pool:
            try:
                response = _post(pool, place.url + "/pull", body, left_s)
                if response.status != 200:
                    response.close()
                    raise NoAnswerError(f"HTTP {response.status}")
                try:
                    while length := int.from_bytes(_read(response, 4, left_s), "big"):
                        if length > MAX_BATCH_BYTES:
                            raise NoAnswerError("a batch longer than any may be")
                        receipt = take(_read(response, length, left_s))
                        _post(pool, place.url + "/pull/receipt", receipt, left_s).close()
                finally:
                    response.close()
            except (urllib3.exceptions.HTTPError, ProtocolError, OSError) as error:
                raise NoAnswerError(type(error).__name__) from error

    def nudge(self, place: Place, body: bytes, left_s: Callable[[], float]) -> None:
        """As in Relays."""
        with self._pool(place, left_s) as pool, suppress(urllib3.exceptions.HTTPError, NoAnswerError):
            _post(pool, place.url + "/pull", body, left_s).close()

    def _pool(self, place: Place, left_s: Callable[[], float]) -> urllib3.PoolManager:
        return until(
            left_s,
            urllib3.PoolManager(retries=False),
            lambda address: self._addresses.may(address, place.spoke_from),
        )


def _post(pool: urllib3.PoolManager, url: str, body: bytes, left_s: Callable[[], float]) -> urllib3.BaseHTTPResponse:
    # Of what a relay answers no more is read than what is asked for, and that as it comes.
    return pool.request(
        "POST", url, body=body, preload_content=False, decode_content=False, redirect=False, timeout=_within(left_s)
    )


def _within(left_s: Callable[[], float]) -> urllib3.Timeout:
    left = left_s()
    if left <= 0:
        raise NoAnswerError("the deadline is over")
    return urllib3.Timeout(connect=min(_CONNECT_S, left), read=left)


def _read(response: Any, length: int, left_s: Callable[[], float]) -> bytes:
    found = b""
    while len(found) < length:
        _within(left_s)
        part = response.read1(min(length - len(found), 1 << 16))  # what is there: the deadline is looked at in between
        if not part:
            raise NoAnswerError("the stream was broken off")
        found += part
    return found
