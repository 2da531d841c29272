"""Pulling what relays hold: straight from a relay that can be reached, else by a request that waits for its heartbeat.

A relay in a group brings what is pulled through its proxy, like everything; one that can be reached is told of the request at once.

What arrives is taken in like any batch. What did not arrive is named with its reason; asking again does no harm.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import urllib3
from gridecho.batch import MAX_BATCH_BYTES
from gridecho.crypto import Cmac
from gridecho.errors import ProtocolError
from gridecho.holdings import Pull
from gridecho.relay_keys import pull_key

from ..rules.errors import StorageFullError
from ..store import holdings
from ..store import pulls as requests
from ..store.database import Archive
from ..store.enrol import relay_secret
from ..store.groups import group_of
from ..store.holdings import Want
from .ingest import Ingest

_SIDE_BY_SIDE = 8  # relays
_CONNECT_S = 1.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a pull from one relay: `frames` arrived; `missing` is the code of why not all did; empty: that is all it had."""

    relay_id: int
    way: str  # "direct" or "heartbeat"
    frames: int
    missing: str = ""


class _NoAnswerError(Exception):
    """The relay could not be asked, or broke off."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    end_s: float
    clock: Callable[[], float]

    def left_s(self) -> float:
        return self.end_s - self.clock()


def pull(
    archive: Archive,
    ingest: Ingest,
    wants: Mapping[int, Sequence[Want]],
    deadline_s: float = 3.0,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Pulls what these relays hold of what is wanted, side by side, until the deadline; in order of the relays' ids.

    A relay that cannot be asked directly gets the request with its heartbeat, also after the deadline.
    """
    if not wants:
        return []
    deadline = _Deadline(clock() + deadline_s, clock)

    def one(relay_id: int) -> Outcome:
        try:
            return _pull_one(archive, ingest, relay_id, wants[relay_id], deadline)
        finally:
            archive.give_back()

    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(wants)), "pull") as pool:
        return list(pool.map(one, sorted(wants)))


def _pull_one(archive: Archive, ingest: Ingest, relay_id: int, wants: Sequence[Want], deadline: _Deadline) -> Outcome:
    secret = relay_secret(archive, relay_id)
    if secret is None:
        return Outcome(relay_id, "direct", 0, "pull-unknown")
    url = holdings.pull_url(archive, relay_id)
    request = Pull(relay_id, secrets.randbits(62), time.time_ns() // 1_000_000, list(wants))
    pull_mac = Cmac(pull_key(secret, relay_id))
    body = request.pack(pull_mac)
    by_group = group_of(archive, relay_id) is not None
    if url and not by_group:
        try:
            return Outcome(relay_id, "direct", _fetch(ingest, url, body, deadline))
        except StorageFullError:
            return Outcome(relay_id, "direct", 0, "pull-full")
        except _NoAnswerError:
            pass  # the relay keeps what the remote did not sign for
    digest = sha256(repr(sorted(wants)).encode()).digest()
    pull_id = requests.put(archive, request, digest, body)
    if url and by_group:
        _nudge(url, Pull(relay_id, pull_id, request.utc_ms, list(wants)).pack(pull_mac), deadline)
    return _wait(archive, relay_id, pull_id, deadline)


def _nudge(url: str, body: bytes, deadline: _Deadline) -> None:
    """Tells a relay in a group of a request at once: its data come through the proxy, and without this they come all the same."""
    with urllib3.PoolManager(retries=False) as pool, suppress(urllib3.exceptions.HTTPError, _NoAnswerError):
        pool.request("POST", url + "/pull", body=body, redirect=False, timeout=_within(deadline))


def _fetch(ingest: Ingest, url: str, body: bytes, deadline: _Deadline) -> int:
    """How many frames a relay streamed and the remote signed for. Raises _NoAnswerError, StorageFullError."""
    frames = 0
    with urllib3.PoolManager(retries=False) as pool:
        try:
            response = pool.request(
                "POST", url + "/pull", body=body, preload_content=False, redirect=False, timeout=_within(deadline)
            )
            if response.status != 200:
                raise _NoAnswerError(f"HTTP {response.status}")
            try:
                while length := int.from_bytes(_read(response, 4, deadline), "big"):
                    if length > MAX_BATCH_BYTES:
                        raise _NoAnswerError("a batch longer than any may be")
                    receipt = ingest.take(_read(response, length, deadline), time.time_ns() // 1_000_000)
                    frames += sum(int.from_bytes(receipt[at : at + 4], "big") for at in (24, 28, 32))
                    pool.request("POST", url + "/pull/receipt", body=receipt, redirect=False, timeout=_within(deadline))
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, ProtocolError, OSError) as error:
            raise _NoAnswerError(type(error).__name__) from error
    return frames


def _within(deadline: _Deadline) -> urllib3.Timeout:
    left_s = deadline.left_s()
    if left_s <= 0:
        raise _NoAnswerError("the deadline is over")
    return urllib3.Timeout(connect=min(_CONNECT_S, left_s), read=left_s)


def _read(response: Any, length: int, deadline: _Deadline) -> bytes:
    found = b""
    while len(found) < length:
        _within(deadline)
        part = response.read1(min(length - len(found), 1 << 16))  # what is there: the deadline is looked at in between
        if not part:
            raise _NoAnswerError("the stream was broken off")
        found += part
    return found


def _wait(archive: Archive, relay_id: int, pull_id: int, deadline: _Deadline) -> Outcome:
    while True:
        state, frames = requests.state_of(archive, pull_id)
        if state == requests.DONE:
            return Outcome(relay_id, "heartbeat", frames)
        if state == requests.EXPIRED:
            return Outcome(relay_id, "heartbeat", 0, "pull-silent")
        if deadline.left_s() <= 0:
            return Outcome(relay_id, "heartbeat", 0, "pull-waits")
        time.sleep(_LOOK_S)
