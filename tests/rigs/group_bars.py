"""A group with a history, made by the heartbeats that its relays would send."""

import math

from gridecho_remote.rules.actor import Actor, Kind
from gridecho_remote.store import terms
from gridecho_remote.store.enrol import enrol_relay
from gridecho_remote.store.groups import add_group, join
from gridecho_remote.store.models import Group
from gridecho_remote.use import heartbeats

from tests.rigs.fleet import Fleet

PERIODS = 24


def beat(fleet: Fleet, relay_id: int, word: terms.Word | None = None, url: str | None = None) -> None:
    """A heartbeat of a relay, now; it is late after three minutes."""
    address = f"http://relay-{relay_id}:4691" if url is None else url
    said = heartbeats.Beat(relay=relay_id, every_s=60, group_url=address, word=word)
    heartbeats.take(fleet.site, Actor(Kind.RELAY, relay_id), said)


def bars_of(relay_id: int, term: int) -> list[int]:
    """The readings that a relay of this number collects in a term: a curve with a peak, greater for greater numbers."""
    return [
        int(40 * relay_id + 90 * relay_id * math.exp(-((i - 5 - 3 * relay_id) ** 2) / 9) + 7 * ((i * 13 + term) % 5))
        for i in range(PERIODS)
    ]


def report_bars(fleet: Fleet, group: Group, relay_ids: list[int], periods: int = PERIODS) -> None:
    """Heartbeats of all, with the bars of the open term."""
    term = terms.open_term(fleet.archive, group.id)
    assert term is not None
    for relay_id in relay_ids:
        bars = list(enumerate(bars_of(relay_id, term.number)))[:periods]
        beat(fleet, relay_id, terms.Word(group=group.id, term=term.number, run=1, periods=periods, bars=bars))


def make_group(fleet: Fleet, relay_ids: list[int], name: str = "north", turns: int = 0) -> Group:
    """Relays of a new group that have sent heartbeats, after so many turns."""
    enrolled = {1, 2}
    for relay_id in relay_ids:
        if relay_id not in enrolled:
            enrol_relay(fleet.archive, relay_id, f"Relay {relay_id}", bytes([relay_id]) * 32)
    now_ms = int(fleet.clock() * 1000)
    group = add_group(fleet.archive, name, now_ms, after_s=1440, period_s=60)
    join(fleet.archive, group, relay_ids, now_ms)
    for relay_id in relay_ids:
        beat(fleet, relay_id)
    for _ in range(turns):
        report_bars(fleet, group, relay_ids)
        terms.rotate(fleet.archive, group, int(fleet.clock() * 1000))
    return group
