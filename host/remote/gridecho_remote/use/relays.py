"""Relays: how one proves itself and gets its keys, and, for the operator, how they are and what they are asked to bring now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridecho.crypto import same
from gridecho.holdings import ANY
from gridecho.relay_keys import relay_token

from ..rules.actor import Actor, Kind
from ..store import enrol, groups, holdings
from ..store.holdings import Listing
from . import heartbeats, pulls
from .audit import noted
from .pulls import Outcome
from .site import Site

__all__ = ("Outcome",)

LATE, HOLDING = STATES = ("late", "holding")  # the next heartbeat should have come; data that are not here yet
_MOST_ID = (1 << 32) - 1
_NOTHING = Listing(0, 0, 0, "", "{}")


@dataclass(frozen=True, slots=True)
class RelayRow:
    """A relay: what its last heartbeat said (None: it said nothing of it), and what the index says that it holds."""

    id: int
    name: str
    heartbeat_s_ago: int | None
    store_full_percent: int | None
    buffer_full_percent: int | None
    clock_ahead_ms: int | None  # its own clock, before ours
    readings_held: int | None
    outbox: int | None
    index_data: int
    index_runs: int
    pull_url: str | None  # None: it is asked by heartbeat
    late: bool  # the next heartbeat should have come
    group_id: int | None
    group: str | None


def proven(site: Site, relay_id: int, token: str) -> Actor | None:
    """The relay with this id, if the token (in hex) is its own."""
    secret = enrol.relay_secret(site.archive, relay_id) if 0 < relay_id <= _MOST_ID else None
    if secret is None or not same(relay_token(secret, relay_id).hex().encode(), token.encode()):
        return None
    return Actor(Kind.RELAY, relay_id)


def keys(site: Site, actor: Actor, have: int | None) -> tuple[int, list[dict[str, int | str]]] | None:
    """The version of the keys, and the link keys of every sensor for this relay. None if `have` is the present version."""
    actor.require_relay()
    version = site.archive.keys_version
    # Read after the version: keys that are newer than it are fetched again, never missed.
    return None if have == version else (version, enrol.link_keys(site.archive, actor.id))


def all_relays(
    site: Site, actor: Actor, after: int = -1, limit: int | None = None, named: str = "", state: str = ""
) -> list[RelayRow]:
    """Enrolled relays by id, those after `after`, at most `limit`; with `named`, those that have it in their names; with one of
    STATES, those of whom that holds.
    """
    actor.require_operator()
    now_ms = site.now_ms()
    among = (
        [number for number, one in holdings.listings(site.archive).items() if _is(one, state, now_ms)]
        if state
        else None
    )
    found = enrol.relays(site.archive, after, limit, named, among)
    ids = [one.id for one in found]
    listings = holdings.listings_of(site.archive, ids)
    grouped = groups.of_relays(site.archive, ids)
    return [_row(one, listings.get(one.id, _NOTHING), now_ms, *grouped.get(one.id, (None, None))) for one in found]


def _is(one: Listing, state: str, now_ms: int) -> bool:
    if state == HOLDING:
        return one.runs > 0
    return one.heartbeat_ms > 0 and holdings.said_in(one.pull_url, one.report, one.heartbeat_ms).is_late(now_ms)


def pull_span(
    site: Site, actor: Actor, sensor_id: int, from_s: int, to_s: int | None, wait_s: float
) -> Sequence[Outcome]:
    """Gets now what relays hold of a sensor's data of a span (Unix seconds; `to_s` None: no end): what came of it, by relay."""
    actor.require_terminal()
    with noted(site, actor, "relays.pull_span", f"sensor {sensor_id}", from_s=from_s, to_s=to_s):
        pass  # what it asks for comes later
    wants = holdings.wants_in(site.archive, sensor_id, from_s, ANY if to_s is None else to_s)
    return _pull(site, wants, wait_s)


def pull_data(
    site: Site, actor: Actor, sensor_id: int, epoch: int, first_seq: int, last_seq: int, wait_s: float
) -> Sequence[Outcome]:
    """Gets now what relays hold of these data ids: what came of it, by relay."""
    actor.require_terminal()
    said = {"epoch": epoch, "first_seq": first_seq, "last_seq": last_seq}
    with noted(site, actor, "relays.pull_data", f"sensor {sensor_id}", **said):
        pass
    wants = holdings.wants_of(site.archive, sensor_id, epoch, first_seq, last_seq)
    return _pull(site, wants, wait_s)


def _pull(site: Site, wants: Mapping[int, Sequence[holdings.Want]], wait_s: float) -> Sequence[Outcome]:
    return pulls.pull(site, wants, wait_s)


def _row(info: enrol.RelayInfo, one: Listing, now_ms: int, group_id: int | None, group: str | None) -> RelayRow:
    beaten = one.heartbeat_ms > 0
    told = json.loads(one.report) if beaten else {}
    counts = heartbeats.counts_in(told)
    store, free, used = counts.store_bytes, counts.store_free_bytes, counts.buffer_bytes_used
    return RelayRow(
        info.id,
        info.name,
        max(0, round((now_ms - one.heartbeat_ms) / 1000)) if beaten else None,
        None if not store or free is None else max(0, round(100 * (1 - free / store))),
        None if not counts.buffer_bytes or used is None else min(100, round(100 * used / counts.buffer_bytes)),
        counts.clock_ahead_ms,
        counts.readings_held,
        counts.outbox_frames,
        one.data,
        one.runs,
        one.pull_url or None if beaten else None,
        beaten and holdings.said_of(one.pull_url, told, one.heartbeat_ms).is_late(now_ms),
        group_id,
        group,
    )
