"""Pulling what relays hold: straight from a relay that can be reached, else by a request that waits for its heartbeat.

A relay in a group brings what is pulled through its proxy, like everything; one that can be reached is told of the request at once.

What arrives is taken in like any batch. What did not arrive is named with its reason; asking again does no harm. Who asks for what
is asked for already, here or in another process, waits for the same answer.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from gridecho.crypto import Cmac
from gridecho.holdings import Pull
from gridecho.relay_keys import pull_key

from ..outside.relays import NoAnswerError, Place
from ..rules.errors import StorageFullError
from ..store import holdings
from ..store import pulls as requests
from ..store.enrol import relay_secret
from ..store.groups import group_of
from ..store.holdings import Want
from .site import Site

_SIDE_BY_SIDE = 8  # relays
_LOOK_S = 0.05
_LATELY_MS = 600_000


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
    begin: Callable[[int], bool] = lambda relay_id: True,
    same: object = None,
    party: str = "",
) -> list[Outcome]:
    """Pulls what these relays hold of what is wanted, side by side, until the deadline; in order of the relays' ids.

    A relay that cannot be asked directly gets the request with its heartbeat, also after the deadline. `begin` is called with each
    relay of which this is not being asked for already, before it is; False: it is not wanted any more. `same` is what it goes by
    whether it is; without it what is wanted, of which there is less as it comes. `party` is for whom it is: each has a share.
    """
    if not wants:
        return []
    deadline = _Deadline(clock() + deadline_s, clock)

    def one(relay_id: int) -> Outcome:
        try:
            return _pull_one(site, relay_id, wants[relay_id], deadline, begin, same, party)
        finally:
            site.archive.give_back()

    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(wants)), "pull") as pool:
        return list(pool.map(one, sorted(wants)))


def _pull_one(
    site: Site,
    relay_id: int,
    wants: Sequence[Want],
    deadline: _Deadline,
    begin: Callable[[int], bool],
    same: object,
    party: str,
) -> Outcome:
    archive = site.archive
    secret = relay_secret(archive, relay_id)
    if secret is None:
        return Outcome(relay_id, "direct", 0, "pull-unknown")
    said = holdings.said(archive, relay_id)
    place = Place(said.url, said.spoke_from)
    direct = bool(said.url) and group_of(archive, relay_id) is None
    request, body = _request(site, relay_id, secret, wants)
    digest = _digest(sorted(wants) if same is None else same)
    asked = requests.claim(archive, request, digest, body, direct, party)
    if asked is None:
        return Outcome(relay_id, "heartbeat", 0, "pull-busy")
    if asked.new and not begin(relay_id):
        requests.finish(archive, asked.id, 0)
        return Outcome(relay_id, "direct", 0)
    if asked.new and direct:
        outcome = _ask(site, relay_id, asked.id, partial(_fetch, site, place, body, deadline))
        if outcome is not None:
            return outcome
    elif asked.new and said.url:
        # What it holds comes through the proxy; without this it comes all the same, later.
        site.relays.nudge(place, body, deadline.left_s)
    return _wait(site, relay_id, asked.id, deadline)


def leave(site: Site, relay_id: int, wants: Sequence[Want], party: str) -> bool:
    """Leaves a request for a relay, which hears of it at once and brings what it holds: nobody waits here. False: it was asked for
    the same lately, or so much is asked of it that others come first. Within the caller's transaction.
    """
    secret = relay_secret(site.archive, relay_id)
    if secret is None:
        return False
    request, body = _request(site, relay_id, secret, wants)
    asked = requests.claim(site.archive, request, _digest(sorted(wants)), body, False, party, _LATELY_MS)
    return asked is not None and asked.new


def _request(site: Site, relay_id: int, secret: bytes, wants: Sequence[Want]) -> tuple[Pull, bytes]:
    request = Pull(relay_id, secrets.randbits(62), site.now_ms(), list(wants))
    return request, request.pack(Cmac(pull_key(secret, relay_id)))


def _digest(same: object) -> bytes:
    return sha256(repr(same).encode()).digest()


def _ask(site: Site, relay_id: int, pull_id: int, fetch: Callable[[], int]) -> Outcome | None:
    """What came of asking a relay; None: nothing, and the request waits for its heartbeat."""
    try:
        frames = fetch()
    except BaseException as error:
        # The relay keeps what the remote did not sign for, and brings it with its heartbeat.
        requests.wait_for_heartbeat(site.archive, pull_id)
        if isinstance(error, StorageFullError):
            return Outcome(relay_id, "direct", 0, "pull-full")
        if isinstance(error, NoAnswerError):
            return None
        raise
    requests.finish(site.archive, pull_id, frames)
    return Outcome(relay_id, "direct", frames)


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


def _wait(site: Site, relay_id: int, pull_id: int, deadline: _Deadline) -> Outcome:
    while True:
        state, frames = requests.state_of(site.archive, pull_id)
        if state == requests.DONE:
            return Outcome(relay_id, "heartbeat", frames)
        if state == requests.EXPIRED:
            return Outcome(relay_id, "heartbeat", 0, "pull-silent")
        if state == requests.WAITING and holdings.said(site.archive, relay_id).is_late(site.now_ms()):
            return Outcome(relay_id, "heartbeat", 0, "pull-late")
        if deadline.left_s() <= 0:
            return Outcome(relay_id, "heartbeat", 0, "pull-waits")
        time.sleep(_LOOK_S)
