"""Pulling what relays hold: straight from a relay that can be reached, else by a request that waits for its heartbeat.

A relay in a group brings what is pulled through its proxy, like everything; one that can be reached is told of the request at once.

What arrives is taken in like any batch. What did not arrive is named with its reason; asking again does no harm.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from gridecho.crypto import Cmac
from gridecho.holdings import Pull
from gridecho.relay_keys import pull_key

from ..outside.relays import NoAnswerError, Place
from ..rules.errors import StorageFullError
from ..store import holdings
from ..store import pulls as requests
from ..store.database import Archive
from ..store.enrol import relay_secret
from ..store.groups import group_of
from ..store.holdings import Want
from .site import Site

SPOKE_FROM = "spoke_from"  # in a relay's report: the address that its heartbeat came from
_SIDE_BY_SIDE = 8  # relays
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a pull from one relay: `frames` arrived; `missing` is the code of why not all did; empty: that is all it had."""

    relay_id: int
    way: str  # "direct" or "heartbeat"
    frames: int
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Deadline:
    end_s: float
    clock: Callable[[], float]

    def left_s(self) -> float:
        return self.end_s - self.clock()


def pull(
    site: Site,
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
            return _pull_one(site, relay_id, wants[relay_id], deadline)
        finally:
            site.archive.give_back()

    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(wants)), "pull") as pool:
        return list(pool.map(one, sorted(wants)))


def _pull_one(site: Site, relay_id: int, wants: Sequence[Want], deadline: _Deadline) -> Outcome:
    archive = site.archive
    secret = relay_secret(archive, relay_id)
    if secret is None:
        return Outcome(relay_id, "direct", 0, "pull-unknown")
    url, report = holdings.pull_url(archive, relay_id)
    place = Place(url, json.loads(report).get(SPOKE_FROM, ""))
    request = Pull(relay_id, secrets.randbits(62), site.now_ms(), list(wants))
    pull_mac = Cmac(pull_key(secret, relay_id))
    body = request.pack(pull_mac)
    by_group = group_of(archive, relay_id) is not None
    if url and not by_group:
        try:
            return Outcome(relay_id, "direct", _fetch(site, place, body, deadline))
        except StorageFullError:
            return Outcome(relay_id, "direct", 0, "pull-full")
        except NoAnswerError:
            pass  # the relay keeps what the remote did not sign for
    digest = sha256(repr(sorted(wants)).encode()).digest()
    pull_id = requests.put(archive, request, digest, body)
    if url and by_group:
        # What it holds comes through the proxy; without this it comes all the same, later.
        told = Pull(relay_id, pull_id, request.utc_ms, list(wants)).pack(pull_mac)
        site.relays.nudge(place, told, deadline.left_s)
    return _wait(archive, relay_id, pull_id, deadline)


def _fetch(site: Site, place: Place, body: bytes, deadline: _Deadline) -> int:
    """How many frames a relay streamed and the remote signed for. Raises NoAnswerError, StorageFullError."""
    frames = 0

    def take(batch: bytes) -> bytes:
        nonlocal frames
        receipt = site.ingest.take(batch, site.now_ms())
        frames += sum(int.from_bytes(receipt[at : at + 4], "big") for at in (24, 28, 32))
        return receipt

    site.relays.fetch(place, body, take, deadline.left_s)
    return frames


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
